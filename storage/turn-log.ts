// What the last turns did to holds and timers, as a log: one row a turn. A hold changes two or three times and has a
// timer, most of it within moments. As rows of their own each change cost an upsert, and each timer an insert and a
// delete with four trees; as some bytes of a turn's row a change costs a copy.
//
//   put, set, clear ──► row of the turn ──more rows, entries or bytes than allowed──► the oldest rows go: what they
//                                                   hold and nothing later changed becomes rows of `hold` and `timer`
//
// Owns the rows of the log, and when the oldest go. Does not own what is in memory of them (hold-table, timer-table).
// Invariants: reading the rows in order gives what is in memory; rows go oldest first. The rows belong to turns and are
// no logical rows: doors and dumps read what they come to.

import type { Timer } from "../actors/ledger.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Connection } from "./database.ts";
import { requireSum, rowSum, type SummedRow } from "./row-sum.ts";
import { TIMER_KINDS } from "./timer-row.ts";

/** A turn's row. */
export interface TurnLogRow extends SummedRow {
  readonly number: number;
}

/** All rows in order. */
export const TURN_LOG_ROWS = "SELECT number, sum, body FROM turn_log ORDER BY number";

/** A hold as the log has it: what `readHold` needs. */
export interface LoggedHold {
  readonly number: number;
  /** The owner's number. */
  readonly owner: number;
  readonly body: Uint8Array;
}

/** A timer as the log has it. */
export interface LoggedTimer extends Timer {
  /** The number of the hold's owner, null for votes. */
  readonly owner: number | null;
  readonly isParked: boolean;
}

/** Who is told what rows hold, in the order of their entries. */
export interface TurnLogReader {
  hold(hold: LoggedHold): void;
  timer(timer: LoggedTimer): void;
  clear(kind: Timer["kind"], target: number): void;
}

/** How long the log may be after a commit; beyond one of these the oldest rows go until a quarter is free. */
export interface TurnLogLimits {
  /** Turns; 0 = all becomes rows at once. */
  readonly rows: number;
  readonly entries: number;
  readonly bytes: number;
}

/** What shards in service use: in memory that is some 8 MiB at most. */
export const TURN_LOG: TurnLogLimits = { rows: 256, entries: 16_384, bytes: 2 * 1024 * 1024 };

const HOLD = 1;
const TIMER = 2;
const CLEAR = 3;

interface Size {
  readonly number: number;
  readonly entries: number;
  readonly bytes: number;
}

/** See the file header. */
export class TurnLog {
  readonly #limits: TurnLogLimits;
  readonly #sql;
  readonly #writer = new ByteWriter();
  #rows: Size[] = [];
  #turn = 1;
  #entries = 0;

