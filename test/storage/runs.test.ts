// Rows in runs: a row is found at every place of every run, whatever turns, rollbacks and reopenings cut them; a run
// whose bytes changed is corruption, met by whoever reads it; pages are full.

import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { Entry } from "../../protocol/entry.ts";
import { ownerOf } from "../../protocol/names.ts";
import { dumpShard } from "../../storage/dump.ts";
import { ReadOnlyShard } from "../../storage/read-only.ts";
import { COMMAND_RUNS, STEP_RUNS } from "../../storage/schema.ts";
import { StorageFault } from "../../storage/storage-error.ts";
import { editRuns } from "./run-editor.ts";
import { idOf, must, openWallet, TENANT, TestShard, transfer, walletName } from "./shard-file-support.ts";

const WALLETS = 5;
const TRANSFERS = 400;

const nameOf = (index: number) => `owner-${index % WALLETS}:usd`;

/** The n-th transfer, with a reference of its own length: now and then one that no page holds. */
function pay(shard: TestShard, number: number): void {
  const length = number % 97 === 0 ? 5000 : (number * 7) % 60;
  const ref = length === 0 ? null : "r".repeat(length);
  const [from, to] = [nameOf(number), nameOf(number + 1 + (number % 3))];
  transfer(shard.ledger, { id: idOf(1000 + number), from, to, amount: BigInt(number) ** 3n, ref });
}

/** Two transfers a record, turns of the given numbers of records, one after the other and again. */
function play(
  shard: TestShard,
  turns: readonly number[],
  between: (turn: number) => void = () => undefined,
): void {
  shard.turn((ledger) => {
    for (let index = 0; index < WALLETS; index += 1)
      openWallet(ledger, nameOf(index), { id: idOf(index + 1), min: "unlimited" });
  });
  let next = 0;
  for (let turn = 0; next < TRANSFERS; turn += 1) {
    between(turn);
    shard.file.begin();
    for (let record = 0; record < must(turns[turn % turns.length]) && next < TRANSFERS; record += 1) {
      shard.record(() => {
        pay(shard, next + 1);
        pay(shard, next + 2);
      });
      next += 2;
    }
    shard.file.commit();
  }
}

/** Everything that can be seen of a shard. */
function sightOf(shard: TestShard) {
  using door = ReadOnlyShard.open(shard.path);
  const { reads } = shard.file;
  const outcomes = Array.from({ length: TRANSFERS }, (_, index) => {
    const name = walletName(nameOf(index + 1));
    return reads.outcome(TENANT, ownerOf(name), idOf(1001 + index));
  });
  const entries: Entry[] = [];
  for (let cursor: string | null = null, page = 0; page < 10; page += 1) {
    const result = reads.entries(TENANT, walletName(nameOf(0)), { cursor, limit: 100 });
    assert.ok(result.ok);
    entries.push(...result.value.rows);
    cursor = result.value.next;
    if (cursor === null) break;
  }
  return {
    chain: Buffer.from(shard.file.stateChain).toString("hex"),
    dump: [...dumpShard(door)],
    journal: reads.journal(0, 10_000),
    outcomes,
    entries,
  };
}

function runsOf(path: string, table: string): number {
  const database = new Database(path, { readonly: true });
  const count = database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get();
  database.close();
  return count ?? 0;
}

test("turns, rollbacks and reopenings that cut runs elsewhere are not to be seen", () => {
  using whole = new TestShard();
  play(whole, [1000]);
  const expected = sightOf(whole);
  assert.equal(expected.journal.length, WALLETS + TRANSFERS);
  assert.equal(expected.outcomes.filter(({ kind }) => kind === "settled").length, TRANSFERS);
  const rollback = (shard: TestShard) => {
    const bad = () =>
      shard.turn(() => {
        for (let number = 1; number <= 100; number += 1) pay(shard, 500 + number);
        throw new Error("a bug");
      });
    assert.throws(bad, /a bug/);
  };
  const cuts: readonly (readonly [number[], (shard: TestShard, turn: number) => void])[] = [
    [[1], () => undefined],
    [[1, 7, 30], () => undefined],
    [[3, 1], (shard, turn) => void (turn % 3 === 0 && rollback(shard))],
    [[2, 5], (shard, turn) => void (turn % 4 === 0 && shard.reopen())],
  ];
  for (const [turns, between] of cuts) {
    using shard = new TestShard();
    play(shard, turns, (turn) => between(shard, turn));
    assert.deepEqual(sightOf(shard), expected);
  }
});

