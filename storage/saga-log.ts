// The sagas of the last turns, in memory and as a log: one row a turn with everything that it started, changed and
// ended. A move between two shards lives for a few turns; as a row of its own it cost an INSERT, a SELECT with a
// decoding and a DELETE, about 11 µs; as some bytes of a turn's row it costs a copy.
//
//   turn row ──all its sagas ended or changed later──► deleted, oldest first
//      └──still the oldest after ROWS_MAX turns, or SAGAS_MAX in memory──► its sagas become rows of `saga`, then deleted
//
// Owns the turn rows and the sagas in them; saga-table owns the rows of those that live longer. Invariants: a saga
// is in the log or a row of `saga`, never both; reading the rows in order gives the sagas that are in memory; rows
// go oldest first, so neither a change nor an end ever goes before its start. The rows belong to turns and are no logical rows: doors
// and dumps read what is open.

import type { Saga } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Connection } from "./database.ts";
import { NumberedValues } from "./numbered-values.ts";
import { type PlainSaga, plainOf, sagaOfPlain } from "./plain-saga.ts";
import { requireSum, rowSum, type SummedRow } from "./row-sum.ts";
import { changedSaga } from "./saga-change.ts";
import { readSaga } from "./saga-row.ts";
import type { ToldStep } from "./saga-step-row.ts";

/** A turn's row. */
export interface SagaLogRow extends SummedRow {
  readonly number: number;
}

/** All rows in order. */
export const SAGA_LOG_ROWS = "SELECT number, sum, body FROM saga_log ORDER BY number";

/** Turns that a saga stays in the log at most: a move takes 3 to 6 under load. */
const ROWS_MAX = 64;
/** Sagas in memory, from 200 bytes to 1 KiB each; beyond it the oldest turns' become rows. */
const SAGAS_MAX = 20_000;
const PUT = 1;
const END = 2;
const CHANGE = 3;

/** Finds the step that tells a saga. */
export type StepAt = (step: number) => ToldStep | undefined;

interface Logged {
  readonly saga: Saga | PlainSaga;
  /** The number of the row that tells it whole: later ones tell changes. */
  readonly row: number;
}

/** See the file header. */
export class SagaLog {
  readonly #sql;
  readonly #stepAt: StepAt;
  readonly #writer = new ByteWriter();
  readonly #sagas = new NumberedValues<Logged>();
  /** How many open sagas each row has, by row; the last one is the turn's. */
  readonly #open = new Map<number, number>();
  /** The highest number that was ever put: a saga above it is new. */
  #highest = 0;
  #oldest = 1;
  #turn = 1;

