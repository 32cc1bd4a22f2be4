// The short way through a frame: reads the commands that frames nearly always hold (a transfer, a capture, a release, a
// reverse) straight from their bytes into the command, without values in between. It knows one spelling, the canonical
// one; at the first byte that is anything else it gives up, and command-frame reads the same bytes the long way.
//
//   [owner, id, [1,1, [[from,to,amount]…], ttlMs, code, ref, nil, nil]]     [owner, id, [1,2, hold, amount, final]]
//   [owner, id, [1,3, hold]]                                                [owner, id, [1,4, transfer, amount]]
//
// Invariant: what it reads is what the long way reads, and its content is canonical; it never refuses. A property
// test compares both for valid, mutated and random bytes.

import type { Command, Leg } from "./command.ts";
import { type CommandId, commandIdAt } from "./command-id.ts";
import type { DecodeContext } from "./decoded-command.ts";
import { OWNERS, WALLETS } from "./interned-names.ts";
import { CODE_BYTES_MAX, HOLD_TTL_MS_MAX, REF_BYTES_MAX } from "./limits.ts";
import { INT64_MAX } from "./money.ts";
import { isOwnedBy, type OwnerName, type WalletName } from "./names.ts";
import { hashBytes, tenantHash } from "./shard-map.ts";

const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
/** Instead of a number: not read. */
const NONE = -1;

/** Reads commands of one frame; see the file header. Its readers give `undefined` for what is not plain. */
export class PlainCommandReader {
  /** Where the command read last ends. */
  at = 0;
  /** Where its content begins. */
  contentAt = 0;
  readonly #bytes: Buffer;
  readonly #context: DecodeContext;
  readonly #tenantHash: number;

