// Pairs with other shards: how far each direction has come, the outbox of items that the peer has not yet
// acknowledged, and the money that has moved with items. Owns numbering and the running hash of what is sent.
//
// Invariants: item n+1 follows item n with hash(n+1) = H(hash(n) ‖ n+1 ‖ bytes); exactly the items behind the
// acknowledged one are in the outbox; nothing numbered is ever changed.

import type { PairState, Transit } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import { pairHash, sameBytes, ZERO_HASH_16 } from "../protocol/digest.ts";
import type { Item, ItemMoney } from "../protocol/item.ts";
import { encodeItem } from "../protocol/item-codec.ts";
import type { PairMark } from "../protocol/peer-frame.ts";
import type { Connection } from "./database.ts";
import { writeMoney } from "./money-row.ts";
import { RowBatch } from "./row-batch.ts";
import { type StateLog, WRITE } from "./state-log.ts";

/** A run of items to be sent. */
export interface OutboxRun {
  /** The mark before the first item. */
  readonly before: PairMark;
  /** Encoded items, in number order. */
  readonly items: Uint8Array[];
}

interface Pair {
  readonly peer: number;
  sent: PairMark;
  acked: PairMark;
  applied: PairMark;
  isDirty: boolean;
}

/** A pair's row as SQLite gives it. */
export interface PairSqlRow {
  readonly peer: number;
  readonly sent: number;
  readonly sentHash: Uint8Array;
  readonly acked: number;
  readonly ackedHash: Uint8Array;
  readonly applied: number;
  readonly appliedHash: Uint8Array;
}

/** Columns of {@link PairSqlRow}. */
export const PAIR_COLUMNS = `peer, sent, sent_hash AS sentHash, acked, acked_hash AS ackedHash,
  applied, applied_hash AS appliedHash`;

/** Sums of money kept in memory between turns. */
const SUMS_CACHED = 10_000;
const NONE: PairMark = { number: 0, hash: ZERO_HASH_16 };

/** See the file header. */
export class PairTable {
  readonly #log: StateLog;
  readonly #self: { readonly shard: number; readonly shards: number };
  readonly #batch: RowBatch;
  readonly #sql;
  readonly #pairs = new Map<number, Pair>();
  readonly #sums = new Map<string, { key: [number, number, string]; sum: bigint; isDirty: boolean }>();

