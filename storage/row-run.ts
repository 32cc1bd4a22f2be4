// A run: consecutive rows of one numbered table in one blob, so that a row costs its bytes and not a row of SQLite.
// Owns the layout and its version; does not own the rows' own bytes, which their codecs write and the state chain
// hashes. Where a run begins and ends depends on turns: nothing but this layout may know it.
//
//   CRC-32 of the rest | 1 | rows | place of the first row in its record
//     | records: rows of it here, position, shard time (both as the difference to the record before)
//     | lengths: of each part of each row, 0 = the row lacks that part
//     | the parts, one behind the other
//
// Guards against bytes that changed on disk: SQLite's pages carry no checksum.

import { crc32 } from "node:zlib";
import { assert } from "../protocol/assert.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

const VERSION = 1;
const CHECKSUM_BYTES = 4;
/** Checksum, version, count and place. */
const HEAD_BYTES_MAX = 12;
/** Differences to the record before, as they are when records follow one another; the first one is longer. */
const RECORD_BYTES_MAX = 6;

/** The record that wrote rows of a run. */
export interface RunRecord {
  readonly position: number;
  /** Shard time of the record, in ms. */
  readonly timeMs: number;
  /** How many of its rows, at least 1. */
  readonly rows: number;
}

/** Where a row was written. */
export interface RowPlace {
  readonly position: number;
  /** Place among the record's rows of the table, 0-based. */
  readonly index: number;
  readonly timeMs: number;
}

/** A run that is being filled. Holds copies of its rows, so that it can be written more than once. */
export class OpenRun {
  readonly #lengths = new ByteWriter(1024);
  readonly #parts = new ByteWriter(8 * 1024);
  readonly #run = new ByteWriter(8 * 1024);
  #first = 0;
  #count = 0;
  #index = 0;
  #records: { position: number; timeMs: number; rows: number }[] = [];

  /** Number of its first row. */
  get first(): number {
    return this.#first;
  }

  /** Rows in it. */
  get count(): number {
    return this.#count;
  }

  /** Bytes that it takes at most. */
  get bytes(): number {
    return (
      HEAD_BYTES_MAX + this.#records.length * RECORD_BYTES_MAX + this.#lengths.length + this.#parts.length
    );
  }

  /** Adds a row without parts; they follow. Rows of a record are added in their order. */
  addRow(number: number, { position, timeMs, index }: RowPlace): void {
    if (this.#count === 0) {
      this.#first = number;
      this.#index = index;
    }
    assert(number === this.#first + this.#count, "rows of a run are dense");
    this.#count += 1;
    const last = this.#records[this.#records.length - 1];
    if (last?.position === position) last.rows += 1;
    else this.#records.push({ position, timeMs, rows: 1 });
  }

  /** Adds a part of the row added last. */
  addPart(source: ByteWriter, start: number, end: number): void {
    this.#lengths.varint(end - start);
    this.#parts.copyFrom(source, start, end);
  }

  /** The run's bytes; they stay until the next call. */
  seal(): Uint8Array {
    assert(this.#count > 0, "a run has rows");
    const writer = this.#run;
    writer.reset();
    writer.uint32(0);
    writer.byte(VERSION);
    writer.varint(this.#count);
    writer.varint(this.#index);
    let last = { position: 0, timeMs: 0 };
    for (const record of this.#records) {
      writer.varint(record.rows);
      writer.varint(record.position - last.position);
      writer.varint(record.timeMs - last.timeMs);
      last = record;
    }
    writer.copyFrom(this.#lengths, 0, this.#lengths.length);
    writer.copyFrom(this.#parts, 0, this.#parts.length);
    const run = writer.view();
    run.writeUInt32BE(crc32(run.subarray(CHECKSUM_BYTES)), 0);
    return run;
  }

  /** Begins an empty run. */
  reset(): void {
    this.#lengths.reset();
    this.#parts.reset();
    this.#records = [];
    this.#count = 0;
  }
}

/** A run as read from the file. */
export class RowRun {
  /** Number of its first row. */
  readonly first: number;
  /** Rows in it, at least 1. */
  readonly count: number;
  readonly #parts: number;
  readonly #bytes: Uint8Array;
  readonly #index: number;
  readonly #records: RunRecord[] = [];
  /** Where each part begins; one more for the end. */
  readonly #starts: number[] = [];

  /**
   * Errors: `StorageFault("corrupt")`.
   * @param parts parts of a row
   * @param what the run's name for messages
   */
  constructor(first: number, body: Uint8Array, { parts, what }: { parts: number; what: string }) {
    const reader = new ByteReader(body, `${what} run ${first}`);
    const checksum = reader.uint32();
    if (crc32(body.subarray(CHECKSUM_BYTES)) !== checksum) throw reader.fault("does not have its checksum");
    reader.version(VERSION);
    this.first = first;
    this.count = reader.varint();
    this.#parts = parts;
    this.#index = reader.varint();
    this.#readRecords(reader);
    let start = 0;
    for (let at = 0; at < this.count * parts; at += 1) {
      this.#starts.push(start);
      start += reader.varint();
    }
    this.#starts.push(start);
    this.#bytes = reader.rest();
    if (this.#bytes.length !== start) throw reader.fault("has other bytes than its lengths say");
  }

  /** Whether the row of that number is in it. */
  has(number: number): boolean {
    return number >= this.first && number < this.first + this.count;
  }

  /** A part of a row, not copied; null when the row lacks it. */
  part(number: number, part = 0): Uint8Array | null {
    assert(this.has(number) && part < this.#parts, "a row of the run is read");
    const at = (number - this.first) * this.#parts + part;
    const [start, end] = [this.#starts[at], this.#starts[at + 1]];
    return start === end ? null : this.#bytes.subarray(start, end);
  }

  /** Where a row was written. */
  placeOf(number: number): RowPlace {
    let before = number - this.first;
    let index = this.#index;
    for (const { position, timeMs, rows } of this.#records) {
      if (before < rows) return { position, timeMs, index: index + before };
      before -= rows;
      index = 0;
    }
    throw new RangeError(`row ${number} is not in the run`);
  }

  #readRecords(reader: ByteReader): void {
    let last = { position: 0, timeMs: 0 };
    let rows = 0;
    while (rows < this.count) {
      const record: RunRecord = {
        rows: reader.varint(),
        position: last.position + reader.varint(),
        timeMs: last.timeMs + reader.varint(),
      };
      if (record.rows === 0) throw reader.fault("has a record without rows");
      this.#records.push(record);
      rows += record.rows;
      last = record;
    }
    if (rows === 0 || rows !== this.count) throw reader.fault("has another number of rows than its records");
  }
}
