// Finds rows of a table that is kept in runs. Owns the statements and some runs in memory until
// they are forgotten: the newest run grows, and a rollback takes runs back.

import type { Connection } from "./database.ts";
import { RowRun } from "./row-run.ts";
import type { RunTableName } from "./schema.ts";

/** Runs kept after reading, about 6 KiB each: what was written lately is asked for, and neighbours of it. */
const RUNS_KEPT = 128;
/** Runs of one page of an iteration. */
const PAGE = 32;

interface RunSqlRow {
  readonly first: number;
  readonly body: Uint8Array;
}

/** See the file header. Every method may throw `StorageFault("corrupt")`. */
export class RunReader {
  readonly #name: RunTableName;
  readonly #sql;
  #kept: RowRun[] = [];

  constructor(database: Connection, name: RunTableName) {
    this.#name = name;
    const { table } = name;
    this.#sql = {
      holding: database.prepare<[number], RunSqlRow>(
        `SELECT first, body FROM ${table} WHERE first <= ? ORDER BY first DESC LIMIT 1`,
      ),
      behind: database.prepare<[number, number], RunSqlRow>(
        `SELECT first, body FROM ${table} WHERE first > ? ORDER BY first LIMIT ?`,
      ),
    };
  }

  /** The run that holds a row, or undefined. Cost: nothing for a neighbour of a row just read, else about 6 µs. */
  holding(number: number): RowRun | undefined {
    for (let place = this.#kept.length - 1; place >= 0; place -= 1) {
      const run = this.#kept[place];
      if (run?.has(number)) return run;
    }
    const row = this.#sql.holding.get(number);
    if (!row) return;
    const run = this.#read(row);
    if (!run.has(number)) return;
    if (this.#kept.length === RUNS_KEPT) this.#kept.shift();
    this.#kept.push(run);
    return run;
  }

  /** Runs in order, from the one that holds the row, or else the first behind it. */
  *from(number: number): Generator<RowRun> {
    const begin = this.holding(number);
    if (begin) yield begin;
    let after = begin?.first ?? number - 1;
    for (;;) {
      const rows = this.#sql.behind.all(after, PAGE);
      for (const row of rows) yield this.#read(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = last.first;
    }
  }

  /** Forgets the runs in memory that begin at a row or behind it, or all: the table changed there. */
  forget(first = 0): void {
    this.#kept = this.#kept.filter((run) => run.first < first);
  }

  #read({ first, body }: RunSqlRow): RowRun {
    return new RowRun(first, body, this.#name);
  }
}
