// Writes JSON straight into bytes: no strings are joined and nothing is left to collect. What never changes is laid
// down eight bytes at a time (a store of a float64 is one instruction, a native copy of forty bytes fifty); numbers are
// written two digits at a time. Text that is not ASCII goes the long way.
//
// Owns the bytes and how values are spelled: numbers, amounts, times, balances. Does not own what is said of an event
// (event-writer.ts) or an outcome (outcome-json.ts).

import { assert } from "./assert.ts";
import { NOT_SMALL, smallAmount } from "./money.ts";
import type { Balances } from "./outcome.ts";
import { TIME_MS_MAX, timeText } from "./time-text.ts";

/** Text that is laid down in words; the last word may reach beyond its end. */
export interface Constant {
  readonly words: Float64Array;
  readonly length: number;
}

const WORD = 8;
/** Bytes of everything in a wallet but its name. */
const WALLET_ROOM = 320;
/** A UTF-16 unit takes three bytes at most, six when it is escaped. */
const UNIT_BYTES_MAX = 6;
const NINE_DIGITS = 1_000_000_000;
const DAY_MS = 86_400_000;
/** Characters of a time up to its hour. */
const DATE_CHARS = 11;
const COLON = 0x3a;
const COMMA = 0x2c;
const DOT = 0x2e;
const MINUS = 0x2d;
const QUOTE = 0x22;
const ZERO = 0x30;
const UTC = 0x5a;

const PAIRS = Uint16Array.from({ length: 100 }, (_, value) => {
  return (ZERO + Math.floor(value / 10)) | ((ZERO + (value % 10)) << 8);
});
const EMPTY = constantOf("");
const POSTED = constantOf('":{"posted":"');
const HELD = constantOf('","held":"');
const INCOMING = constantOf('","incoming":"');
const AVAILABLE = constantOf('","available":"');
const NOTHING_RESERVED = constantOf('","held":"0","incoming":"0","available":"');
const VERSION = constantOf('","version":"');
const WALLET_END = constantOf('"}');

/** Kinds whose text is kept: operations times statuses are fewer. */
const KINDS_MAX = 256;
/** The texts between a command's id and what follows its status, by operation and status. */
const kinds = new Map<string, Constant>();

/** See the file header. Writers of single values expect the room for them to be there, but for `text` and `wallets`. */
export class JsonBytes {
  #bytes: Buffer;
  #view: DataView;
  #at = 0;
  /** The day of the time that was written last. */
  #day = { number: -1, date: EMPTY };
  /** The kind that was written last: most events and outcomes of a record are of one. */
  #kind = { op: "", status: "", text: EMPTY };

