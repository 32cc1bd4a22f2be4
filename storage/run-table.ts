// Appends rows in runs (row-run.ts). A row inserted by itself costs 1.9 µs, sixteen in a statement 0.9 µs each, a
// row of a run the copying of its bytes. Owns rows that were not written yet, as places in the turn's log of writes;
// whoever reads the table within the turn asks here first.
//
// The newest run is written again with more rows by later turns until it is full: its page is written in either case,
// and pages fill whatever the turns' size. A rollback, or opening the file, begins another run.
//
// Invariant: numbers are dense, and a record's rows wait together: runs are written between records only.

import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import type { MetaTable } from "./meta-table.ts";
import { OpenRun, type RowPlace } from "./row-run.ts";
import { RunReader } from "./run-reader.ts";
import type { RunTableName } from "./schema.ts";
import type { StateLog } from "./state-log.ts";

/**
 * Bytes of a run, beyond which the next row begins another. SQLite keeps 4,061 bytes of a row in a page of 4 KiB, so
 * that a full run fills a page, reading a row reads one page, and nothing overflows but a row that is longer itself.
 */
const RUN_BYTES = 4040;
/** Bytes of a part's length, for most parts. */
const LENGTH_BYTES = 1;
/** Places kept for the next turn. */
const BOUNDS_KEPT = 65_536;

/** A record of the turn and its waiting rows. */
interface WaitingRecord {
  readonly position: number;
  readonly timeMs: number;
  rows: number;
}

/** See the file header. */
export class RunTable {
  /** What is on disk, or flushed within the turn. */
  readonly reader: RunReader;
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #parts: number;
  readonly #insert;
  readonly #update;
  readonly #open = new OpenRun();
  /** The file holds the open run, with fewer rows. */
  #isInserted = false;
  /** Number of the first waiting row. */
  #first = 0;
  #count = 0;
  /** Start and end in the log of each part of each waiting row; the array is used again. */
  #bounds: number[] = [];
  #records: WaitingRecord[] = [];

  constructor(database: Connection, log: StateLog, { meta, name }: { meta: MetaTable; name: RunTableName }) {
    this.reader = new RunReader(database, name);
    this.#log = log;
    this.#meta = meta;
    this.#parts = name.parts;
    this.#insert = database.prepare<[Uint8Array, number]>(
      `INSERT INTO ${name.table} (body, first) VALUES (?, ?)`,
    );
    this.#update = database.prepare<[Uint8Array, number]>(
      `UPDATE ${name.table} SET body = ? WHERE first = ?`,
    );
  }

  /** Number of the first row that waits. */
  get firstWaiting(): number {
    return this.#first;
  }

  /** Adds a row whose first part is the log from `start` to here. */
  push(number: number, start: number): void {
    if (this.#count === 0) this.#first = number;
    assert(number === this.#first + this.#count, "rows are appended by number");
    const { position, timeMs } = this.#meta.row;
    const record = this.#records[this.#records.length - 1];
    if (record?.position === position) record.rows += 1;
    else this.#records.push({ position, timeMs, rows: 1 });
    const at = this.#count * this.#parts * 2;
    this.#bounds[at] = start;
    this.#bounds[at + 1] = this.#log.writer.length;
    for (let part = 1; part < this.#parts; part += 1) {
      this.#bounds[at + part * 2] = 0;
      this.#bounds[at + part * 2 + 1] = 0;
    }
    this.#count += 1;
  }

  /** Sets a part of a row that waits: the log from `start` to here. */
  setPart(number: number, part: number, start: number): void {
    assert(this.isWaiting(number) && part < this.#parts, "a part is set while its row waits");
    const at = ((number - this.#first) * this.#parts + part) * 2;
    this.#bounds[at] = start;
    this.#bounds[at + 1] = this.#log.writer.length;
  }

  /** Whether a row was pushed and not written yet. */
  isWaiting(number: number): boolean {
    return number >= this.#first && number < this.#first + this.#count;
  }

  /** A part of a waiting row, copied. */
  waitingPart(number: number, part: number): Uint8Array {
    assert(this.isWaiting(number), "a waiting row is read");
    const at = ((number - this.#first) * this.#parts + part) * 2;
    return this.#log.writer.slice(this.#bounds[at] ?? 0, this.#bounds[at + 1] ?? 0);
  }

  /** Whether the record that is being applied pushed the row. */
  isOfThisRecord(number: number): boolean {
    const record = this.#records[this.#records.length - 1];
    if (record?.position !== this.#meta.row.position || !this.isWaiting(number)) return false;
    return number >= this.#first + this.#count - record.rows;
  }

  /** Writes what waits. Between records. */
  flush(): void {
    assert(!this.#log.isOpen, "runs are written between records");
    if (this.#count === 0) return;
    let row = 0;
    for (const { position, timeMs, rows } of this.#records) {
      const place = { position, timeMs, index: 0 };
      for (; place.index < rows; place.index += 1, row += 1) this.#addRow(row, place);
    }
    assert(row === this.#count, "each waiting row has its record");
    this.#writeOpen();
    this.#forgetWaiting();
  }

  /** Forgets what waits and what was read: a rollback. */
  drop(): void {
    this.#forgetWaiting();
    this.#closeRun();
    this.reader.forget();
  }

  #addRow(row: number, place: RowPlace): void {
    const from = row * this.#parts * 2;
    const to = from + this.#parts * 2;
    let bytes = 0;
    for (let at = from; at < to; at += 2) bytes += this.#lengthAt(at) + LENGTH_BYTES;
    if (this.#open.count > 0 && this.#open.bytes + bytes > RUN_BYTES) {
      this.#writeOpen();
      this.#closeRun();
    }
    this.#open.addRow(this.#first + row, place);
    for (let at = from; at < to; at += 2) {
      this.#open.addPart(this.#log.writer, this.#bounds[at] ?? 0, this.#bounds[at + 1] ?? 0);
    }
  }

  #writeOpen(): void {
    const { first } = this.#open;
    if (this.#isInserted) this.#update.run(this.#open.seal(), first);
    else this.#insert.run(this.#open.seal(), first);
    this.#isInserted = true;
    this.reader.forget(first);
  }

  #closeRun(): void {
    this.#open.reset();
    this.#isInserted = false;
  }

  #lengthAt(bound: number): number {
    return (this.#bounds[bound + 1] ?? 0) - (this.#bounds[bound] ?? 0);
  }

  #forgetWaiting(): void {
    this.#count = 0;
    this.#first = 0;
    this.#records = [];
    if (this.#bounds.length > BOUNDS_KEPT) this.#bounds = [];
  }
}