  constructor(database: Connection, stepAt: StepAt) {
    this.#stepAt = stepAt;
    this.#sql = {
      rows: database.prepare<[], SagaLogRow>(SAGA_LOG_ROWS),
      insert: database.prepare<[number, number, Uint8Array]>(
        "INSERT INTO saga_log (number, sum, body) VALUES (?, ?, ?)",
      ),
      drop: database.prepare<[number]>("DELETE FROM saga_log WHERE number < ?"),
    };
    this.reload();
  }

  /** Open sagas in the log. */
  get size(): number {
    return this.#sagas.size;
  }

  /** An open saga of the log, or undefined. */
  saga(number: number): Saga | undefined {
    const logged = this.#sagas.get(number);
    return logged && wholeOf(logged.saga);
  }

  /** Whether a saga is in the log. */
  has(number: number): boolean {
    return this.#sagas.get(number) !== undefined;
  }

  /** Logs a saga or its changed state: what `source` holds from `start` to its end is copied. */
  put(saga: Saga | PlainSaga, source: ByteWriter, start: number): void {
    this.#writer.byte(PUT);
    this.#writer.varint(saga.number);
    this.#writer.varint(source.length - start);
    this.#writer.copyFrom(source, start, source.length);
    this.#note(saga);
  }

  /**
   * Logs what changed in a saga: what `source` holds from `start` to its end is copied.
   * @returns false when it is not in the log, and nothing is logged
   */
  change(saga: Saga, source: ByteWriter, start: number): boolean {
    if (!this.#replace(saga)) return false;
    this.#writer.byte(CHANGE);
    this.#writer.varint(saga.number);
    this.#writer.varint(source.length - start);
    this.#writer.copyFrom(source, start, source.length);
    return true;
  }

  /** Logs a saga's end. @returns false when it is not in the log */
  end(number: number): boolean {
    if (!this.#forget(number)) return false;
    this.#writer.byte(END);
    this.#writer.varint(number);
    return true;
  }

  /** Writes the turn's row and drops old ones; `keep` is given what is open in one that went because of its age. */
  flush(keep: (saga: Saga) => void): void {
    const oldest = this.#oldest;
    if (this.#writer.length > 0) {
      const body = this.#writer.view();
      this.#sql.insert.run(this.#turn, rowSum([this.#turn], body), body);
      this.#writer.reset();
      this.#turn += 1;
    }
    let goes = 0;
    while (this.#oldest < this.#turn) {
      const open = this.#open.get(this.#oldest) ?? 0;
      const isOld = this.#turn - this.#oldest > ROWS_MAX || this.#sagas.size - goes > SAGAS_MAX;
      if (open > 0 && !isOld) break;
      goes += open;
      this.#open.delete(this.#oldest);
      this.#oldest += 1;
    }
    if (goes > 0) this.#moveOut(goes, keep);
    if (this.#oldest > oldest) this.#sql.drop.run(this.#oldest);
  }

  /** Reads the log again: when a file is opened, and after a rollback. */
  reload(): void {
    this.#writer.reset();
    this.#sagas.clear();
    this.#open.clear();
    const rows = this.#sql.rows.all();
    this.#oldest = rows[0]?.number ?? 1;
    this.#turn = this.#oldest;
    for (const row of rows) {
      this.#turn = row.number;
      replay(row, this.#stepAt, {
        find: (number) => this.saga(number),
        put: (saga) => this.#note(plainOf(saga) ?? saga),
        change: (saga) => this.#replace(saga),
        end: (number) => this.#forget(number),
      });
    }
    if (rows.length > 0) this.#turn += 1;
  }

  #note(saga: Saga | PlainSaga): void {
    if (saga.number > this.#highest) this.#highest = saga.number;
    else this.#forget(saga.number);
    this.#sagas.set(saga.number, { saga, row: this.#turn });
    this.#open.set(this.#turn, (this.#open.get(this.#turn) ?? 0) + 1);
  }

  /** The row that tells the saga whole stays the one that holds it. */
  #replace(saga: Saga): boolean {
    const logged = this.#sagas.get(saga.number);
    if (!logged) return false;
    this.#sagas.set(saga.number, { saga, row: logged.row });
    return true;
  }

  #forget(number: number): boolean {
    const logged = this.#sagas.take(number);
    if (!logged) return false;
    this.#open.set(logged.row, (this.#open.get(logged.row) ?? 0) - 1);
    return true;
  }

  /** Gives away, by number, what is open in rows that go: so many sagas. Cost: linear in those in memory. */
  #moveOut(goes: number, keep: (saga: Saga) => void): void {
    const old = this.#sagas.filter(({ row }) => row < this.#oldest).map(({ saga }) => saga);
    assert(old.length === goes, "what is open in a turn's row is in memory");
    for (const saga of old.sort((left, right) => left.number - right.number)) {
      this.#sagas.take(saga.number);
      keep(wholeOf(saga));
    }
  }
}

function wholeOf(saga: Saga | PlainSaga): Saga {
  return "leg" in saga ? sagaOfPlain(saga) : saga;
}

/** The open sagas that rows of the log come to, by number. Errors: `StorageFault("corrupt")`. */
export function openSagas(rows: Iterable<SagaLogRow>, stepAt: StepAt): Map<number, Saga> {
  const sagas = new Map<number, Saga>();
  for (const row of rows) {
    replay(row, stepAt, {
      find: (number) => sagas.get(number),
      put: (saga) => sagas.set(saga.number, saga),
      change: (saga) => sagas.set(saga.number, saga),
      end: (number) => sagas.delete(number),
    });
  }
  return new Map([...sagas].sort(([left], [right]) => left - right));
}

/** What replaying a row finds and does. */
interface Replaying {
  readonly find: (number: number) => Saga | undefined;
  readonly put: (saga: Saga) => unknown;
  readonly change: (saga: Saga) => unknown;
  readonly end: (number: number) => unknown;
}

/** Changes and ends of a saga whose row has gone say nothing: it ended later, or is a row of `saga` as it is now. */
function replay(row: SagaLogRow, stepAt: StepAt, on: Replaying): void {
  const what = `turn ${row.number} of the sagas`;
  requireSum(row, [row.number], what);
  const reader = new ByteReader(row.body, what);
  while (reader.left > 0) {
    const kind = reader.byte();
    const saga = reader.varint();
    if (kind === PUT) on.put(readSaga(saga, reader.bytes(), stepAt));
    else if (kind === CHANGE) {
      const change = reader.bytes();
      const before = on.find(saga);
      if (before) on.change(changedSaga(before, change));
    } else if (kind === END) on.end(saga);
    else throw reader.fault(`has an entry of kind ${kind}`);
  }
}
