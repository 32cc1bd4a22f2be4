// Pairs with other shards: how far each direction has come, the outbox of items that the peer has not yet
// acknowledged, and the money that has moved with items. Owns numbering, groups and the running hash of what is sent.
//
// The items of one record for one peer are a group: one row, one hash, cut at ITEM_GROUP_MAX items or
// ITEM_GROUP_BYTES_MAX bytes. Hashing and storing each of a frame's items cost four times as much.
//
// Invariants: a group that ends with item n follows the one that ends with m by hash(n) = H(hash(m) ‖ n ‖ bytes);
// a record's groups end with it, so that turns leave no trace; exactly the groups behind the acknowledged one are in
// the outbox; nothing numbered is ever changed.

import { AssetSums } from "../actors/asset-sums.ts";
import type { PairState, Transit } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import { pairHash, sameBytes, ZERO_HASH_16 } from "../protocol/digest.ts";
import type { Item, ItemMoney } from "../protocol/item.ts";
import { ItemGroupWriter } from "../protocol/item-codec.ts";
import { ITEM_GROUP_BYTES_MAX, ITEM_GROUP_MAX } from "../protocol/limits.ts";
import type { PairMark } from "../protocol/peer-frame.ts";
import type { Connection } from "./database.ts";
import { writeMoney } from "./money-row.ts";
import { type OutboxGroup, RecentGroups } from "./recent-groups.ts";
import { RowBatch } from "./row-batch.ts";
import { type StateLog, WRITE } from "./state-log.ts";

/** A run of groups to be sent. */
export interface OutboxRun {
  /** The mark before the first item. */
  readonly before: PairMark;
  /** Encoded groups, in number order. */
  readonly groups: Uint8Array[];
  /** The last item's number; that of `before` when there is none. */
  readonly last: number;
}

interface Pair {
  readonly peer: number;
  /** The group that the open record is filling. */
  readonly group: ItemGroupWriter;
  /** What its items carry. */
  money: AssetSums | null;
  readonly recent: RecentGroups;
  sent: PairMark;
  acked: PairMark;
  applied: PairMark;
  isDirty: boolean;
}

interface MoneySum {
  readonly key: [peer: number, direction: number, asset: string];
  sum: bigint;
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
  /** By peer and direction, then by asset. */
  readonly #sums = new Map<number, Map<string, MoneySum>>();
  #sumsCached = 0;

