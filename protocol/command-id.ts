// Command ids are 128-bit values chosen by the caller, UUID text in JSON and 16 bytes in frames and
// storage. In memory they are lower-case UUID text, so that equal ids are equal strings.

declare const brand: unique symbol;

/** A lower-case UUID. Scope: tenant and addressed owner, for ever. */
export type CommandId = string & { readonly [brand]: "CommandId" };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** A UUID as nearly everybody writes it. */
const LOWER_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const HEX = "0123456789abcdef";
/** The characters of every byte's high and low half. */
const HIGH = Uint8Array.from({ length: 256 }, (_, byte) => HEX.charCodeAt(byte >>> 4));
const LOW = Uint8Array.from({ length: 256 }, (_, byte) => HEX.charCodeAt(byte & 15));
const DASH = 0x2d;

/** @returns the id in lower case, or `undefined` when the value is not UUID text of any version. */
export function parseCommandId(value: unknown): CommandId | undefined {
  if (typeof value !== "string") return undefined;
  if (LOWER_UUID.test(value)) return value as CommandId;
  return UUID.test(value) ? (value.toLowerCase() as CommandId) : undefined;
}

/** @returns the id's 16 bytes, freshly allocated. */
export function commandIdBytes(id: CommandId): Uint8Array {
  return Buffer.from(id.replaceAll("-", ""), "hex");
}

/** @returns the id that 16 bytes hold, or `undefined` for another length. About 0.1 µs. */
export function commandIdFromBytes(bytes: Uint8Array): CommandId | undefined {
  return bytes.length === 16 ? commandIdAt(bytes, 0) : undefined;
}

/**
 * @returns the id whose 16 bytes start at `offset`; the caller has checked that they are there. About 0.07 µs, where
 * handing the characters over as an array takes 0.13.
 */
export function commandIdAt(bytes: Uint8Array, offset: number): CommandId {
  return String.fromCharCode(
    high(bytes, offset),
    low(bytes, offset),
    high(bytes, offset + 1),
    low(bytes, offset + 1),
    high(bytes, offset + 2),
    low(bytes, offset + 2),
    high(bytes, offset + 3),
    low(bytes, offset + 3),
    DASH,
    high(bytes, offset + 4),
    low(bytes, offset + 4),
    high(bytes, offset + 5),
    low(bytes, offset + 5),
    DASH,
    high(bytes, offset + 6),
    low(bytes, offset + 6),
    high(bytes, offset + 7),
    low(bytes, offset + 7),
    DASH,
    high(bytes, offset + 8),
    low(bytes, offset + 8),
    high(bytes, offset + 9),
    low(bytes, offset + 9),
    DASH,
    high(bytes, offset + 10),
    low(bytes, offset + 10),
    high(bytes, offset + 11),
    low(bytes, offset + 11),
    high(bytes, offset + 12),
    low(bytes, offset + 12),
    high(bytes, offset + 13),
    low(bytes, offset + 13),
    high(bytes, offset + 14),
    low(bytes, offset + 14),
    high(bytes, offset + 15),
    low(bytes, offset + 15),
  ) as CommandId;
}

function high(bytes: Uint8Array, offset: number): number {
  return HIGH[bytes[offset] ?? 0] ?? 0;
}

function low(bytes: Uint8Array, offset: number): number {
  return LOW[bytes[offset] ?? 0] ?? 0;
}
