// Hashes of the last records of the log, so that the log can be compared with what was applied. Not logical
// state: a cache of facts that the log chain covers. Kept in runs: a row holds the hashes of consecutive records, one
// behind the other, so that a record of one command does not cost a row.

import { assert } from "../protocol/assert.ts";
import { RECORD_HASHES_KEPT } from "../protocol/limits.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Connection } from "./database.ts";

/** Records whose hashes are removed by one commit, at most and about. */
const TRIM_SLICE = 2048;
/** Hashes of a run at most: it then fits one page of 4 KiB. */
const RUN_HASHES = 240;
/** Bytes kept of a record's digest. */
export const RECORD_HASH_BYTES = 16;

/** See the file header. */
export class RecordHashTable {
  readonly #waiting = new ByteWriter(RUN_HASHES * RECORD_HASH_BYTES);
  /** Position of the first hash that waits. */
  #first = 0;
  /** First position of the oldest run; null = not looked up. */
  #oldest: number | null = null;
  readonly #sql;

  constructor(database: Connection) {
    this.#sql = {
      insert: database.prepare<[number, Uint8Array]>(
        "INSERT INTO record_hash_run (first, hashes) VALUES (?, ?)",
      ),
      holding: database.prepare<[number], { first: number; hashes: Buffer }>(
        "SELECT first, hashes FROM record_hash_run WHERE first <= ? ORDER BY first DESC LIMIT 1",
      ),
      oldest: database.prepare<[], number | null>("SELECT min(first) FROM record_hash_run").pluck(),
      trim: database.prepare<[number]>("DELETE FROM record_hash_run WHERE first < ?"),
    };
  }

  /** Keeps the hash of the record at a position. */
  add(position: number, digest: Uint8Array): void {
    assert(digest.length === 32, "a record's digest is 32 bytes");
    if (this.#waiting.length === 0) this.#first = position;
    assert(position === this.#first + this.#count, "hashes are kept without a gap");
    this.#waiting.head(digest, RECORD_HASH_BYTES);
    if (this.#count === RUN_HASHES) this.#insert();
  }

  /** The hash (16 bytes) of a record, or null when the position is too old or too new. */
  at(position: number): Buffer | null {
    const run = this.#sql.holding.get(position);
    if (!run) return null;
    const start = (position - run.first) * RECORD_HASH_BYTES;
    const isHeld = start + RECORD_HASH_BYTES <= run.hashes.length;
    return isHeld ? run.hashes.subarray(start, start + RECORD_HASH_BYTES) : null;
  }

  /** Inserts what waits and removes what is too old, a bounded slice at a time. */
  flush(position: number): void {
    this.#insert();
    this.#oldest ??= this.#sql.oldest.get() ?? position;
    const keptFrom = position - RECORD_HASHES_KEPT + 1;
    if (this.#oldest + RUN_HASHES > keptFrom) return;
    const kept = this.#sql.holding.get(Math.min(keptFrom, this.#oldest + TRIM_SLICE));
    assert(kept !== undefined, "the runs of hashes have no gap");
    this.#sql.trim.run(kept.first);
    this.#oldest = kept.first;
  }

  /** Forgets what waits: a rollback. */
  drop(): void {
    this.#waiting.reset();
    this.#oldest = null;
  }

  get #count(): number {
    return this.#waiting.length / RECORD_HASH_BYTES;
  }

  #insert(): void {
    if (this.#waiting.length === 0) return;
    this.#sql.insert.run(this.#first, this.#waiting.view());
    this.#waiting.reset();
  }
}
