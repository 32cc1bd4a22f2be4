// The log of holds and timers on real files: twins play the same records, one with holds and timers as rows at once,
// one with a log of a few turns whose turns are rolled back, reopened and killed. Guards against a hold or a timer that
// is lost, comes back, fires twice or is listed twice when its turn's row is read again or goes.

import assert from "node:assert/strict";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import type { Hold, Ledger } from "../../actors/ledger.ts";
import { dumpShard, openCut } from "../../storage/read-only.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import type { TurnLogLimits } from "../../storage/turn-log.ts";
import {
  IDENTITY,
  idOf,
  must,
  NO_TURN_LOG,
  ownerName,
  START_MS,
  TENANT,
  TestShard,
  temporaryDirectory,
  USD,
  walletName,
} from "./shard-file-support.ts";

const OWNERS = ["alice", "bob", "carol"].map(ownerName);
const SHORT_LOG: TurnLogLimits = { rows: 4, entries: 20, bytes: 2000 };

type Act = "place" | "change" | "end" | "park" | "refuse" | "vote";

/** One turn: what becomes of holds, each named by its place among all, and how the turn ends. */
interface Turn {
  readonly acts: readonly { readonly kind: Act; readonly place: number; readonly ttlMs: number }[];
  readonly ending: "commit" | "roll back" | "reopen" | "kill";
}

const acts = fc.record({
  kind: fc.constantFrom<Act>("place", "place", "change", "change", "end", "end", "park", "refuse", "vote"),
  place: fc.nat(60),
  ttlMs: fc.integer({ min: 1, max: 90_000 }),
});
const turns: fc.Arbitrary<Turn[]> = fc.array(
  fc.record({
    acts: fc.array(acts, { minLength: 1, maxLength: 6 }),
    ending: fc.constantFrom("commit", "commit", "commit", "roll back", "reopen", "kill"),
  }),
  { minLength: 30, maxLength: 60 },
);

function newHold(number: number, fields: Pick<Hold, "status" | "expiresMs" | "ttlMs">): Hold {
  const owner = must(OWNERS[number % OWNERS.length]);
  const legs = [{ from: walletName(`${owner}:usd`), to: walletName("shop:usd"), amount: 100n }];
  const units = { left: 100n, captured: 0n, reversed: 0n };
  const about = { tenant: TENANT, owner, id: idOf(number), legs, assets: [USD] };
  return { number, ...about, code: null, ref: `r${number}`, meta: null, ...fields, ...units };
}

/** Does one turn's acts: the same to every twin, whatever it has in memory. */
function act(ledger: Ledger, turn: Turn, first: number): void {
  let number = first;
  for (const { kind, place, ttlMs } of turn.acts) {
    number += 1;
    if (kind === "place") {
      const expiresMs = ledger.timeMs + ttlMs;
      ledger.putHold(newHold(number, { status: "open", expiresMs, ttlMs }));
      ledger.setTimer({ dueMs: expiresMs, kind: "expire", target: number });
    } else if (kind === "refuse") {
      ledger.putHold(
        newHold(number, { status: place % 2 === 0 ? "placing" : "refused", expiresMs: 0, ttlMs }),
      );
    } else if (kind === "vote") {
      ledger.setTimer({ dueMs: ledger.timeMs + ttlMs, kind: "vote", target: number });
    } else if (kind === "park") {
      const due = ledger.dueTimers(100);
      const timer = due[place % Math.max(1, due.length)];
      if (timer) ledger.parkTimer(timer.id);
    } else changeOrEnd(ledger, kind, place);
  }
}

/** Of the holds so far, an open one is changed, or ended with its timer. */
function changeOrEnd(ledger: Ledger, kind: "change" | "end", place: number): void {
  for (let number = 1000 + place * 10; number < 1000 + place * 10 + 100; number += 1) {
    const hold = ledger.hold(number);
    if (hold?.status !== "open") continue;
    if (kind === "change" && hold.left > 0n) {
      ledger.putHold({ ...hold, left: hold.left - 1n, captured: hold.captured + 1n });
    } else {
      ledger.putHold({ ...hold, status: "captured", left: 0n });
      ledger.clearTimer("expire", number);
    }
    return;
  }
  ledger.clearTimer(kind === "end" ? "vote" : "expire", 1000 + place);
}

function play(shard: TestShard, turn: Turn, first: number): void {
  shard.turn((ledger) => act(ledger, turn, first));
}

/** What callers see of holds and timers. */
function seen(file: ShardFile): unknown {
  const { ledger, reads } = file;
  const now = file.timeMs + 30_000;
  const pages = OWNERS.map((owner) => {
    const first = reads.holds(TENANT, owner, { cursor: null, limit: 3 });
    assert.ok(first.ok);
    const { next } = first.value;
    return [first, next && reads.holds(TENANT, owner, { cursor: next, limit: 50 })];
  });
  return {
    pages,
    earliest: ledger.earliestDueMs(),
    due: ledger.timers.due(now, 1000),
    few: ledger.timers.due(now, 2),
    owned: ledger.timers.due(now, 5, [1, 3]),
    isDue: OWNERS.map((owner) => file.hasDueTimer(TENANT, owner, now)),
    open: file.openCounts().openHolds,
    chain: Buffer.from(file.stateChain).toString("hex"),
  };
}