  constructor(database: Connection, log: StateLog, self: { shard: number; shards: number }) {
    this.#log = log;
    this.#self = self;
    this.#batch = new RowBatch(database, "outbox", ["peer", "number", "items", "body", "hash", "money"]);
    this.#sql = {
      pairs: database.prepare<[], PairSqlRow>(`SELECT ${PAIR_COLUMNS} FROM pair ORDER BY peer`),
      put: database.prepare<(number | Uint8Array)[]>(`INSERT OR REPLACE INTO pair
        (peer, sent, sent_hash, acked, acked_hash, applied, applied_hash) VALUES (?, ?, ?, ?, ?, ?, ?)`),
      hash: database
        .prepare<[number, number], Uint8Array>("SELECT hash FROM outbox WHERE peer = ? AND number = ?")
        .pluck(),
      groups: database.prepare<[number, number], OutboxGroup>(
        "SELECT number, items, body, hash FROM outbox WHERE peer = ? AND number >= ? ORDER BY number",
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

  /** Numbers an item and adds it to the record's group; the group is in the outbox when the record ends. */
  append(peer: number, item: Item, money: readonly ItemMoney[]): void {
    const pair = this.#pair(peer);
    if (pair.group.count === ITEM_GROUP_MAX || pair.group.length > ITEM_GROUP_BYTES_MAX) this.#close(pair);
    pair.group.add(item);
    if (money.length === 0) return;
    pair.money ??= new AssetSums();
    for (const { asset, amount } of money) pair.money.add(asset, amount);
  }

  /** Ends the groups of a record, by peer. */
  endRecord(): void {
    for (let peer = 0; peer < this.#self.shards; peer += 1) {
      const pair = this.#pairs.get(peer);
      if (pair && pair.group.count > 0) this.#close(pair);
    }
  }

  /** Notes that the peer's next group was applied. */
  markApplied(peer: number, { number, hash }: PairMark): void {
    const pair = this.#pair(peer);
    assert(number > pair.applied.number, "a peer's items are applied one after the other");
    this.#logMark(WRITE.applied, peer, { number, hash });
    this.#change(pair, { applied: { number, hash: Uint8Array.from(hash) } });
  }

  /** Drops what the peer has acknowledged; `false` when number or hash do not fit what was sent. */
  acknowledge(peer: number, { number, hash }: PairMark): boolean {
    const pair = this.#pair(peer);
    if (number > pair.sent.number) return false;
    if (number < pair.acked.number) return true;
    if (number === pair.acked.number) return sameBytes(hash, pair.acked.hash);
    const expected = this.#groupHash(pair, number);
    if (expected === undefined || !sameBytes(hash, expected)) return false;
    this.#logMark(WRITE.acknowledged, peer, { number, hash });
    this.#batch.flush();
    const { changes } = this.#sql.drop.run(peer, number);
    assert(changes > 0, "an acknowledged group was in the outbox");
    pair.recent.dropUpTo(number);
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
    const place = 2 * peer + code;
    let sums = this.#sums.get(place);
    if (!sums) {
      sums = new Map();
      this.#sums.set(place, sums);
    }
    let entry = sums.get(asset);
    if (!entry) {
      const stored = this.#sql.sum.get(peer, code, asset);
      entry = { key: [peer, code, asset], sum: BigInt(stored ?? "0"), isDirty: false };
      sums.set(asset, entry);
      this.#sumsCached += 1;
    }
    entry.sum += amount;
    entry.isDirty = true;
  }

  /** Committed groups from an item on that starts one, bounded by items and by bytes (but at least one group that fits the items). */
  run(peer: number, from: number, limit: { items: number; bytes: number }): OutboxRun {
    const pair = this.#pair(peer);
    assert(from > pair.acked.number && from <= pair.sent.number + 1, "items are sent while they are kept");
    const before = { number: from - 1, hash: this.#hashAt(pair, from - 1) };
    const groups: Uint8Array[] = [];
    let last = from - 1;
    let bytes = 0;
    for (const { number, items, body } of pair.recent.from(from) ?? this.#sql.groups.iterate(peer, from)) {
      assert(number === last + items, "the outbox has no gaps");
      bytes += body.length + GROUP_OVERHEAD_BYTES;
      if (number >= from + limit.items || (groups.length > 0 && bytes > limit.bytes)) break;
      groups.push(body);
      last = number;
    }
    return { before, groups, last };
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
    for (const sums of this.#sums.values()) {
      for (const { key, sum, isDirty } of sums.values()) {
        if (isDirty) this.#sql.putSum.run(...key, sum.toString());
      }
    }
  }

  /** Bounds the memory after a commit. */
  committed(): void {
    for (const pair of this.#pairs.values()) pair.isDirty = false;
    for (const sums of this.#sums.values()) for (const entry of sums.values()) entry.isDirty = false;
    if (this.#sumsCached > SUMS_CACHED) this.#dropSums();
  }

  /** Forgets what is in memory: a rollback. */
  drop(): void {
    this.#batch.drop();
    this.#pairs.clear();
    this.#dropSums();
  }

  /** Reads the pairs again: after a rollback. */
  reload(): void {
    this.#load();
  }

  #dropSums(): void {
    this.#sums.clear();
    this.#sumsCached = 0;
  }

  #load(): void {
    for (const row of this.#sql.pairs.all()) {
      this.#pairs.set(row.peer, {
        ...emptyPair(row.peer),
        sent: { number: row.sent, hash: row.sentHash },
        acked: { number: row.acked, hash: row.ackedHash },
        applied: { number: row.applied, hash: row.appliedHash },
      });
    }
  }

  #pair(peer: number): Pair {
    const known = this.#pairs.get(peer);
    if (known) return known;
    const { shard, shards } = this.#self;
    assert(Number.isInteger(peer) && peer >= 0 && peer < shards && peer !== shard, "a peer is another shard");
    const pair = emptyPair(peer);
    this.#pairs.set(peer, pair);
    return pair;
  }

  #change(pair: Pair, change: Partial<Pick<Pair, "sent" | "acked" | "applied">>): void {
    Object.assign(pair, change);
    pair.isDirty = true;
  }

  #close(pair: Pair): void {
    const { peer, group, money } = pair;
    const items = group.count;
    const number = pair.sent.number + items;
    const body = group.take();
    const hash = pairHash(pair.sent.hash, number, body);
    this.#log.open(WRITE.items);
    const { writer } = this.#log;
    writer.varint(peer);
    writer.varint(number);
    // The pair's hash stands for the items: it is what both ends compare.
    writer.raw(hash);
    const start = writer.length;
    const sums = money?.money() ?? [];
    writeMoney(writer, sums);
    this.#batch.push(peer, number, items, body, hash, sums.length === 0 ? null : writer.view(start));
    pair.recent.add({ number, items, body, hash });
    pair.money = null;
    this.#change(pair, { sent: { number, hash } });
  }

  #hashAt(pair: Pair, number: number): Uint8Array {
    if (number === pair.acked.number) return pair.acked.hash;
    const hash = this.#groupHash(pair, number);
    assert(hash !== undefined, "frames are cut at ends of groups");
    return hash;
  }

  /** The hash at the end of a group that is kept; undefined where none ends. */
  #groupHash(pair: Pair, number: number): Uint8Array | undefined {
    if (number === pair.sent.number) return pair.sent.hash;
    const recent = pair.recent.endingAt(number);
    if (recent) return recent.hash;
    this.#batch.flush();
    return this.#sql.hash.get(pair.peer, number);
  }

  #logMark(kind: typeof WRITE.applied | typeof WRITE.acknowledged, peer: number, mark: PairMark): void {
    this.#log.open(kind);
    this.#log.writer.varint(peer);
    this.#log.writer.varint(mark.number);
    this.#log.writer.raw(mark.hash);
  }
}

function emptyPair(peer: number): Pair {
  return {
    peer,
    group: new ItemGroupWriter(),
    money: null,
    recent: new RecentGroups(),
    sent: NONE,
    acked: NONE,
    applied: NONE,
    isDirty: false,
  };
}

/** What a group costs in a frame beyond its bytes. */
const GROUP_OVERHEAD_BYTES = 5;
