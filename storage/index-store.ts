// The rows of the command index: its layout and secret, its runs, their pages and the chunks of their filters.
// Owns the SQL and the keys; does not own when a run is written or merged (index-runs.ts).
//
// A page's key is its run's number and its place in the run, so that a run is written in key order. Pages and chunks
// have a CRC-32 beside them: SQLite's pages carry none, and a flipped bit would hide an id that was used.

import { crc32 } from "node:zlib";
import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import { INDEX_SHAPE, type IndexShape } from "./index-layout.ts";
import type { IndexPage } from "./index-page.ts";
import type { IndexRun, IndexRunRow } from "./index-run.ts";
import { StorageFault } from "./storage-error.ts";

/** Places of one run in the keys: 2^28 pages, runs up to 2^25. */
const PLACES = 2 ** 28;
const RUNS_MAX = 2 ** 25 - 1;

/** The layout of a file, with its secret. */
export interface StoredLayout extends IndexShape {
  /** 8 bytes. */
  readonly seed: Uint8Array;
}

/** A page or a chunk with its checksum. */
interface SummedBody {
  readonly sum: number;
  readonly body: Uint8Array;
}

/** See the file header. */
export class IndexStore {
  readonly #sql;

  constructor(database: Connection) {
    this.#sql = {
      addLayout: database.prepare<[number, number, number, number]>(
        "INSERT INTO index_layout VALUES (1, randomblob(8), ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ),
      layout: database.prepare<[], StoredLayout>(`SELECT seed, capacity, page_bits AS pageBits,
        block_bits AS blockBits, fan_out_bits AS fanOutBits FROM index_layout`),
      runs: database.prepare<[], IndexRunRow>("SELECT * FROM index_run ORDER BY first, number"),
      addRun: database.prepare<number[]>(
        "INSERT INTO index_run (number, level, first, last, started, done) VALUES (?, ?, ?, ?, ?, ?)",
      ),
      setDone: database.prepare<[number, number]>("UPDATE index_run SET done = ? WHERE number = ?"),
      dropRun: database.prepare<[number]>("DELETE FROM index_run WHERE number = ?"),
      page: database.prepare<[number], SummedBody>("SELECT sum, body FROM index_page WHERE key = ?"),
      pages: database.prepare<[], number>("SELECT count(*) FROM index_page").pluck(),
      addPage: database.prepare<[number, number, Uint8Array]>(
        "INSERT INTO index_page (key, sum, body) VALUES (?, ?, ?)",
      ),
      dropPages: database.prepare<[number, number]>("DELETE FROM index_page WHERE key >= ? AND key < ?"),
      chunk: database.prepare<[number], SummedBody>("SELECT sum, body FROM index_filter WHERE key = ?"),
      addChunk: database.prepare<[number, number, Uint8Array]>(
        "INSERT INTO index_filter (key, sum, body) VALUES (?, ?, ?)",
      ),
      dropChunk: database.prepare<[number]>("DELETE FROM index_filter WHERE key = ?"),
    };
  }

  /** The file's layout; the first call writes it into a file that has none. */
  layout(shape: IndexShape = INDEX_SHAPE): StoredLayout {
    const found = this.#sql.layout.get();
    if (found) return found;
    this.#sql.addLayout.run(shape.capacity, shape.pageBits, shape.blockBits, shape.fanOutBits);
    return this.storedLayout();
  }

  /** The file's layout. Errors: `StorageFault` when it has none. */
  storedLayout(): StoredLayout {
    const found = this.#sql.layout.get();
    if (!found) throw new StorageFault("corrupt", "the shard file has no index layout");
    return found;
  }

  /** All runs, by the commands that they cover. */
  runs(): IndexRunRow[] {
    return this.#sql.runs.all();
  }

  /** Adds a run without pages. */
  addRun({ number, level, first, last, started, done }: IndexRunRow): void {
    assert(number <= RUNS_MAX, "runs are counted up to 2^25");
    this.#sql.addRun.run(number, level, first, last, started, done);
  }

  /** Notes how many pages of a run were written. */
  setDone(run: IndexRun): void {
    this.#sql.setDone.run(run.done, run.number);
  }

  /** Drops the row of a run whose pages are gone. */
  dropRun(run: IndexRun): void {
    this.#sql.dropRun.run(run.number);
  }

  /** Pages of all runs that are not empty; counted, for the sweep. */
  pageCount(): number {
    return this.#sql.pages.get() ?? 0;
  }

  /** Reads a page; it is empty when it has no row. Cost: 5 µs. Errors: `StorageFault` when its checksum differs. */
  readPage(run: IndexRun, page: number, into: IndexPage): void {
    into.clear(page, run.pageBits);
    const row = this.#sql.page.get(run.number * PLACES + page);
    if (!row) return;
    if (crc32(row.body) !== row.sum) throw fault(run, `page ${page} does not have its checksum`);
    into.read(row.body);
  }

  /** Adds a page, unless it is empty. */
  addPage(run: IndexRun, page: number, body: IndexPage): void {
    if (body.count === 0) return;
    const bytes = body.body();
    this.#sql.addPage.run(run.number * PLACES + page, crc32(bytes), bytes);
  }

  /** Drops the pages of a run from one place to before another. */
  dropPages(run: IndexRun, from: number, to: number): void {
    this.#sql.dropPages.run(run.number * PLACES + from, run.number * PLACES + to);
  }

  /** Reads a chunk of a run's filter. Errors: `StorageFault` when it is not there or not whole. */
  readChunk(run: IndexRun, chunk: number): void {
    const row = this.#sql.chunk.get(run.number * PLACES + chunk);
    const words = run.chunk(chunk);
    if (row?.body.length !== words.byteLength) throw fault(run, `chunk ${chunk} of its filter is missing`);
    if (crc32(row.body) !== row.sum) throw fault(run, `chunk ${chunk} of its filter lacks its checksum`);
    new Uint8Array(words.buffer).set(row.body);
  }

  /** Adds a chunk of a run's filter. */
  addChunk(run: IndexRun, chunk: number): void {
    const bytes = new Uint8Array(run.chunk(chunk).buffer);
    this.#sql.addChunk.run(run.number * PLACES + chunk, crc32(bytes), bytes);
  }

  /** Drops a chunk of a run's filter. */
  dropChunk(run: IndexRun, chunk: number): void {
    this.#sql.dropChunk.run(run.number * PLACES + chunk);
  }
}

function fault({ number }: IndexRun, what: string): StorageFault {
  return new StorageFault("corrupt", `index run ${number}: ${what}`);
}