  constructor(database: Connection, log: StateLog, self: { shard: number; shards: number }) {
    this.#log = log;
    this.#self = self;
    this.#batch = new RowBatch(database, "outbox", ["peer", "number", "body", "hash", "money"]);
    this.#sql = {
      pairs: database.prepare<[], PairSqlRow>(`SELECT ${PAIR_COLUMNS} FROM pair ORDER BY peer`),
      put: database.prepare<(number | Uint8Array)[]>(`INSERT OR REPLACE INTO pair
        (peer, sent, sent_hash, acked, acked_hash, applied, applied_hash) VALUES (?, ?, ?, ?, ?, ?, ?)`),
      hash: database
        .prepare<[number, number], Uint8Array>("SELECT hash FROM outbox WHERE peer = ? AND number = ?")
        .pluck(),
      items: database.prepare<[number, number, number], { number: number; body: Uint8Array }>(
        "SELECT number, body FROM outbox WHERE peer = ? AND number >= ? ORDER BY number LIMIT ?",
      ),
      drop: database.prepare<[number, number]>("DELETE FROM outbox WHERE peer = ? AND number <= ?"),
      sum: database
        .prepare<[number, number, string], string>(
          "SELECT sum FROM pair_money WHERE peer = ? AND direction = ? AND asset = ?",
        )
        .pluck(),
      putSum: database.prepare<[number, number, string, string]>(
        "INSERT OR REPLACE INTO pair_money (peer, direction, asset, sum) VALUES (?, ?, ?, ?)",
      ),
    };
    this.#load();
  }

  /** The state of the pair with a peer. */
  pair(peer: number): PairState {
    const { sent, acked, applied } = this.#pair(peer);
    return { peer, sent, acked, applied };
  }

  /** All pairs that ever moved anything, by peer. */
  pairs(): PairState[] {
    return [...this.#pairs.keys()].sort((left, right) => left - right).map((peer) => this.pair(peer));
  }

  /** Items in the outbox, all pairs together. */
  get outboxItems(): number {
    let items = 0;
    for (const { sent, acked } of this.#pairs.values()) items += sent.number - acked.number;
    return items;
  }

  /** Numbers an item and puts it into the outbox. */
  append(peer: number, item: Item, money: readonly ItemMoney[]): void {
    const pair = this.#pair(peer);
    const body = encodeItem(item);
    const number = pair.sent.number + 1;
    const hash = pairHash(pair.sent.hash, number, body);
    this.#log.open(WRITE.item);
    const { writer } = this.#log;
    writer.varint(peer);
    writer.varint(number);
    writer.bytes(body);
    const start = writer.length;
    writeMoney(writer, money);
    this.#batch.push(peer, number, body, hash, money.length === 0 ? null : writer.view(start));
    this.#change(pair, { sent: { number, hash } });
  }

  /** Notes that the peer's next item was applied. */
  markApplied(peer: number, { number, hash }: PairMark): void {
    const pair = this.#pair(peer);
    assert(number === pair.applied.number + 1, "a peer's items are applied one after the other");
    this.#logMark(WRITE.applied, peer, { number, hash });
    this.#change(pair, { applied: { number, hash: Uint8Array.from(hash) } });
  }

  /** Drops what the peer has acknowledged; `false` when number or hash do not fit what was sent. */
  acknowledge(peer: number, { number, hash }: PairMark): boolean {
    const pair = this.#pair(peer);
    if (number > pair.sent.number) return false;
    if (number < pair.acked.number) return true;
    if (number === pair.acked.number) return sameBytes(hash, pair.acked.hash);
    this.#batch.flush();
    const expected = this.#sql.hash.get(peer, number);
    assert(expected !== undefined, "an item that was not acknowledged is in the outbox");
    if (!sameBytes(hash, expected)) return false;
    this.#logMark(WRITE.acknowledged, peer, { number, hash });
    const { changes } = this.#sql.drop.run(peer, number);
    assert(changes === number - pair.acked.number, "the outbox has no gaps");
    this.#change(pair, { acked: { number, hash: expected } });
    return true;
  }

  /** The lowest item still in the outbox; sent + 1 when it is empty. */
  lowestKept(peer: number): number {
    return this.#pair(peer).acked.number + 1;
  }

  /** Adds a step's transit to the pair's sums. The step itself is in the state log. */
  addMoney({ peer, direction, asset, amount }: Transit): void {
    this.#pair(peer);
    const code = direction === "out" ? 0 : 1;
    const name = `${peer}/${code}/${asset}`;
    let entry = this.#sums.get(name);
    if (!entry) {
      const stored = this.#sql.sum.get(peer, code, asset);
      entry = { key: [peer, code, asset], sum: BigInt(stored ?? "0"), isDirty: false };
      this.#sums.set(name, entry);
    }
    entry.sum += amount;
    entry.isDirty = true;
  }

  /** Committed items from a number on, bounded by count and by bytes (at least one when there is any). */
  run(peer: number, from: number, limit: { items: number; bytes: number }): OutboxRun {
    const pair = this.#pair(peer);
    assert(from > pair.acked.number && from <= pair.sent.number + 1, "items are sent while they are kept");
    const before = { number: from - 1, hash: this.#hashAt(pair, from - 1) };
    const items: Uint8Array[] = [];
    let bytes = 0;
    for (const { number, body } of this.#sql.items.iterate(peer, from, Math.max(0, limit.items))) {
      assert(number === from + items.length, "the outbox has no gaps");
      bytes += body.length + ITEM_OVERHEAD_BYTES;
      if (items.length > 0 && bytes > limit.bytes) break;
      items.push(body);
    }
    return { before, items };
  }

  /** Inserts what waits. */
  flushItems(): void {
    this.#batch.flush();
  }

  /** Writes what the turn changed. */
  flush(): void {
    for (const { peer, sent, acked, applied, isDirty } of this.#pairs.values()) {
      if (!isDirty) continue;
      this.#sql.put.run(peer, sent.number, sent.hash, acked.number, acked.hash, applied.number, applied.hash);
    }
    for (const { key, sum, isDirty } of this.#sums.values()) {
      if (isDirty) this.#sql.putSum.run(...key, sum.toString());
    }
  }

  /** Bounds the memory after a commit. */
  committed(): void {
    for (const pair of this.#pairs.values()) pair.isDirty = false;
    for (const entry of this.#sums.values()) entry.isDirty = false;
    if (this.#sums.size > SUMS_CACHED) this.#sums.clear();
  }

  /** Forgets what is in memory: a rollback. */
  drop(): void {
    this.#batch.drop();
    this.#pairs.clear();
    this.#sums.clear();
  }

  /** Reads the pairs again: after a rollback. */
  reload(): void {
    this.#load();
  }

  #load(): void {
    for (const row of this.#sql.pairs.all()) {
      this.#pairs.set(row.peer, {
        peer: row.peer,
        sent: { number: row.sent, hash: row.sentHash },
        acked: { number: row.acked, hash: row.ackedHash },
        applied: { number: row.applied, hash: row.appliedHash },
        isDirty: false,
      });
    }
  }

  #pair(peer: number): Pair {
    const known = this.#pairs.get(peer);
    if (known) return known;
    const { shard, shards } = this.#self;
    assert(Number.isInteger(peer) && peer >= 0 && peer < shards && peer !== shard, "a peer is another shard");
    const pair: Pair = { peer, sent: NONE, acked: NONE, applied: NONE, isDirty: false };
    this.#pairs.set(peer, pair);
    return pair;
  }

  #change(pair: Pair, change: Partial<Pick<Pair, "sent" | "acked" | "applied">>): void {
    Object.assign(pair, change);
    pair.isDirty = true;
  }

  #hashAt(pair: Pair, number: number): Uint8Array {
    if (number === pair.acked.number) return pair.acked.hash;
    if (number === pair.sent.number) return pair.sent.hash;
    const hash = this.#sql.hash.get(pair.peer, number);
    assert(hash !== undefined, "an item that was not acknowledged is in the outbox");
    return hash;
  }

  #logMark(kind: typeof WRITE.applied | typeof WRITE.acknowledged, peer: number, mark: PairMark): void {
    this.#log.open(kind);
    this.#log.writer.varint(peer);
    this.#log.writer.varint(mark.number);
    this.#log.writer.raw(mark.hash);
  }
}

/** What an item costs in a frame beyond its bytes. */
const ITEM_OVERHEAD_BYTES = 5;
