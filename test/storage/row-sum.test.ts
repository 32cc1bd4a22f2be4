// A byte or a number that flips in a row with a checksum of its own is corruption wherever the row is read: by the
// engine when it opens the file or needs the row, by a door, and by a sweep, which names it and goes on.
// Guards against an amount that changes silently, and against a secret of the index under which used ids look free.

import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { openCut, ReadOnlyShard, verifyShards } from "../../storage/read-only.ts";
import { rowSum } from "../../storage/row-sum.ts";
import { StorageFault } from "../../storage/storage-error.ts";
import { TURN_LOG } from "../../storage/turn-log.ts";
import { MovePlay } from "./move-play.ts";
import type { TestShard } from "./shard-file-support.ts";

/** Tables whose rows have a checksum in a column, with the other columns that it is over. */
const TABLES = {
  index_layout: ["seed", "capacity", "page_bits", "block_bits", "fan_out_bits"],
  index_run: ["number", "level", "first", "last", "started", "done"],
  hold: ["number", "owner", "listed", "body"],
  saga: ["number", "body"],
  saga_log: ["number", "body"],
  turn_log: ["number", "body"],
} as const;
type Table = keyof typeof TABLES;
const NAMES = Object.keys(TABLES) as Table[];
/** Bits of a number that are flipped, one at a time. */
const BITS = [0n, 1n, 8n, 31n, 32n, 47n];

interface Flip {
  readonly column: string;
  readonly row: bigint;
  /** What is in the column, and what it becomes. */
  readonly from: bigint | Buffer;
  readonly to: bigint | Buffer;
}

/** Every byte of every row's bytes with one bit changed, and its numbers with one of some bits changed. */
function* flips(database: Database.Database, table: Table): Generator<Flip> {
  for (const column of [...TABLES[table], "sum"]) {
    const rows = database
      .prepare<[], { row: bigint; from: bigint | Buffer }>(
        `SELECT rowid AS row, ${column} AS "from" FROM ${table}`,
      )
      .safeIntegers();
    const found = rows.all();
    for (const { row, from } of found) {
      if (typeof from === "bigint") {
        for (const bit of BITS) {
          const to = from ^ (1n << bit);
          // Two rows never have one number.
          if (column !== "number" || found.every((other) => other.from !== to))
            yield { column, row, from, to };
        }
      } else {
        for (const [at, byte] of from.entries()) {
          yield { column, row, from, to: Buffer.from(from).fill(byte ^ (1 << (at % 8)), at, at + 1) };
        }
      }
    }
  }
}

/** Looks at a file with one flip in it. */
function withFlip(database: Database.Database, table: Table, flip: Flip, look: () => void): void {
  const set = database.prepare<[bigint | Buffer, bigint | Buffer, bigint]>(
    `UPDATE ${table} SET ${flip.column} = ? WHERE ${flip.column} = ? AND (rowid = ? OR '${flip.column}' = 'number')`,
  );
  assert.equal(set.run(flip.to, flip.from, flip.row).changes, 1);
  look();
  assert.equal(set.run(flip.from, flip.to, flip.row).changes, 1);
}

/** A played shard whose engine is gone, with its holds and timers as rows or in the log of the last turns. */
function withFile(table: Table, use: (shard: TestShard, database: Database.Database) => void): void {
  using play = table === "turn_log" ? new MovePlay(TURN_LOG) : new MovePlay();
  play.here.file.close();
  const database = new Database(play.here.path);
  database.pragma("foreign_keys = OFF");
  try {
    use(play.here, database);
  } finally {
    database.close();
  }
}

/** Reads as a door what the tables hold. */
function readAll(path: string): void {
  using door = ReadOnlyShard.open(path);
  door.index.storedLayout();
  door.index.runs();
  Array.from(door.holds());
  Array.from(door.sagas());
  Array.from(door.timers());
}

/** Reads as an engine does: all of the logs and the index at the start, holds and sagas when they are needed. */
function useAll(shard: TestShard, numbers: readonly number[]): void {
  const file = shard.open();
  try {
    for (const number of numbers) {
      file.ledger.hold(number);
      file.ledger.saga(number);
    }
  } finally {
    file.close();
  }
}

function isCorrupt(error: unknown): boolean {
  assert.ok(error instanceof StorageFault, String(error));
  assert.equal(error.code, "corrupt");
  assert.match(error.message, /does not have its checksum/);
  return true;
}

for (const table of NAMES) {
  test(`a door refuses a row of ${table} in which any byte changed`, () => {
    withFile(table, (shard, database) => {
      readAll(shard.path);
      let count = 0;
      for (const flip of flips(database, table)) {
        // A hold of an owner that is none is not seen by a door; the sweep misses its money.
        if (flip.column === "owner") continue;
        count += 1;
        withFlip(database, table, flip, () => {
          assert.throws(() => readAll(shard.path), isCorrupt, `${flip.column} of ${flip.row}`);
        });
      }
      assert.ok(count > 10, `${count} flips`);
      readAll(shard.path);
    });
  });

  test(`an engine refuses a row of ${table} in which something changed`, () => {
    withFile(table, (shard, database) => {
      const numbers = ["hold", "saga"].flatMap((name) =>
        database.prepare<[], number>(`SELECT number FROM ${name}`).pluck().all(),
      );
      useAll(shard, numbers);
      const seen = new Set<string>();
      for (const flip of flips(database, table)) {
        // A hold or a saga with another number is one that is not there: the sweep says so.
        if (seen.has(flip.column) || (flip.column === "number" && /^(hold|saga)$/.test(table))) continue;
        seen.add(flip.column);
        withFlip(database, table, flip, () => {
          assert.throws(() => useAll(shard, numbers), isCorrupt, `${flip.column} of ${flip.row}`);
        });
      }
      useAll(shard, numbers);
    });
  });

  test(`a sweep names a row of ${table} in which something changed`, () => {
    withFile(table, (shard, database) => {
      const seen = new Set<string>();
      for (const flip of flips(database, table)) {
        if (seen.has(flip.column)) continue;
        seen.add(flip.column);
        withFlip(database, table, flip, () => {
          const doors = openCut([shard.path]);
          const { violations } = verifyShards(doors, { deep: true, running: false });
          for (const door of doors) door.close();
          const isMissed = flip.column === "owner" && violations.some(({ what }) => what === "held_differs");
          assert.ok(
            isMissed || violations.some(({ what }) => what === "row_corrupt"),
            `${flip.column}: ${JSON.stringify(violations)}`,
          );
        });
      }
    });
  });
}

test("a file whose secret of the index is gone gets no new one once it has commands", () => {
  withFile("index_layout", (shard, database) => {
    database.exec("DELETE FROM index_layout");
    assert.throws(() => shard.open(), {
      name: "StorageFault",
      code: "corrupt",
      message: /has no index layout/,
    });
  });
});

test("the checksum takes every bit of each number, its place among them, and where the bytes begin", () => {
  const body = Buffer.from("body");
  const sums = new Set([rowSum([5, 6], body), rowSum([6, 5], body), rowSum([5], body), rowSum([5])]);
  let count = 4;
  for (let bit = 0; bit < 53; bit += 1) {
    for (const numbers of [
      [2 ** bit, 0],
      [0, 2 ** bit],
    ])
      sums.add(rowSum(numbers, body));
    count += 2;
  }
  assert.equal(sums.size, count);
  // It is stored: another way to make it is another format.
  assert.deepEqual(
    [rowSum([], body), rowSum([5]), rowSum([5, 2 ** 40 + 6], body)],
    [0xdba80bb2, 0x802e16f1, 0x85e88dc0],
  );
});