  /** @param capacity bytes to begin with; it doubles when it is full */
  constructor(capacity = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** The bytes from `start` to `end`, not copied: good until the next write. */
  slice(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  /** All bytes, copied; then it is empty. */
  finish(): Uint8Array {
    const copy = Buffer.allocUnsafe(this.#at);
    this.#bytes.copy(copy, 0, 0, this.#at);
    this.#at = 0;
    return copy;
  }

  /** Forgets the bytes before `start`; those behind it move to the front. */
  dropBefore(start: number): void {
    this.#bytes.copyWithin(0, start, this.#at);
    this.#at -= start;
  }

  /** A comma, before another value. */
  comma(): void {
    this.room(WORD);
    this.byte(COMMA);
  }

  protected byte(value: number): void {
    this.#view.setUint8(this.#at++, value);
  }

  protected constant({ words, length }: Constant): void {
    const view = this.#view;
    let at = this.#at;
    this.#at = at + length;
    for (let index = 0; index < words.length; index += 1) {
      view.setFloat64(at, words[index] ?? 0, true);
      at += WORD;
    }
  }

  /** Balances by wallet, in their order, up to the closing brace. */
  protected wallets(wallets: readonly Balances[]): void {
    for (let at = 0; at < wallets.length; at += 1) {
      const balances = wallets[at];
      if (balances !== undefined) this.#wallet(balances, at > 0);
    }
    this.room(WORD);
    this.byte(0x7d);
  }

  #wallet({ wallet, posted, held, incoming, available, version }: Balances, isNext: boolean): void {
    this.room(WALLET_ROOM + wallet.length * UNIT_BYTES_MAX);
    if (isNext) this.byte(COMMA);
    this.byte(QUOTE);
    this.ascii(wallet);
    this.constant(POSTED);
    this.#amount(posted);
    if (held === 0n && incoming === 0n) this.constant(NOTHING_RESERVED);
    else {
      this.constant(HELD);
      this.#amount(held);
      this.constant(INCOMING);
      this.#amount(incoming);
      this.constant(AVAILABLE);
    }
    if (available === "unlimited") this.ascii(available);
    else this.#amount(available);
    this.constant(VERSION);
    this.number(version);
    this.constant(WALLET_END);
  }

  /** A time in ms since 1970, without quotes. */
  protected time(timeMs: number): void {
    assert(
      Number.isInteger(timeMs) && timeMs >= 0 && timeMs <= TIME_MS_MAX,
      "a time lies between 1970 and 9999",
    );
    const day = Math.floor(timeMs / DAY_MS);
    if (day !== this.#day.number)
      this.#day = { number: day, date: constantOf(timeText(timeMs).slice(0, DATE_CHARS)) };
    this.constant(this.#day.date);
    const ms = timeMs - day * DAY_MS;
    const second = (ms / 1000) | 0;
    const minute = (second / 60) | 0;
    const hour = (minute / 60) | 0;
    this.#digits(hour, 2);
    this.byte(COLON);
    this.#digits(minute - hour * 60, 2);
    this.byte(COLON);
    this.#digits(second - minute * 60, 2);
    this.byte(DOT);
    this.#digits(ms - second * 1000, 3);
    this.byte(UTC);
  }

  /** The end of an id, an operation and a status: names, which need no escapes. */
  protected kind(op: string, status: string): void {
    if (op !== this.#kind.op || status !== this.#kind.status)
      this.#kind = { op, status, text: kindOf(op, status) };
    this.constant(this.#kind.text);
  }

  #amount(value: bigint): void {
    const small = smallAmount(value);
    const number = small === NOT_SMALL ? Number(value) : small;
    if (!Number.isSafeInteger(number)) this.ascii(value.toString());
    else if (number >= 0) this.number(number);
    else {
      this.byte(MINUS);
      this.number(-number);
    }
  }

  /** A number 0..2^53-1. */
  protected number(value: number): void {
    if (value < 10) this.byte(ZERO + value);
    else if (value < NINE_DIGITS) this.#digits(value, digitsOf(value));
    else {
      const high = Math.floor(value / NINE_DIGITS);
      this.#digits(high, digitsOf(high));
      this.#digits(value - high * NINE_DIGITS, 9);
    }
  }

  /** The last `count` digits of a number below 10^9. */
  #digits(value: number, count: number): void {
    const view = this.#view;
    const start = this.#at;
    let rest = value | 0;
    let at = start + count;
    this.#at = at;
    while (at >= start + 2) {
      const next = (rest / 100) | 0;
      at -= 2;
      view.setUint16(at, PAIRS[rest - next * 100] ?? 0, true);
      rest = next;
    }
    if (at > start) view.setUint8(start, ZERO + rest);
  }

  /** Text, as it is; makes room for it and for `more` bytes behind it. */
  protected text(text: string, more = 0): void {
    this.room(text.length * UNIT_BYTES_MAX + more);
    this.ascii(text);
  }

  /** Text that is ASCII nearly always, as it is. */
  protected ascii(text: string): void {
    const view = this.#view;
    const start = this.#at;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) {
        this.#at = start + this.#bytes.write(text, start, "utf8");
        return;
      }
      view.setUint8(start + index, unit);
    }
    this.#at = start + text.length;
  }

  protected room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + length));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function kindOf(op: string, status: string): Constant {
  const key = `${op} ${status}`;
  const known = kinds.get(key);
  if (known) return known;
  if (kinds.size === KINDS_MAX) kinds.clear();
  const made = constantOf(`","op":"${op}","status":"${status}"`);
  kinds.set(key, made);
  return made;
}

/** Digits of a number 1..10^9-1. */
function digitsOf(value: number): number {
  if (value < 100) return value < 10 ? 1 : 2;
  if (value < 10_000) return value < 1000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8;
  return 9;
}

/** ASCII text as {@link JsonBytes} lays it down. */
export function constantOf(ascii: string): Constant {
  const words = new Float64Array(Math.ceil(ascii.length / WORD));
  const bytes = Buffer.from(words.buffer);
  bytes.write(ascii, "latin1");
  return { words, length: ascii.length };
}
