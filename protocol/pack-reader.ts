// Reads MessagePack that came from outside. Owns bounds (every length is checked against the bytes that are
// left before anything is allocated), nesting, UTF-8, and the refusal of what our formats never use: maps,
// floats, extension types. Also notes whether everything was in the shortest encoding, because then a slice
// of the message is the canonical form and needs no second encoding.
//
// Invariant: whatever the bytes, they give a value or PackMismatch, which never leaves the codecs
// (catchMismatch).
// Our own reader, because msgpackr 2.1 repairs ill-formed UTF-8 and, where its native part is missing, drops a
// leading byte order mark of texts over 64 bytes: one content, two hashes, by machine and form. For one item
// it also takes 1.5 µs against 0.8 here (for frames of 100 commands 0.3 µs a command against 0.6).

import type { CommandId } from "./command-id.ts";
import { commandIdAt } from "./command-id.ts";
import { failed, ok, type Result } from "./result.ts";

/** What a message can hold. Integers beyond ±(2^53-1) are bigint, others number. */
export type PackValue = null | boolean | number | bigint | string | Uint8Array | readonly PackValue[];

/** Why stored or received bytes do not decode. */
export type CodecFailure = "malformed" | "unknown_version";

/** Thrown inside the codecs only. */
export class PackMismatch extends Error {
  override readonly name = "PackMismatch";
}

const MISMATCH = new PackMismatch("the bytes do not hold what the format asks for");
const DEPTH_MAX = 8;
const UINT32 = 0x1_0000_0000;
const HIGH_SAFE = 0x20_0000;

/** One array of characters per length of short texts: names are read in half the time that Buffer takes. */
const UNITS: readonly number[][] = Array.from({ length: 32 }, (_, length) =>
  new Array<number>(length).fill(0),
);

/** Ends a decoding. */
export function mismatch(): never {
  throw MISMATCH;
}

/**
 * Runs a decoder over all of `bytes`.
 * @returns its value, or `malformed` when it threw a mismatch or left bytes over
 */
export function readPacked<Value>(
  bytes: Uint8Array,
  read: (reader: PackReader) => Value,
): Result<Value, "malformed"> {
  return catchMismatch(() => {
    const reader = new PackReader(bytes);
    const value = read(reader);
    return reader.left === 0 ? value : mismatch();
  });
}

/** Turns a mismatch into a result; other throws are bugs and pass. */
export function catchMismatch<Value>(run: () => Value): Result<Value, "malformed"> {
  try {
    return ok(run());
  } catch (error) {
    if (error instanceof PackMismatch) return failed("malformed");
    throw error;
  }
}

