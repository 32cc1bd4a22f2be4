/**
 * What a consumer writes into the reply subject of a delivery, read from its bytes:
 *
 *   $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<tries>.<sequence>.<delivered>.<time>.<pending>[.<random>]
 *
 * Owns this spelling, and nothing of the record itself. Read for every record: no text, no list of tokens.
 */

/** The numbers of a delivery. The time is the record's, since 1970: whole ms, and ns beyond them. */
export interface DeliveryStamp {
  readonly sequence: number;
  readonly delivered: number;
  readonly timeMs: number;
  readonly timeNanos: number;
}

const PREFIX = Buffer.from("$JS.ACK.");
const DOT = 0x2e;
/** Tokens without domain and account, and at most. */
const TOKENS_SHORT = 9;
const TOKENS_MAX = 12;
/** The place of `sequence` among the tokens of the short form and of the long one. */
const SEQUENCE_SHORT = 5;
const SEQUENCE_LONG = 7;
/** The last digits of a time, which are ns; one more at least stands before them. */
const NANOS_DIGITS = 6;

/** Where each token of the subject under way ends. */
const ends = new Int32Array(TOKENS_MAX);

/** The numbers in a delivery's reply subject, or null when it is another one. Never throws. */
export function deliveryStamp(reply: Uint8Array): DeliveryStamp | null {
  for (let at = 0; at < PREFIX.length; at += 1) if (reply[at] !== PREFIX[at]) return null;
  const tokens = split(reply);
  if (tokens < TOKENS_SHORT) return null;
  const place = tokens === TOKENS_SHORT ? SEQUENCE_SHORT : SEQUENCE_LONG;
  const timeStart = startOf(place + 2);
  const timeEnd = ends[place + 2] ?? 0;
  const sequence = decimal(reply, startOf(place), ends[place] ?? 0);
  const delivered = decimal(reply, startOf(place + 1), ends[place + 1] ?? 0);
  const timeMs = decimal(reply, timeStart, timeEnd - NANOS_DIGITS);
  const timeNanos = decimal(reply, timeEnd - NANOS_DIGITS, timeEnd);
  const isWhole = sequence >= 0 && delivered >= 0 && timeMs >= 0 && timeNanos >= 0;
  return isWhole ? { sequence, delivered, timeMs, timeNanos } : null;
}

/** Notes where tokens end. @returns their number, 0 when there are too many */
function split(reply: Uint8Array): number {
  let tokens = 0;
  for (let at = 0; at <= reply.length; at += 1) {
    if (at < reply.length && reply[at] !== DOT) continue;
    if (tokens === TOKENS_MAX) return 0;
    ends[tokens] = at;
    tokens += 1;
  }
  return tokens;
}

function startOf(token: number): number {
  return (ends[token - 1] ?? 0) + 1;
}

/** The number that the digits are, or -1. */
function decimal(bytes: Uint8Array, start: number, end: number): number {
  let value = end > start ? 0 : -1;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : -1;
}
