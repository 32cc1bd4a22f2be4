// The log of open sagas on a real file: whatever the turns were, and wherever they were cut, rolled back or killed,
// the open sagas are those that were put and not ended. Guards against a saga that is lost, or comes back, when its
// turn's row is dropped, moved out or read again.

import assert from "node:assert/strict";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import type { Saga } from "../../actors/ledger.ts";
import { openCut } from "../../storage/read-only.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { sagaOf } from "./move-play.ts";
import { IDENTITY, idOf, must, TestShard, temporaryDirectory } from "./shard-file-support.ts";

type Model = Map<number, Saga>;

/** One turn: what becomes of sagas, each named by its place among the open ones, and how the turn ends. */
interface Turn {
  readonly acts: readonly { readonly kind: "start" | "change" | "answer" | "end"; readonly place: number }[];
  readonly ending: "commit" | "roll back" | "reopen" | "kill";
}

const turns: fc.Arbitrary<Turn[]> = fc.array(
  fc.record({
    acts: fc.array(
      fc.record({
        kind: fc.constantFrom("start", "start", "change", "answer", "answer", "end", "end"),
        place: fc.nat(20),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    ending: fc.constantFrom("commit", "commit", "commit", "commit", "roll back", "reopen", "kill"),
  }),
  { minLength: 60, maxLength: 110 },
);

function play(shard: TestShard, model: Model, turn: Turn, first: number): Model {
  const next = new Map(model);
  let started = first;
  shard.file.begin();
  shard.record((ledger) => {
    for (const { kind, place } of turn.acts) {
      const number = [...next.keys()][place % Math.max(1, next.size)];
      if (kind === "start") {
        started += 1;
        const saga = sagaOf(started, idOf(started), 5n, "applying");
        ledger.putSaga(saga);
        next.set(started, saga);
      } else if (number !== undefined && kind === "change") {
        const saga = { ...must(ledger.saga(number)), amount: BigInt(first) };
        ledger.putSaga(saga);
        next.set(number, saga);
      } else if (number !== undefined && kind === "answer") {
        const saga = answered(must(ledger.saga(number)), place);
        ledger.putSaga(saga);
        next.set(number, saga);
      } else if (number !== undefined) {
        ledger.endSaga(number);
        next.delete(number);
        assert.throws(() => ledger.endSaga(number), /a saga ends once/);
      }
    }
  });
  if (turn.ending === "roll back") {
    shard.file.rollback();
    return model;
  }
  shard.file.commit();
  if (turn.ending === "reopen") shard.reopen();
  return next;
}

/** A saga as an answer changes it: stored as a change. */
function answered(saga: Saga, place: number): Saga {
  const peers = saga.peers.map((peer) => ({ ...peer, vote: "yes", leg: place }) as const);
  return { ...saga, phase: "committing", peers, assets: [...saga.assets, ...saga.assets].slice(0, 8) };
}

function assertOpen(shard: TestShard, model: Model): void {
  for (const [number, saga] of model) assert.deepEqual(shard.ledger.saga(number), saga);
  assert.equal(shard.file.openCounts().openSagas, model.size);
  const [door] = openCut([shard.path]);
  const inOrder = [...model.values()].sort((left, right) => left.number - right.number);
  assert.deepEqual([...must(door).sagas()], inOrder);
  for (const { number } of inOrder) assert.deepEqual(must(door).saga(number), model.get(number));
  must(door).close();
}

/** What a killed process leaves: the file and its write-ahead log as they lie on the disk. */
function assertKilled(shard: TestShard, model: Model): void {
  using left = temporaryDirectory();
  const path = join(left.path, "0.db");
  copyFileSync(shard.path, path);
  if (existsSync(`${shard.path}-wal`)) copyFileSync(`${shard.path}-wal`, `${path}-wal`);
  const file = ShardFile.open({ ...IDENTITY, path });
  assert.equal(file.openCounts().openSagas, model.size);
  for (const [number, saga] of model) assert.deepEqual(file.ledger.saga(number), saga);
  file.close();
}

test("the open sagas are those that were put and not ended, after every turn, rollback, reopening and kill", () => {
  fc.assert(
    fc.property(turns, (all) => {
      using shard = new TestShard();
      let model: Model = new Map();
      all.forEach((turn, index) => {
        model = play(shard, model, turn, (index + 1) * 100);
        if (turn.ending === "kill") assertKilled(shard, model);
        if (index % 10 === 0 || turn.ending !== "commit") assertOpen(shard, model);
      });
      assertOpen(shard, model);
    }),
    { numRuns: 12, endOnFailure: true },
  );
});

test("a turn's row goes when its sagas have ended, and one that stays open becomes a row after 64 turns", () => {
  using shard = new TestShard();
  const count = (table: string): unknown => {
    const database = new Database(shard.path, { readonly: true });
    const rows = database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    database.close();
    return rows;
  };
  const old = sagaOf(1, idOf(1), 5n, "preparing");
  shard.turn((ledger) => ledger.putSaga(old));
  for (let number = 2; number < 65; number += 1) {
    shard.turn((ledger) => {
      ledger.putSaga(sagaOf(number, idOf(number), 5n, "applying"));
      if (number > 2) ledger.endSaga(number - 1);
    });
    assert.deepEqual([count("saga"), count("saga_log")], [0, number]);
  }
  shard.turn((ledger) => ledger.endSaga(64));
  assert.deepEqual([count("saga"), count("saga_log")], [1, 0], "nothing else holds rows back");
  assert.deepEqual(shard.ledger.saga(1), old);
  shard.turn((ledger) => ledger.putSaga({ ...old, phase: "committing" }));
  assert.deepEqual([count("saga"), count("saga_log")], [0, 1], "a change takes it back");
  shard.turn((ledger) => ledger.endSaga(1));
  assert.deepEqual([count("saga"), count("saga_log")], [0, 0]);
});

test("no more sagas stay in memory than allowed: those of the oldest turns become rows", () => {
  using shard = new TestShard();
  const start = (first: number, length: number): void =>
    shard.turn((ledger) => {
      for (let number = first; number < first + length; number += 1) {
        ledger.putSaga(sagaOf(number, idOf(number), 5n, "applying"));
      }
    });
  start(1, 10_000);
  start(10_001, 10_001);
  shard.reopen();
  const database = new Database(shard.path, { readonly: true });
  assert.equal(database.prepare("SELECT count(*) FROM saga").pluck().get(), 10_000);
  database.close();
  assert.equal(shard.file.openCounts().openSagas, 20_001);
  shard.turn((ledger) => {
    for (let number = 1; number <= 20_001; number += 1) ledger.endSaga(number);
  });
  assert.equal(shard.file.openCounts().openSagas, 0);
});