  /** @param bytes the frame */
  constructor(bytes: Uint8Array, context: DecodeContext) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#context = context;
    this.#tenantHash = tenantHash(context.tenant);
  }

  /** The command that starts at an offset, or `undefined`. Never throws; about 0.4 µs. */
  read(start: number): Command | undefined {
    this.at = start;
    if (!this.#take(0x93)) return undefined;
    const owner = this.#owner();
    if (owner === undefined) return undefined;
    const id = this.#id();
    if (id === undefined) return undefined;
    this.contentAt = this.at;
    const array = this.#bytes[this.at];
    const version = this.#bytes[this.at + 1];
    const op = this.#bytes[this.at + 2];
    this.at += 3;
    if (version !== 1) return undefined;
    if (array === 0x98 && op === 1) return this.#transfer(id, owner);
    if (array === 0x95 && op === 2) return this.#capture(id, owner);
    if (array === 0x93 && op === 3) return this.#release(id, owner);
    return array === 0x94 && op === 4 ? this.#reverse(id, owner) : undefined;
  }

  #transfer(id: CommandId, owner: OwnerName): Command | undefined {
    const legs = this.#legs(owner);
    if (legs === undefined) return undefined;
    const holdTtlMs = this.#ttlOrNil();
    const code = this.#textOrNil(CODE_BYTES_MAX);
    const ref = this.#textOrNil(REF_BYTES_MAX);
    if (holdTtlMs === undefined || code === undefined || ref === undefined) return undefined;
    if (!this.#take(NIL) || !this.#take(NIL)) return undefined;
    if (holdTtlMs !== null && !legs.every(({ from }) => isOwnedBy(from, owner))) return undefined;
    return { op: "transfer", id, owner, legs, holdTtlMs, code, ref, meta: null, ifVersion: null };
  }

  /** One to fifteen legs, the first of them from a wallet of the owner. */
  #legs(owner: OwnerName): Leg[] | undefined {
    const count = (this.#bytes[this.at] ?? NIL) - 0x90;
    if (count < 1 || count > 15) return undefined;
    this.at += 1;
    const legs: Leg[] = [];
    for (let index = 0; index < count; index += 1) {
      if (!this.#take(0x93)) return undefined;
      const from = this.#wallet();
      const to = this.#wallet();
      const amount = this.#amount();
      if (from === undefined || to === undefined || amount === undefined || from === to) return undefined;
      if (index === 0 && !isOwnedBy(from, owner)) return undefined;
      legs.push({ from, to, amount });
    }
    return legs;
  }

  #capture(id: CommandId, owner: OwnerName): Command | undefined {
    const hold = this.#id();
    const amount = this.#amountOrNil();
    const final = this.#take(TRUE);
    if (hold === undefined || amount === undefined || !(final || this.#take(FALSE))) return undefined;
    return { op: "capture", id, owner, hold, amount, final };
  }

  #release(id: CommandId, owner: OwnerName): Command | undefined {
    const hold = this.#id();
    return hold === undefined ? undefined : { op: "release", id, owner, hold };
  }

  #reverse(id: CommandId, owner: OwnerName): Command | undefined {
    const transfer = this.#id();
    const amount = this.#amountOrNil();
    if (transfer === undefined || amount === undefined) return undefined;
    return { op: "reverse", id, owner, transfer, amount };
  }

  /** The owner, if the message may name it. The hash that finds it is the one that places it. */
  #owner(): OwnerName | undefined {
    const start = this.#text();
    if (start === NONE) return undefined;
    const hash = hashBytes(this.#bytes, start, this.at, this.#tenantHash);
    const name = OWNERS.at(this.#bytes, start, this.at, hash);
    const { owner, shard, shards } = this.#context;
    const isExpected = owner === null || owner === name;
    return isExpected && (shard === null || hash % shards === shard) ? name : undefined;
  }

  #wallet(): WalletName | undefined {
    const start = this.#text();
    return start === NONE ? undefined : WALLETS.find(this.#bytes, start, this.at);
  }

  #id(): CommandId | undefined {
    const start = this.at + 2;
    if (!this.#take(0xc4) || !this.#take(16) || start + 16 > this.#bytes.length) return undefined;
    this.at = start + 16;
    return commandIdAt(this.#bytes, start);
  }

  #amountOrNil(): bigint | null | undefined {
    return this.#take(NIL) ? null : this.#amount();
  }

  #amount(): bigint | undefined {
    if (this.#bytes[this.at] === 0xcf) return this.#longAmount();
    const value = this.#unsigned();
    return value >= 1 ? BigInt(value) : undefined;
  }

  /** Of more than 32 bits. */
  #longAmount(): bigint | undefined {
    const start = this.at + 1;
    if (start + 8 > this.#bytes.length) return undefined;
    this.at = start + 8;
    const value = this.#bytes.readBigUInt64BE(start);
    return value > 0xffff_ffffn && value <= INT64_MAX ? value : undefined;
  }

  #ttlOrNil(): number | null | undefined {
    if (this.#take(NIL)) return null;
    const value = this.#unsigned();
    return value >= 1 && value <= HOLD_TTL_MS_MAX ? value : undefined;
  }

  /** An unsigned integer of at most 32 bits in its shortest encoding, or NONE. */
  #unsigned(): number {
    const token = this.#bytes[this.at] ?? NIL;
    this.at += 1;
    if (token < 0x80) return token;
    if (token < 0xcc || token > 0xce) return NONE;
    const width = token === 0xce ? 4 : token - 0xcb;
    const start = this.at;
    this.at += width;
    if (this.at > this.#bytes.length) return NONE;
    const value = this.#bytes.readUIntBE(start, width);
    return value >= (width === 1 ? 0x80 : 2 ** (width * 4)) ? value : NONE;
  }

  /** Text of printable ASCII: what needs a closer look goes the long way. */
  #textOrNil(bytesMax: number): string | null | undefined {
    if (this.#take(NIL)) return null;
    const start = this.#text();
    if (start === NONE || this.at - start > bytesMax) return undefined;
    for (let index = start; index < this.at; index += 1) {
      const unit = this.#bytes[index] ?? 0;
      if (unit < 0x20 || unit > 0x7e) return undefined;
    }
    return this.#bytes.toString("latin1", start, this.at);
  }

  /** Where a text of 1 to 255 bytes begins that ends at `at`, or NONE. */
  #text(): number {
    const token = this.#bytes[this.at] ?? NIL;
    const isShort = token > 0xa0 && token < 0xc0;
    const length = isShort ? token - 0xa0 : (this.#bytes[this.at + 1] ?? 0);
    const start = this.at + (isShort ? 1 : 2);
    if (!isShort && (token !== 0xd9 || length < 32)) return NONE;
    if (start + length > this.#bytes.length) return NONE;
    this.at = start + length;
    return start;
  }

  #take(byte: number): boolean {
    if (this.#bytes[this.at] !== byte) return false;
    this.at += 1;
    return true;
  }
}
