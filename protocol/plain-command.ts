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
import type { CommandId } from "./command-id.ts";
import type { DecodeContext } from "./decoded-command.ts";
import { OWNERS } from "./interned-names.ts";
import { CODE_BYTES_MAX, HOLD_TTL_MS_MAX, LEGS_MAX, REF_BYTES_MAX } from "./limits.ts";
import { isOwnedBy, type OwnerName } from "./names.ts";
import { NIL, NONE, PlainCursor } from "./plain-cursor.ts";
import { hashBytes, tenantHash } from "./shard-map.ts";

const FALSE = 0xc2;
const TRUE = 0xc3;

/** Reads commands of one frame; see the file header. Its readers give `undefined` for what is not plain. */
export class PlainCommandReader extends PlainCursor {
  /** Where its content begins. */
  contentAt = 0;
  /** The shard whose owners it reads commands of; null = any. */
  readonly shard: number | null;
  readonly #context: DecodeContext;
  readonly #tenantHash: number;

  /** @param bytes the frame */
  constructor(bytes: Uint8Array, context: DecodeContext) {
    super(bytes);
    this.#context = context;
    this.shard = context.shard;
    this.#tenantHash = tenantHash(context.tenant);
  }

  /** The command that starts at an offset, or `undefined`. Never throws; about 0.4 µs. */
  read(start: number): Command | undefined {
    this.at = start;
    if (!this.take(0x93)) return undefined;
    const owner = this.#owner();
    if (owner === undefined) return undefined;
    const id = this.id();
    if (id === undefined) return undefined;
    this.contentAt = this.at;
    const array = this.bytes[this.at];
    const version = this.bytes[this.at + 1];
    const op = this.bytes[this.at + 2];
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
    const code = this.textOrNil(CODE_BYTES_MAX);
    const ref = this.textOrNil(REF_BYTES_MAX);
    if (holdTtlMs === undefined || code === undefined || ref === undefined) return undefined;
    if (!this.take(NIL) || !this.take(NIL)) return undefined;
    if (holdTtlMs !== null && !legs.every(({ from }) => isOwnedBy(from, owner))) return undefined;
    return { op: "transfer", id, owner, legs, holdTtlMs, code, ref, meta: null, ifVersion: null };
  }

  /** The legs, the first of them from a wallet of the owner. */
  #legs(owner: OwnerName): Leg[] | undefined {
    const count = this.arrayLength();
    if (count < 1 || count > LEGS_MAX) return undefined;
    const first = this.#leg();
    if (first === undefined || !isOwnedBy(first.from, owner)) return undefined;
    // Grown from nothing, an array would have room for seventeen.
    const legs = [first];
    while (legs.length < count) {
      const leg = this.#leg();
      if (leg === undefined) return undefined;
      legs.push(leg);
    }
    return legs;
  }

  #leg(): Leg | undefined {
    if (!this.take(0x93)) return undefined;
    const from = this.wallet();
    const to = this.wallet();
    const amount = this.amount();
    if (from === undefined || to === undefined || amount === undefined || from === to) return undefined;
    return { from, to, amount };
  }

  #capture(id: CommandId, owner: OwnerName): Command | undefined {
    const hold = this.id();
    const amount = this.amountOrNil();
    const final = this.take(TRUE);
    if (hold === undefined || amount === undefined || !(final || this.take(FALSE))) return undefined;
    return { op: "capture", id, owner, hold, amount, final };
  }

  #release(id: CommandId, owner: OwnerName): Command | undefined {
    const hold = this.id();
    return hold === undefined ? undefined : { op: "release", id, owner, hold };
  }

  #reverse(id: CommandId, owner: OwnerName): Command | undefined {
    const transfer = this.id();
    const amount = this.amountOrNil();
    if (transfer === undefined || amount === undefined) return undefined;
    return { op: "reverse", id, owner, transfer, amount };
  }

  /** The owner, if the message may name it. The hash that finds it is the one that places it. */
  #owner(): OwnerName | undefined {
    const start = this.text();
    if (start === NONE) return undefined;
    const hash = hashBytes(this.bytes, start, this.at, this.#tenantHash);
    const name = OWNERS.at(this.bytes, start, this.at, hash);
    const { owner, shard, shards } = this.#context;
    const isExpected = owner === null || owner === name;
    return isExpected && (shard === null || hash % shards === shard) ? name : undefined;
  }

  #ttlOrNil(): number | null | undefined {
    if (this.take(NIL)) return null;
    const value = this.unsigned();
    return value >= 1 && value <= HOLD_TTL_MS_MAX ? value : undefined;
  }
}
