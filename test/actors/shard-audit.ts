// Looks into the files of a lab and checks what must be true of money: at any cut, and when nothing is under
// way. Reads rows itself beside the sweep that operators run, so that the two cannot be wrong together.

import assert from "node:assert/strict";
import type { Hold } from "../../actors/ledger.ts";
import type { Wallet } from "../../actors/wallet.ts";
import { openReader } from "../../storage/database.ts";
import { openCut, ReadOnlyShard } from "../../storage/read-only.ts";
import type { StoredTimer } from "../../storage/read-only-shard.ts";
import { verifyShards } from "../../storage/verify.ts";
import type { LabShard, ShardLab } from "./shard-lab.ts";

type Row = Record<string, unknown>;

/** Rows of a shard's file as SQLite gives them, integers as bigint. */
export function rowsOfShard(shard: LabShard, sql: string): Row[] {
  const database = openReader(shard.file.path);
  try {
    return database.prepare<[], Row>(sql).safeIntegers(true).all();
  } finally {
    database.close();
  }
}

/** All wallets of a shard: what memory holds, which is also what a reader of the file sees. */
export function walletsOfShard(shard: LabShard): Wallet[] {
  using door = ReadOnlyShard.open(shard.file.path);
  return [...door.wallets()].map((stored) => {
    const live = shard.file.ledger.wallet(stored.tenant, stored.name);
    assert.ok(live);
    assert.deepEqual({ ...stored, dirty: live.dirty, warm: live.warm }, live);
    return live;
  });
}

function add(sums: Map<string, bigint>, asset: unknown, amount: bigint): void {
  sums.set(String(asset), (sums.get(String(asset)) ?? 0n) + amount);
}

/** At any cut: per shard and asset, wallets + what went out with items - what came in with items = 0. */
export function assertSums(lab: ShardLab): void {
  for (const shard of lab.shards) {
    const sums = new Map<string, bigint>();
    for (const { asset, posted } of walletsOfShard(shard)) add(sums, asset, posted);
    for (const row of rowsOfShard(shard, "SELECT asset, direction, sum FROM pair_money")) {
      const sum = BigInt(String(row["sum"]));
      add(sums, row["asset"], row["direction"] === 0n ? sum : -sum);
    }
    for (const [asset, sum] of sums) assert.equal(sum, 0n, `shard ${shard.shard} ${asset}`);
  }
}

/** When nothing is under way: no saga, no reservation but those of open holds, and all that was sent was applied. */
export function assertSettled(lab: ShardLab): void {
  assertSums(lab);
  assertVerified(lab);
  for (const shard of lab.shards) {
    const { ledger } = shard.file;
    const count = (table: string) => rowsOfShard(shard, `SELECT * FROM ${table}`).length;
    assert.equal(count("saga"), 0, "every saga has ended");
    assert.equal(count("prepared"), 0, "every prepared move was decided");
    assert.equal(count("outbox"), 0, "every item was acknowledged");
    const { holds, timers } = holdsAndTimers(shard);
    const votes = timers.filter(({ kind, parked }) => kind === "vote" && !parked);
    assert.equal(votes.length, 0, "no vote is waited for");
    const wallets = walletsOfShard(shard);
    for (const { incoming } of wallets) assert.equal(incoming, 0n, "no credit is reserved");
    const left = holds.map((hold) => {
      assert.deepEqual(hold, ledger.hold(hold.number));
      assert.notEqual(hold.status, "placing", "every placing has ended");
      if (hold.status !== "open") assert.equal(hold.left, 0n, "nothing is left of a hold that has ended");
      assert.ok(hold.reversed <= hold.captured, "no more is reversed than was captured");
      if (hold.legs.length === 1) return hold.left;
      return hold.left === 0n ? 0n : hold.legs.reduce((sum, { amount }) => sum + amount, 0n);
    });
    for (const { target } of timers.filter(({ kind }) => kind === "expire")) {
      assert.equal(ledger.hold(target)?.status, "open", "only open holds have a timer");
    }
    const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);
    assert.equal(sum(wallets.map(({ held }) => held)), sum(left), "held is what open holds have left");
    for (const other of lab.shards) assertPair(shard, other);
    for (const { number, open } of commandsOf(shard)) assert.ok(!open, `command ${number} has an outcome`);
  }
}

/** The sweep of every invariant over the files. */
export function assertVerified(lab: ShardLab): void {
  const doors = openCut(lab.shards.map(({ file }) => file.path));
  try {
    const { violations, clean } = verifyShards(doors, { deep: true, running: false });
    assert.deepEqual(violations, []);
    assert.ok(clean);
  } finally {
    for (const door of doors) door.close();
  }
}

/** What shard sent to the other is what the other applied: items, hashes and money. */
function assertPair(shard: LabShard, other: LabShard): void {
  if (shard === other) return;
  const { sent } = shard.file.ledger.pair(other.shard);
  const { applied } = other.file.ledger.pair(shard.shard);
  assert.deepEqual([applied.number, Buffer.from(applied.hash)], [sent.number, Buffer.from(sent.hash)]);
  const out = rowsOfShard(
    shard,
    `SELECT asset, sum FROM pair_money WHERE peer = ${other.shard} AND direction = 0`,
  );
  const received = rowsOfShard(
    other,
    `SELECT asset, sum FROM pair_money WHERE peer = ${shard.shard} AND direction = 1`,
  );
  const nonZero = (rows: Row[]) =>
    rows.filter((row) => row["sum"] !== "0").map((row) => `${row["asset"]} ${row["sum"]}`);
  assert.deepEqual(nonZero(received).sort(), nonZero(out).sort(), "money sent is money applied");
}

/** As a reader of the file sees them: rows, and what is in the log of the last turns. */
function holdsAndTimers({ file }: LabShard): { holds: Hold[]; timers: StoredTimer[] } {
  using door = ReadOnlyShard.open(file.path);
  return { holds: [...door.holds()], timers: [...door.timers()] };
}

function commandsOf({ file }: LabShard): { number: number; open: boolean }[] {
  const { commands } = file.counters();
  return Array.from({ length: commands }, (_, index) => {
    const row = file.ledger.command(index + 1);
    return { number: row.number, open: row.outcome === null };
  });
}

/** Each command was answered with one outcome, however often, and its row holds it. */
export function assertOneOutcomeEach(lab: ShardLab): void {
  for (const shard of lab.shards) {
    for (const [id, outcomes] of shard.outcomes) {
      const own = outcomes.filter(({ refusal }) => refusal?.code !== "id_conflict");
      const [first] = own;
      for (const outcome of own)
        assert.deepEqual({ ...outcome, replayed: false }, { ...first, replayed: false }, id);
      assert.ok(own.filter(({ replayed }) => !replayed).length <= 1, `${id} settles once`);
    }
  }
}
