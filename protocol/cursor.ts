// Cursors of paged reads: where the next page goes on. Opaque to callers, who give back what they were given:
// base64url of a version and a few counters. A cursor of another version does not parse, and the caller
// starts again from the first page.

const VERSION = 1;
const NUMBERS_MAX = 8;
const CHARS_MAX = 256;
const TEXT = /^[A-Za-z0-9_-]+$/;
const BODY = /^(?:0|[1-9][0-9]{0,15})(?:\.(?:0|[1-9][0-9]{0,15}))*$/;

/** A place in a paged read: 1..8 non-negative safe integers, whose meaning is the engine's. */
export type Cursor = readonly number[];

/** The opaque text of a cursor. */
export function encodeCursor(cursor: Cursor): string {
  return Buffer.from([VERSION, ...cursor].join("."), "latin1").toString("base64url");
}

/** @returns the cursor that {@link encodeCursor} wrote, else `undefined`. Never throws. */
export function decodeCursor(value: unknown): Cursor | undefined {
  if (typeof value !== "string" || value.length > CHARS_MAX || !TEXT.test(value)) return undefined;
  const body = Buffer.from(value, "base64url").toString("latin1");
  if (!BODY.test(body)) return undefined;
  const [version, ...numbers] = body.split(".").map(Number);
  if (version !== VERSION || numbers.length === 0 || numbers.length > NUMBERS_MAX) return undefined;
  const spelledOnce = Buffer.from(body, "latin1").toString("base64url") === value;
  return spelledOnce && numbers.every(Number.isSafeInteger) ? numbers : undefined;
}
