// Writes the JSON text of events straight into bytes: no strings are joined and nothing is left to collect. What
// never changes is laid down eight bytes at a time (a store of a float64 is one instruction, a native copy of forty
// bytes fifty); numbers are written two digits at a time. Text that is not ASCII (a reference) goes the long way.
//
// Owns the text of one event and the bytes it lies in. Does not own messages (event.ts) nor which events are kept.

import type { Op } from "./command.ts";
import type { CommandId } from "./command-id.ts";
import { smallAmount } from "./money.ts";
import type { Balances, Status } from "./outcome.ts";
import { timeText } from "./time-text.ts";

/** What one command or step did to wallets of one shard. */
export interface EventContent {
  /** For an expiry: the hold. */
  readonly command: CommandId;
  readonly op: Op | "expire";
  /** Terminal in the record that settles the command, else `pending`. */
  readonly status: Status | "pending" | "expired";
  readonly ref: string | null;
  /** The wallets that changed, after the step. */
  readonly wallets: readonly Balances[];
  readonly timeMs: number;
}

/** An event without its shard. */
export interface EventSource extends EventContent {
  readonly position: number;
  /** 0-based, in its record. */
  readonly index: number;
}

/** Text that is laid down in words; the last word may reach beyond its end. */
interface Constant {
  readonly words: Float64Array;
  readonly length: number;
}

const WORD = 8;
/** Bytes of everything in an event but its reference and wallets, and of everything in a wallet but its name. */
const EVENT_ROOM = 512;
const WALLET_ROOM = 320;
/** A UTF-16 unit takes three bytes at most, six when it is escaped. */
const UNIT_BYTES_MAX = 6;
const NINE_DIGITS = 1_000_000_000;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const QUOTE = 0x22;
const ZERO = 0x30;
const CLOSE = 0x7d;

const PAIRS = Uint16Array.from({ length: 100 }, (_, value) => {
  return (ZERO + Math.floor(value / 10)) | ((ZERO + (value % 10)) << 8);
});
const OPEN = constantOf('{"id":"');
const COMMAND = constantOf('","command":"');
const REF = constantOf(',"ref":');
const WALLETS = constantOf(',"wallets":{');
const POSTED = constantOf('":{"posted":"');
const HELD = constantOf('","held":"');
const INCOMING = constantOf('","incoming":"');
const AVAILABLE = constantOf('","available":"');
const NOTHING_RESERVED = constantOf('","held":"0","incoming":"0","available":"');
const VERSION = constantOf('","version":"');
const WALLET_END = constantOf('"}');

/** See the file header. */
export class EventWriter {
  #bytes: Buffer;
  #view: DataView;
  #at = 0;
  /** The parts made last: the events of a record share its time, and most are of one kind. */
  #kind = { op: "", status: "", constant: OPEN };
  #time = { timeMs: -1, constant: OPEN };

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

  /** Forgets the bytes before `start`; those behind it move to the front. */
  dropBefore(start: number): void {
    this.#bytes.copyWithin(0, start, this.#at);
    this.#at -= start;
  }

  /** A comma, before another event. */
  comma(): void {
    this.#room(WORD);
    this.#view.setUint8(this.#at++, COMMA);
  }

  /** One event of a shard. About a third of a microsecond with two wallets. */
  event({ position, index, command, op, status, ref, wallets, timeMs }: EventSource, shard: number): void {
    this.#room(EVENT_ROOM);
    this.#constant(OPEN);
    this.#number(shard);
    this.#view.setUint8(this.#at++, COLON);
    this.#number(position);
    this.#view.setUint8(this.#at++, COLON);
    this.#number(index);
    this.#constant(COMMAND);
    this.#text(command);
    this.#constant(this.#kindOf(op, status));
    if (ref !== null) this.#ref(ref);
    this.#constant(WALLETS);
    for (let at = 0; at < wallets.length; at += 1) {
      const balances = wallets[at];
      if (balances !== undefined) this.#wallet(balances, at > 0);
    }
    this.#room(EVENT_ROOM);
    this.#view.setUint8(this.#at++, CLOSE);
    this.#constant(this.#timeOf(timeMs));
  }

  #ref(ref: string): void {
    this.#room(EVENT_ROOM + ref.length * UNIT_BYTES_MAX);
    this.#constant(REF);
    this.#text(JSON.stringify(ref));
  }

  #wallet({ wallet, posted, held, incoming, available, version }: Balances, isNext: boolean): void {
    this.#room(WALLET_ROOM + wallet.length * UNIT_BYTES_MAX);
    if (isNext) this.#view.setUint8(this.#at++, COMMA);
    this.#view.setUint8(this.#at++, QUOTE);
    this.#text(wallet);
    this.#constant(POSTED);
    this.#amount(posted);
    if (held === 0n && incoming === 0n) this.#constant(NOTHING_RESERVED);
    else {
      this.#constant(HELD);
      this.#amount(held);
      this.#constant(INCOMING);
      this.#amount(incoming);
      this.#constant(AVAILABLE);
    }
    if (available === "unlimited") this.#text(available);
    else this.#amount(available);
    this.#constant(VERSION);
    this.#number(version);
    this.#constant(WALLET_END);
  }

  #kindOf(op: string, status: string): Constant {
    if (op !== this.#kind.op || status !== this.#kind.status)
      this.#kind = { op, status, constant: constantOf(`","op":"${op}","status":"${status}"`) };
    return this.#kind.constant;
  }

  #timeOf(timeMs: number): Constant {
    if (timeMs !== this.#time.timeMs)
      this.#time = { timeMs, constant: constantOf(`,"time":"${timeText(timeMs)}"}`) };
    return this.#time.constant;
  }

  #constant({ words, length }: Constant): void {
    const view = this.#view;
    let at = this.#at;
    this.#at = at + length;
    for (let index = 0; index < words.length; index += 1) {
      view.setFloat64(at, words[index] ?? 0, true);
      at += WORD;
    }
  }

  #amount(value: bigint): void {
    const small = smallAmount(value);
    const number = small >= 0 ? small : Number(value);
    if (!Number.isSafeInteger(number)) this.#text(value.toString());
    else if (number >= 0) this.#number(number);
    else {
      this.#view.setUint8(this.#at++, MINUS);
      this.#number(-number);
    }
  }

  /** A number 0..2^53-1. */
  #number(value: number): void {
    if (value < 10) this.#view.setUint8(this.#at++, ZERO + value);
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

  /** Text whose room is there. */
  #text(text: string): void {
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

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + length));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Digits of a number 1..10^9-1. */
function digitsOf(value: number): number {
  if (value < 100) return value < 10 ? 1 : 2;
  if (value < 10_000) return value < 1000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8;
  return 9;
}

function constantOf(ascii: string): Constant {
  const words = new Float64Array(Math.ceil(ascii.length / WORD));
  const bytes = Buffer.from(words.buffer);
  bytes.write(ascii, "latin1");
  return { words, length: ascii.length };
}
