// Hashes of the last records of the log, so that the log can be compared with what was applied. Not logical
// state: a cache of facts that the log chain covers.

import { assert } from "../protocol/assert.ts";
import { RECORD_HASHES_KEPT } from "../protocol/limits.ts";
import type { Connection } from "./database.ts";
import { RowBatch } from "./row-batch.ts";

/** Rows removed by one commit at most. */
const TRIM_SLICE = 2048;
/** Bytes kept of a record's digest. */
const HASH_BYTES = 16;

/** See the file header. */
export class RecordHashTable {
  readonly #batch: RowBatch;
  readonly #sql;

  constructor(database: Connection) {
    this.#batch = new RowBatch(database, "record_hash", ["position", "hash"]);
    this.#sql = {
      one: database.prepare<[number], Buffer>("SELECT hash FROM record_hash WHERE position = ?").pluck(),
      lowest: database.prepare<[], number | null>("SELECT min(position) FROM record_hash").pluck(),
      trim: database.prepare<[number]>("DELETE FROM record_hash WHERE position < ?"),
    };
  }

  /** Keeps the hash of the record at a position. */
  add(position: number, digest: Uint8Array): void {
    assert(digest.length === 32, "a record's digest is 32 bytes");
    this.#batch.push(position, digest.slice(0, HASH_BYTES));
  }

  /** The kept hash (16 bytes), or null when the position is too old or too new. */
  at(position: number): Buffer | null {
    return this.#sql.one.get(position) ?? null;
  }

  /** Inserts what waits and removes what is too old, a bounded slice at a time. */
  flush(position: number): void {
    this.#batch.flush();
    const keptFrom = position - RECORD_HASHES_KEPT + 1;
    const lowest = this.#sql.lowest.get() ?? keptFrom;
    if (lowest < keptFrom) this.#sql.trim.run(Math.min(keptFrom, lowest + TRIM_SLICE));
  }

  /** Forgets what waits: a rollback. */
  drop(): void {
    this.#batch.drop();
  }
}