function dumpOf(path: string): string[] {
  const [door] = openCut([path]);
  const lines = [...dumpShard(must(door))];
  for (const { number, status } of must(door).holds()) {
    assert.equal(must(door).hold(number)?.status, status);
    if (status !== "open") assert.equal(must(door).hasTimer("expire", number), false);
  }
  for (const { kind, target } of must(door).timers()) assert.equal(must(door).hasTimer(kind, target), true);
  must(door).close();
  return lines;
}

/** What a killed process leaves: the file and its write-ahead log as they lie on the disk. */
function seenWhenKilled(shard: TestShard): unknown {
  using left = temporaryDirectory();
  const path = join(left.path, "0.db");
  copyFileSync(shard.path, path);
  if (existsSync(`${shard.path}-wal`)) copyFileSync(`${shard.path}-wal`, `${path}-wal`);
  const file = ShardFile.open({ ...IDENTITY, path, turnLog: SHORT_LOG });
  const found = seen(file);
  file.close();
  return found;
}

function rollBack(shard: TestShard, turn: Turn, first: number): void {
  shard.file.begin();
  shard.record((ledger) => act(ledger, turn, first));
  shard.file.rollback();
}

test("holds and timers are the same in rows and in a log, after every turn, rollback, reopening and kill", () => {
  fc.assert(
    fc.property(turns, (all) => {
      using rows = new TestShard(0, undefined, undefined, NO_TURN_LOG);
      using log = new TestShard(0, undefined, undefined, SHORT_LOG);
      all.forEach((turn, index) => {
        const first = 1000 + index * 10;
        if (turn.ending === "roll back") rollBack(log, turn, first);
        play(rows, turn, first);
        play(log, turn, first);
        if (turn.ending === "reopen") log.reopen();
        const expected = seen(rows.file);
        assert.deepStrictEqual(seen(log.file), expected);
        if (turn.ending === "kill") assert.deepStrictEqual(seenWhenKilled(log), expected);
        if (index % 7 === 0) assert.deepEqual(dumpOf(log.path), dumpOf(rows.path));
      });
      assert.deepEqual(dumpOf(log.path), dumpOf(rows.path));
    }),
    { numRuns: 12, endOnFailure: true },
  );
});

function count(shard: TestShard, table: string): unknown {
  const database = new Database(shard.path, { readonly: true });
  const rows = database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  database.close();
  return rows;
}

function counts(shard: TestShard): unknown[] {
  return ["turn_log", "hold", "timer"].map((table) => count(shard, table));
}

/** Places a hold that nobody ends, in a turn of its own. */
function place(shard: TestShard, number: number, ttlMs = 1000): void {
  shard.turn((ledger) => {
    const expiresMs = ledger.timeMs + ttlMs;
    ledger.putHold(newHold(number, { status: "open", expiresMs, ttlMs }));
    ledger.setTimer({ dueMs: expiresMs, kind: "expire", target: number });
  });
}

test("a hold that ends within the log becomes a row once, and its timer never", () => {
  using shard = new TestShard(0, undefined, undefined, { rows: 4, entries: 1000, bytes: 100_000 });
  place(shard, 1);
  shard.turn((ledger) => {
    ledger.putHold({ ...must(ledger.hold(1)), status: "released", left: 0n });
    ledger.clearTimer("expire", 1);
  });
  assert.deepEqual(counts(shard), [2, 0, 0]);
  for (const number of [2, 3]) place(shard, number);
  assert.deepEqual(counts(shard), [4, 0, 0]);
  place(shard, 4);
  assert.deepEqual(counts(shard), [3, 1, 0], "the oldest two turns went, with the hold that has ended");
  place(shard, 5);
  place(shard, 6);
  assert.deepEqual(counts(shard), [3, 3, 2], "holds that are left alone become rows with their timers");
});

for (const [what, limits] of [
  ["turns", { rows: 8, entries: 1e6, bytes: 1e6 }],
  ["entries", { rows: 1e6, entries: 16, bytes: 1e6 }],
  ["bytes", { rows: 1e6, entries: 1e6, bytes: 1000 }],
] as const) {
  test(`the log is no longer than its ${what} allow, also after a reopening`, () => {
    using shard = new TestShard(0, undefined, undefined, limits);
    for (let number = 1; number <= 40; number += 1) {
      place(shard, number);
      if (number % 3 === 0) shard.reopen();
      const [rows] = counts(shard);
      assert.ok(Number(rows) <= 9, `${rows} turns`);
    }
    assert.equal(shard.file.openCounts().openHolds, 40);
    assert.equal(shard.ledger.earliestDueMs(), START_MS + 1000 + 1000);
  });
}

test("a turn that is longer than the log becomes rows at once", () => {
  using shard = new TestShard(0, undefined, undefined, SHORT_LOG);
  shard.turn((ledger) => {
    for (let number = 1; number <= 50; number += 1) {
      const expiresMs = ledger.timeMs + 1000;
      ledger.putHold(newHold(number, { status: "open", expiresMs, ttlMs: 1000 }));
      ledger.setTimer({ dueMs: expiresMs, kind: "expire", target: number });
    }
  });
  assert.deepEqual(counts(shard), [0, 50, 50]);
  shard.turn((ledger) => ledger.clearTimer("expire", 7));
  assert.deepEqual(counts(shard), [0, 50, 49]);
});
