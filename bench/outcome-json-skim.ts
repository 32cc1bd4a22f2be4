// The same as outcome-skim.ts for answers in JSON (protocol/outcome-json.ts): finds each outcome by the way it begins,
// which no text inside one can look like (its quotes are escaped), and reads the few fields behind it by their place.
//
// Invariant: whatever does not look so ends with `null`; it never throws.

import { STATUSES } from "../protocol/outcome.ts";
import type { SkimmedOutcome } from "./outcome-skim.ts";

const BEGIN = Buffer.from('{"id":"');
const AFTER_ID = Buffer.from('","op":"');
const STATUS = Buffer.from('","status":"');
const CODE = Buffer.from('","code":"');
const REPLAYED = Buffer.from('"replayed":');
const ID_CHARS = 36;
const QUOTE = 0x22;
const NAME_MAX = 64;
const STATUS_INDEX = new Map(STATUSES.map((status, index) => [status as string, index]));
const POSTED = STATUSES.indexOf("posted");
const POSTED_TEXT = Buffer.from('posted","replayed":');
const T = 0x74;
const NO_DIGIT = 0xff;
const HEX = hexDigits();

/** @returns the number of outcomes, or null when the bytes are not skimmable (then some may have been told). */
export function skimJsonOutcomes(data: Uint8Array, onOutcome: SkimmedOutcome): number | null {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  if (bytes[0] !== 0x5b || bytes[bytes.length - 1] !== 0x5d) return null;
  let count = 0;
  for (let at = bytes.indexOf(BEGIN); at >= 0; at = bytes.indexOf(BEGIN, at + 1)) {
    if (!skimOne(bytes, at, onOutcome)) return null;
    count += 1;
  }
  return count > 0 || bytes.length === 2 ? count : null;
}

function skimOne(bytes: Buffer, at: number, onOutcome: SkimmedOutcome): boolean {
  const idEnd = at + BEGIN.length + ID_CHARS;
  const idTail = hexTail(bytes, idEnd);
  if (idTail < 0 || !isAt(bytes, AFTER_ID, idEnd)) return false;
  const opEnd = quoteFrom(bytes, idEnd + AFTER_ID.length);
  if (opEnd < 0 || !isAt(bytes, STATUS, opEnd)) return false;
  const statusAt = opEnd + STATUS.length;
  if (isAt(bytes, POSTED_TEXT, statusAt)) {
    onOutcome(idTail, POSTED, bytes[statusAt + POSTED_TEXT.length] === T, null);
    return true;
  }
  return skimOther(bytes, { statusAt, idTail }, onOutcome);
}

/** The rest of an outcome that is not `posted`. */
function skimOther(
  bytes: Buffer,
  { statusAt, idTail }: { readonly statusAt: number; readonly idTail: number },
  onOutcome: SkimmedOutcome,
): boolean {
  const statusEnd = quoteFrom(bytes, statusAt);
  const status = STATUS_INDEX.get(bytes.toString("latin1", statusAt, Math.max(statusAt, statusEnd)));
  if (statusEnd < 0 || status === undefined) return false;
  let code: string | null = null;
  if (isAt(bytes, CODE, statusEnd)) {
    const codeAt = statusEnd + CODE.length;
    const codeEnd = quoteFrom(bytes, codeAt);
    if (codeEnd < 0) return false;
    code = bytes.toString("latin1", codeAt, codeEnd);
  }
  const replayedAt = bytes.indexOf(REPLAYED, statusEnd);
  if (replayedAt < 0) return false;
  onOutcome(idTail, status, bytes[replayedAt + REPLAYED.length] === T, code);
  return true;
}

/** The next quote within a name's length, or -1. */
function quoteFrom(bytes: Buffer, start: number): number {
  for (let at = start; at < start + NAME_MAX; at += 1) if (bytes[at] === QUOTE) return at;
  return -1;
}

function isAt(bytes: Buffer, text: Buffer, at: number): boolean {
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text[index]) return false;
  return true;
}

/** The number that the eight hexadecimal digits before `end` are, or -1. */
function hexTail(bytes: Buffer, end: number): number {
  let value = 0;
  for (let at = end - 8; at < end; at += 1) {
    const digit = HEX[bytes[at] ?? 0] ?? NO_DIGIT;
    if (digit === NO_DIGIT) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** The value of each character that is a hexadecimal digit in lower case. */
function hexDigits(): Uint8Array {
  const digits = new Uint8Array(256).fill(NO_DIGIT);
  for (let value = 0; value < 16; value += 1) digits[value.toString(16).charCodeAt(0)] = value;
  return digits;
}