  constructor(database: Connection, limits: TurnLogLimits) {
    this.#limits = limits;
    this.#sql = {
      rows: database.prepare<[], TurnLogRow>(TURN_LOG_ROWS),
      insert: database.prepare<[number, number, Uint8Array]>(
        "INSERT INTO turn_log (number, sum, body) VALUES (?, ?, ?)",
      ),
      drop: database.prepare<[number]>("DELETE FROM turn_log WHERE number < ?"),
    };
  }

  /** The number of the open turn's row; while the log is read, of the row that is read. */
  get turn(): number {
    return this.#turn;
  }

  /** Logs a hold: number, owner and body are what `source` holds from `start` to its end. */
  hold(source: ByteWriter, start: number): void {
    this.#entries += 1;
    this.#writer.byte(HOLD);
    this.#writer.varint(source.length - start);
    this.#writer.copyFrom(source, start, source.length);
  }

  /** Logs a timer that was set or parked. */
  timer({ id, dueMs, kind, target, owner, isParked }: LoggedTimer): void {
    this.#entries += 1;
    const writer = this.#writer;
    writer.byte(TIMER);
    writer.varint(id);
    writer.varint(dueMs);
    writer.byte(TIMER_KINDS.indexOf(kind));
    writer.varint(target);
    writer.optionalVarint(owner);
    writer.byte(isParked ? 1 : 0);
  }

  /** Logs that a timer of the log is gone. */
  clear(kind: Timer["kind"], target: number): void {
    this.#entries += 1;
    this.#writer.byte(CLEAR);
    this.#writer.byte(TIMER_KINDS.indexOf(kind));
    this.#writer.varint(target);
  }

  /** Writes the turn's row; when the log is too long, `moveOut` makes rows of what lies in turns below one, which go. */
  flush(moveOut: (below: number) => void): void {
    if (this.#entries > 0) {
      const body = this.#writer.view();
      this.#sql.insert.run(this.#turn, rowSum([this.#turn], body), body);
      this.#rows.push({ number: this.#turn, entries: this.#entries, bytes: this.#writer.length });
      this.#turn += 1;
      this.#forgetTurn();
    }
    const goes = this.#rowsTooMany();
    if (goes === 0) return;
    this.#rows = this.#rows.slice(goes);
    const below = this.#rows[0]?.number ?? this.#turn;
    moveOut(below);
    this.#sql.drop.run(below);
  }

  /** Reads the log: when a file is opened, and after a rollback. Errors: `StorageFault("corrupt")`. */
  load(reader: TurnLogReader): void {
    this.#forgetTurn();
    this.#rows = [];
    for (const row of this.#sql.rows.iterate()) {
      this.#turn = row.number;
      const entries = readTurn(row, reader);
      this.#rows.push({ number: row.number, entries, bytes: row.body.length });
    }
    this.#turn = (this.#rows.at(-1)?.number ?? 0) + 1;
  }

  #forgetTurn(): void {
    this.#writer.reset();
    this.#entries = 0;
  }

  /** How many of the oldest rows go. */
  #rowsTooMany(): number {
    const left = { rows: this.#rows.length, entries: 0, bytes: 0 };
    for (const { entries, bytes } of this.#rows) {
      left.entries += entries;
      left.bytes += bytes;
    }
    if (!this.#isBeyond(left, 1)) return 0;
    let goes = 0;
    for (const { entries, bytes } of this.#rows) {
      if (!this.#isBeyond(left, 3 / 4)) break;
      left.rows -= 1;
      left.entries -= entries;
      left.bytes -= bytes;
      goes += 1;
    }
    return goes;
  }

  #isBeyond({ rows, entries, bytes }: TurnLogLimits, share: number): boolean {
    const { rows: rowsMax, entries: entriesMax, bytes: bytesMax } = this.#limits;
    return rows > rowsMax * share || entries > entriesMax * share || bytes > bytesMax * share;
  }
}

/** Reads a row of the log. @returns how many entries it has. Errors: `StorageFault("corrupt")`. */
export function readTurn(row: TurnLogRow, to: TurnLogReader): number {
  const what = `turn ${row.number} of holds and timers`;
  requireSum(row, [row.number], what);
  const reader = new ByteReader(row.body, what);
  let entries = 0;
  for (; reader.left > 0; entries += 1) {
    const entry = reader.byte();
    if (entry === HOLD) to.hold(readLoggedHold(reader.bytes()));
    else if (entry === TIMER) to.timer(readLoggedTimer(reader));
    else if (entry === CLEAR) to.clear(reader.choice(TIMER_KINDS), reader.varint());
    else throw reader.fault(`has an entry of kind ${entry}`);
  }
  return entries;
}

function readLoggedHold(bytes: Uint8Array): LoggedHold {
  const reader = new ByteReader(bytes, "a logged hold");
  return { number: reader.varint(), owner: reader.varint(), body: reader.rest() };
}

function readLoggedTimer(reader: ByteReader): LoggedTimer {
  return {
    id: reader.varint(),
    dueMs: reader.varint(),
    kind: reader.choice(TIMER_KINDS),
    target: reader.varint(),
    owner: reader.optionalVarint(),
    isParked: reader.byte() === 1,
  };
}
