// The short way through a JSON message: reads transfers in the short form, alone or in an array, straight from the
// bytes. Every value is text of printable ASCII without escapes, every field is known and there once. At the first byte
// that is anything else it gives up on the whole message, and command-json reads it the long way.
//
//   {"op":"transfer","id":"0190…","from":"alice:usd","to":"bob:usd","amount":"1250","code":"sale","ref":"order-7"}
//
// Invariant: what it reads is what the long way reads; it never refuses. A property test compares both.

import type { TransferCommand } from "./command.ts";
import { type CommandId, parseCommandId } from "./command-id.ts";
import type { DecodeContext } from "./decoded-command.ts";
import { WALLETS } from "./interned-names.ts";
import { CODE_BYTES_MAX, COMMANDS_PER_MESSAGE_MAX, REF_BYTES_MAX } from "./limits.ts";
import { parseAmount } from "./money.ts";
import { isOwnedBy, type OwnerName, ownerOf, type WalletName } from "./names.ts";
import { shardOf } from "./shard-map.ts";

const FIELDS = ["op", "id", "from", "to", "amount", "code", "ref"] as const;
const OP = 0;
const ID = 1;
const FROM = 2;
const TO = 3;
const AMOUNT = 4;
const CODE = 5;
const REF = 6;

/** A field as most senders write it, up to where its value begins. */
const OPENINGS = FIELDS.map((field) => Buffer.from(`"${field}":"`));

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

const NO_BYTES = Buffer.alloc(0);
/** What `toString` comes to, without its questions. */
const { latin1Slice } = Buffer.prototype;

/** Reads one message after the other; see the file header. Its readers give `undefined` or false for what is not plain. */
export class PlainJsonReader {
  #bytes: Buffer = NO_BYTES;
  /** Where the values of the object being read begin and end, by their place in FIELDS; 0 = not there. */
  readonly #starts = [0, 0, 0, 0, 0, 0, 0];
  readonly #ends = [0, 0, 0, 0, 0, 0, 0];
  #at = 0;

  /** The commands of the message, or `undefined`. Never throws; about 1 µs a transfer. */
  read(bytes: Uint8Array, context: DecodeContext): TransferCommand[] | undefined {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
    const transfers = this.#message(context);
    this.#bytes = NO_BYTES;
    return transfers;
  }

  #message(context: DecodeContext): TransferCommand[] | undefined {
    const isArray = this.#take(0x5b);
    const first = this.#object() ? this.#transfer(context) : undefined;
    if (!first) return undefined;
    const transfers = [first];
    while (isArray && this.#take(COMMA)) {
      const transfer = this.#object() ? this.#transfer(context) : undefined;
      if (!transfer || transfers.length === COMMANDS_PER_MESSAGE_MAX) return undefined;
      transfers.push(transfer);
    }
    if (isArray && !this.#take(0x5d)) return undefined;
    this.#skipSpace();
    return this.#at === this.#bytes.length ? transfers : undefined;
  }