/** A cursor over the bytes of one message; see the file header. */
export class PackReader {
  /** Offset of the next token. */
  at = 0;
  /** Everything read so far was in its shortest encoding. */
  minimal = true;
  private readonly bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.bytes.length - this.at;
  }

  /** A view of what lies between two offsets. */
  slice(start: number, end: number): Uint8Array {
    return this.bytes.subarray(start, end);
  }

  /** The length of the array that starts here, or -1 (and nothing is read) when no array does. */
  arrayLength(): number {
    const token = this.bytes[this.at] ?? mismatch();
    if (token >= 0x90 && token <= 0x9f) {
      this.at += 1;
      return this.fitting(token & 0x0f);
    }
    if (token !== 0xdc && token !== 0xdd) return -1;
    this.at += 1;
    return this.longArrayLength(token);
  }

  /** The id that starts here, or null (and nothing is read) when another value does. */
  id(): CommandId | null {
    if (this.bytes[this.at] !== 0xc4 || this.bytes[this.at + 1] !== 16 || this.left < 18) return null;
    this.at += 18;
    return commandIdAt(this.bytes, this.at - 16);
  }

  /** The value that starts here, whole. */
  value(depth = 0): PackValue {
    const token = this.bytes[this.at] ?? mismatch();
    this.at += 1;
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    if (token >= 0xa0 && token <= 0xbf) return this.text(token & 0x1f);
    if (token >= 0x90 && token <= 0x9f) return this.elements(this.fitting(token & 0x0f), depth);
    return this.long(token, depth);
  }

  private long(token: number, depth: number): PackValue {
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.bin(this.unsigned(1, 0));
      case 0xc5:
        return this.bin(this.unsigned(2, 0x100));
      case 0xc6:
        return this.bin(this.unsigned(4, 0x1_0000));
      case 0xcc:
        return this.unsigned(1, 0x80);
      case 0xcd:
        return this.unsigned(2, 0x100);
      case 0xce:
        return this.unsigned(4, 0x1_0000);
      case 0xcf:
        return this.unsigned64();
      case 0xd0:
        return this.signed(1, -0x20);
      case 0xd1:
        return this.signed(2, -0x80);
      case 0xd2:
        return this.signed(4, -0x8000);
      case 0xd3:
        return this.signed64();
      case 0xd9:
        return this.text(this.unsigned(1, 0x20));
      case 0xda:
        return this.text(this.unsigned(2, 0x100));
      case 0xdb:
        return this.text(this.unsigned(4, 0x1_0000));
      case 0xdc:
      case 0xdd:
        return this.elements(this.longArrayLength(token), depth);
      default:
        return mismatch();
    }
  }

  private longArrayLength(token: number): number {
    return this.fitting(token === 0xdc ? this.unsigned(2, 0x10) : this.unsigned(4, 0x1_0000));
  }

  /** An element takes at least one byte: more elements than bytes is a lie, refused before allocating. */
  private fitting(length: number): number {
    return length <= this.left ? length : mismatch();
  }

  private elements(length: number, depth: number): PackValue[] {
    if (depth >= DEPTH_MAX) mismatch();
    const values: PackValue[] = [];
    for (let index = 0; index < length; index += 1) values.push(this.value(depth + 1));
    return values;
  }

  private bin(length: number): Uint8Array {
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  private text(length: number): string {
    const start = this.take(length);
    const units = UNITS[length];
    if (units && this.ascii(units, start)) return String.fromCharCode.apply(null, units);
    const text = this.bytes.toString("utf8", start, start + length);
    if (text.includes("\ufffd") && !this.holds(text, start, length)) mismatch();
    return text;
  }

  /** Copies ASCII characters to `units`; false when there are others. */
  private ascii(units: number[], start: number): boolean {
    for (let index = 0; index < units.length; index += 1) {
      const unit = this.bytes[start + index] ?? 0x80;
      if (unit > 0x7f) return false;
      units[index] = unit;
    }
    return true;
  }

  /** Ill-formed UTF-8 decodes to U+FFFD, which encodes to other bytes than were there. */
  private holds(text: string, start: number, length: number): boolean {
    return Buffer.from(text, "utf8").equals(this.bytes.subarray(start, start + length));
  }

  private unsigned(width: 1 | 2 | 4, least: number): number {
    const start = this.take(width);
    const value = this.bytes.readUIntBE(start, width);
    if (value < least) this.minimal = false;
    return value;
  }

  private signed(width: 1 | 2 | 4, below: number): number {
    const start = this.take(width);
    const value = this.bytes.readIntBE(start, width);
    if (value >= below) this.minimal = false;
    return value;
  }

  private unsigned64(): number | bigint {
    const start = this.take(8);
    const high = this.bytes.readUInt32BE(start);
    if (high === 0) this.minimal = false;
    if (high < HIGH_SAFE) return high * UINT32 + this.bytes.readUInt32BE(start + 4);
    return this.bytes.readBigUInt64BE(start);
  }

  private signed64(): number | bigint {
    const value = this.bytes.readBigInt64BE(this.take(8));
    if (value >= -0x8000_0000n) this.minimal = false;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  private take(length: number): number {
    if (length > this.left) mismatch();
    const start = this.at;
    this.at += length;
    return start;
  }
}