for (const rowsMax of [1, 2, 3, 50]) {
  test(`every row is found in runs of ${rowsMax} rows, alone and in order`, () => {
    using shard = new TestShard();
    play(shard, [40]);
    const expected = sightOf(shard);
    for (const name of [STEP_RUNS, COMMAND_RUNS]) editRuns(shard.path, name, (rows) => rows, rowsMax);
    shard.reopen();
    assert.deepEqual(sightOf(shard), expected);
    const { journal } = shard.file.ledger;
    for (let number = WALLETS + TRANSFERS; number >= 1; number -= 1) {
      assert.equal(journal.step(number)?.number, number);
      assert.deepEqual(
        journal.after(number - 1, 3).map((step) => step.number),
        [number, number + 1, number + 2].filter((each) => each <= WALLETS + TRANSFERS),
      );
    }
    assert.equal(journal.step(0), undefined);
    assert.equal(journal.step(WALLETS + TRANSFERS + 1), undefined);
    assert.deepEqual(journal.after(WALLETS + TRANSFERS, 10), []);
  });
}

test("the newest run is filled by later turns, so that small turns take as many runs as one large one", () => {
  const counts = [1, 1000].map((records) => {
    using shard = new TestShard();
    play(shard, [records]);
    return [runsOf(shard.path, "step_run"), runsOf(shard.path, "command_run")];
  });
  assert.deepEqual(counts[0], counts[1]);
  assert.ok(must(counts[0]?.[0]) < TRANSFERS / 10);
});

test("a turn that adds to the newest run and rolls back leaves it as it was", () => {
  using shard = new TestShard();
  play(shard, [1000]);
  const expected = sightOf(shard);
  shard.file.begin();
  shard.record(() => pay(shard, 450));
  shard.file.ledger.flushAppended();
  assert.equal(shard.file.ledger.journal.step(WALLETS + TRANSFERS + 1)?.index, 0);
  shard.file.rollback();
  assert.equal(shard.file.ledger.journal.step(WALLETS + TRANSFERS + 1), undefined);
  assert.deepEqual(sightOf(shard), expected);
  shard.turn(() => pay(shard, 451));
  shard.turn(() => pay(shard, 452));
  const { journal, dump } = sightOf(shard);
  assert.deepEqual(journal.slice(0, -2), expected.journal);
  assert.deepEqual(
    journal.slice(-2).map(({ command }) => command),
    [idOf(1451), idOf(1452)],
  );
  assert.equal(dump.length, expected.dump.length + 4);
});

test("who follows the journal and commands turn by turn sees every row of the newest run", () => {
  using shard = new TestShard();
  let seen = 0;
  play(shard, [1], () => {
    const { steps, commands } = shard.file.counters();
    const { journal } = shard.file.ledger;
    const numbers = journal.after(Math.max(0, seen - 1), 100).map(({ number }) => number);
    assert.deepEqual([numbers[0], numbers.at(-1)], [Math.max(1, seen), steps]);
    assert.equal(shard.ledger.command(commands).outcome?.status, seen === 0 ? "open" : "posted");
    seen = steps;
  });
  assert.equal(seen, WALLETS + TRANSFERS - 2);
});

/** A byte of every run changed: near its end, and in its head. */
const DAMAGE = [
  "CAST(substr(body, 1, length(body) - 9) || x'fe' || substr(body, length(body) - 7) AS BLOB)",
  "CAST(substr(body, 1, 5) || x'01' || substr(body, 7) AS BLOB)",
  "CAST(substr(body, 1, 3) AS BLOB)",
  "CAST(body || x'00' AS BLOB)",
];

for (const damage of DAMAGE) {
  test(`a run that was damaged is corruption for every reader: ${damage}`, () => {
    using shard = new TestShard();
    play(shard, [10]);
    const database = new Database(shard.path);
    database.exec(`UPDATE step_run SET body = ${damage}; UPDATE command_run SET body = ${damage}`);
    database.close();
    const isCorrupt = (error: unknown) => error instanceof StorageFault && error.code === "corrupt";
    const { reads, ledger } = shard.file;
    const alice = walletName(nameOf(0));
    assert.throws(() => reads.journal(0, 10), isCorrupt);
    assert.throws(() => reads.entries(TENANT, alice, { cursor: null, limit: 5 }), isCorrupt);
    assert.throws(() => reads.outcome(TENANT, ownerOf(alice), idOf(1005)), isCorrupt);
    assert.throws(() => ledger.command(3), isCorrupt);
    using door = ReadOnlyShard.open(shard.path);
    assert.throws(() => [...door.steps()], isCorrupt);
    assert.throws(() => [...door.commands()], isCorrupt);
    assert.throws(() => shard.open(), isCorrupt);
  });
}