  #object(): boolean {
    this.#starts.fill(0);
    this.#ends.fill(0);
    if (!this.#take(0x7b)) return false;
    let field = -1;
    do {
      field = this.#opening(field + 1);
      if (field < 0 || this.#starts[field] !== 0) return false;
      const value = this.#string();
      if (value < 0) return false;
      this.#starts[field] = value;
      this.#ends[field] = this.#at - 1;
    } while (this.#take(COMMA));
    return this.#take(0x7d);
  }

  #transfer(context: DecodeContext): TransferCommand | undefined {
    if (!this.#holds(this.#starts[OP] ?? 0, this.#ends[OP] ?? 0, "transfer")) return undefined;
    const id = parseCommandId(this.#text(ID));
    const from = this.#wallet(FROM);
    const to = this.#wallet(TO);
    const amount = this.#amount();
    const code = this.#textOrNull(CODE, CODE_BYTES_MAX);
    const ref = this.#textOrNull(REF, REF_BYTES_MAX);
    if (!id || !from || !to || from === to || !amount || code === undefined || ref === undefined)
      return undefined;
    const owner = ownerIn(context, from);
    return owner && transferOf(id, owner, { from, to, amount }, { code, ref });
  }

  #wallet(field: number): WalletName | undefined {
    return WALLETS.find(this.#bytes, this.#starts[field] ?? 0, this.#ends[field] ?? 0);
  }

  #amount(): bigint | undefined {
    const start = this.#starts[AMOUNT] ?? 0;
    const end = this.#ends[AMOUNT] ?? 0;
    if (start === 0) return undefined;
    if (end - start > 9 || this.#bytes[start] === 0x30) return parseAmount(this.#text(AMOUNT));
    let amount = 0;
    for (let index = start; index < end; index += 1) {
      const digit = (this.#bytes[index] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) return undefined;
      amount = amount * 10 + digit;
    }
    return BigInt(amount);
  }

  #textOrNull(field: number, bytesMax: number): string | null | undefined {
    if (this.#starts[field] === 0) return null;
    const text = this.#text(field);
    return text !== "" && text.length <= bytesMax ? text : undefined;
  }

  #text(field: number): string {
    const start = this.#starts[field] ?? 0;
    return start === 0 ? "" : latin1Slice.call(this.#bytes, start, this.#ends[field]);
  }

  /** Takes a key and its colon. Most senders keep to the order of FIELDS, without spaces. @returns the key's place in FIELDS, or -1 */
  #opening(likely: number): number {
    for (let place = likely; place < OPENINGS.length; place += 1) {
      const opening = OPENINGS[place] ?? NO_BYTES;
      if (!this.#isNext(opening)) continue;
      this.#at += opening.length - 1;
      return place;
    }
    const key = this.#string();
    const field = key < 0 ? -1 : this.#field(key, this.#at - 1);
    return this.#take(0x3a) ? field : -1;
  }

  #isNext(expected: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    for (let index = 0; index < expected.length; index += 1) {
      if (bytes[at + index] !== expected[index]) return false;
    }
    return true;
  }

  /** The place of a key in FIELDS, or -1. */
  #field(start: number, end: number): number {
    for (let place = 0; place < FIELDS.length; place += 1) {
      if (this.#holds(start, end, FIELDS[place] ?? "")) return place;
    }
    return -1;
  }

  #holds(start: number, end: number, ascii: string): boolean {
    if (end - start !== ascii.length) return false;
    const bytes = this.#bytes;
    for (let index = 0; index < ascii.length; index += 1) {
      if (bytes[start + index] !== ascii.charCodeAt(index)) return false;
    }
    return true;
  }

  /** Where the string's text begins, which ends one byte before `at`; -1 when no plain string is next. */
  #string(): number {
    if (!this.#take(QUOTE)) return -1;
    const start = this.#at;
    const bytes = this.#bytes;
    for (let at = start; at < bytes.length; at += 1) {
      const unit = bytes[at] ?? 0;
      if (unit === QUOTE) {
        this.#at = at + 1;
        return start;
      }
      if (unit < 0x20 || unit > 0x7e || unit === BACKSLASH) return -1;
    }
    return -1;
  }

  #take(byte: number): boolean {
    this.#skipSpace();
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    for (; this.#at < this.#bytes.length; this.#at += 1) {
      const unit = this.#bytes[this.#at];
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    }
  }
}

/** The addressed owner, if the source is a wallet of his and the message lies where he lives. */
function ownerIn(context: DecodeContext, from: WalletName): OwnerName | undefined {
  const { tenant, shard, shards } = context;
  const owner = context.owner ?? ownerOf(from);
  const isHere = shard === null || shardOf(tenant, owner, shards) === shard;
  return isHere && isOwnedBy(from, owner) ? owner : undefined;
}

function transferOf(
  id: CommandId,
  owner: OwnerName,
  leg: TransferCommand["legs"][number],
  { code, ref }: Pick<TransferCommand, "code" | "ref">,
): TransferCommand {
  return { op: "transfer", id, owner, legs: [leg], holdTtlMs: null, code, ref, meta: null, ifVersion: null };
}
