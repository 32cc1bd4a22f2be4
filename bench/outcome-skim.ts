// Reads of each outcome in an answer only what a load generator needs: the command's number, its status, whether it
// is a replay, and a refusal's code. Some 50 ns an outcome where the full codec takes microseconds, which would be
// the machine's time that the engine should have. The layout is that of protocol/outcome-codec.ts; a test compares.
//
// Invariant: whatever does not look like version 1 ends with `null`; it never throws.

/**
 * Called for each outcome: the last 32 bits of its id, an index of STATUSES, whether it is a replay, and the code of a
 * refusal.
 */
export type SkimmedOutcome = (
  idTail: number,
  status: number,
  isReplayed: boolean,
  code: string | null,
) => void;

const NIL = 0xc0;
const TRUE = 0xc3;
const ID_BYTES = 16;
/** `fields` up to the id's own bytes: the array of ten, bin 8, its length. */
const HEAD_BYTES = 3;

/** @returns the number of outcomes, or null when the bytes are not skimmable (then some may have been told). */
export function skimOutcomes(bytes: Uint8Array, onOutcome: SkimmedOutcome): number | null {
  if (bytes[0] !== 0x92 || bytes[1] !== 1) return null;
  let at = 2;
  const length = arrayLength(bytes, at);
  at += arrayHead(length);
  for (let index = 0; index < length; index += 1) {
    at = skimOne(bytes, at, onOutcome);
    if (at < 0) return null;
  }
  return length >= 0 && at === bytes.length ? length : null;
}

/** @returns where the next one starts, or -1 */
function skimOne(bytes: Uint8Array, start: number, onOutcome: SkimmedOutcome): number {
  if (bytes[start] !== 0x9a || bytes[start + 1] !== 0xc4 || bytes[start + 2] !== ID_BYTES) return -1;
  const idEnd = start + HEAD_BYTES + ID_BYTES;
  const idTail =
    (((bytes[idEnd - 4] ?? 0) << 24) |
      ((bytes[idEnd - 3] ?? 0) << 16) |
      ((bytes[idEnd - 2] ?? 0) << 8) |
      (bytes[idEnd - 1] ?? 0)) >>>
    0;
  const statusAt = skipValues(bytes, idEnd, 1);
  if (statusAt < 0) return -1;
  const status = bytes[statusAt] ?? 0xff;
  const codeAt = statusAt + 1;
  const replayedAt = bytes[codeAt] === NIL ? codeAt + 2 : skipValues(bytes, codeAt, 2);
  if (replayedAt < 0) return -1;
  const end = skipValues(bytes, replayedAt + 1, 4);
  if (end < 0) return -1;
  const code = bytes[codeAt] === NIL ? null : textAt(bytes, codeAt);
  onOutcome(idTail, status, bytes[replayedAt] === TRUE, code);
  return end;
}

function arrayLength(bytes: Uint8Array, at: number): number {
  const token = bytes[at] ?? 0;
  if (token >= 0x90 && token <= 0x9f) return token & 0x0f;
  return token === 0xdc ? unsigned(bytes, at + 1, 2) : -1;
}

/** Bytes of the token that starts an array. */
function arrayHead(length: number): number {
  return length < 16 ? 1 : 3;
}

/** Steps over `count` values. @returns where the next one starts, or -1 when the bytes end before or hold other types */
function skipValues(bytes: Uint8Array, start: number, count: number): number {
  let at = start;
  for (let left = count; left > 0; left -= 1) {
    const token = bytes[at] ?? 0xc1;
    if (token < 0x80 || token >= 0xe0) at += 1;
    else if (token >= 0xa0 && token < 0xc0) at += 1 + (token & 0x1f);
    else if (token >= 0x90 && token < 0xa0) {
      left += token & 0x0f;
      at += 1;
    } else {
      const size = longSize(bytes, at, token);
      if (size < 0) return -1;
      at += size;
      if (token === 0xdc) left += unsigned(bytes, at - 2, 2);
    }
  }
  return at <= bytes.length ? at : -1;
}

/** Bytes of a value whose token is not all of it (of an array, its head), or -1. */
function longSize(bytes: Uint8Array, at: number, token: number): number {
  if (token === NIL || token === 0xc2 || token === TRUE) return 1;
  if (token === 0xcf || token === 0xd3) return 9;
  if (token === 0xce || token === 0xd2) return 5;
  if (token === 0xcd || token === 0xd1 || token === 0xdc) return 3;
  if (token === 0xcc || token === 0xd0) return 2;
  if (token === 0xc4 || token === 0xd9) return 2 + unsigned(bytes, at + 1, 1);
  if (token === 0xc5 || token === 0xda) return 3 + unsigned(bytes, at + 1, 2);
  return -1;
}

function textAt(bytes: Uint8Array, at: number): string {
  const token = bytes[at] ?? 0;
  const start = token === 0xd9 ? at + 2 : at + 1;
  const length = token === 0xd9 ? unsigned(bytes, at + 1, 1) : token & 0x1f;
  return Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
}

function unsigned(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let index = 0; index < width; index += 1) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}
