// The rows of the command index: its layout and secret, its runs, their pages and the chunks of their filters.
// Owns the SQL and the keys; does not own when a run is written or merged (index-runs.ts).
//
// A page's key is its run's number and its place in the run, so that a run is written in key order.

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
      page: database.prepare<[number], Uint8Array>("SELECT body FROM index_page WHERE key = ?").pluck(),
      pages: database.prepare<[], number>("SELECT count(*) FROM index_page").pluck(),
      addPage: database.prepare<[number, Uint8Array]>("INSERT INTO index_page (key, body) VALUES (?, ?)"),
      dropPages: database.prepare<[number, number]>("DELETE FROM index_page WHERE key >= ? AND key < ?"),
      chunk: database.prepare<[number], Uint8Array>("SELECT body FROM index_filter WHERE key = ?").pluck(),
      addChunk: database.prepare<[number, Uint8Array]>("INSERT INTO index_filter (key, body) VALUES (?, ?)"),
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

  /** Reads a page; it is empty when it has no row. Cost: 4 µs. */
  readPage(run: IndexRun, page: number, into: IndexPage): void {
    into.clear(page, run.pageBits);
    const body = this.#sql.page.get(run.number * PLACES + page);
    if (body) into.read(body);
  }

  /** Adds a page, unless it is empty. */
  addPage(run: IndexRun, page: number, body: IndexPage): void {
    if (body.count > 0) this.#sql.addPage.run(run.number * PLACES + page, body.body());
  }

  /** Drops the pages of a run from one place to before another. */
  dropPages(run: IndexRun, from: number, to: number): void {
    this.#sql.dropPages.run(run.number * PLACES + from, run.number * PLACES + to);
  }

  /** Reads a chunk of a run's filter. Errors: `StorageFault` when it is not there or not whole. */
  readChunk(run: IndexRun, chunk: number): void {
    const body = this.#sql.chunk.get(run.number * PLACES + chunk);
    const words = run.chunk(chunk);
    if (body?.length !== words.byteLength) {
      throw new StorageFault("corrupt", `chunk ${chunk} of the filter of index run ${run.number} is missing`);
    }
    new Uint8Array(words.buffer).set(body);
  }

  /** Adds a chunk of a run's filter. */
  addChunk(run: IndexRun, chunk: number): void {
    this.#sql.addChunk.run(run.number * PLACES + chunk, new Uint8Array(run.chunk(chunk).buffer));
  }

  /** Drops a chunk of a run's filter. */
  dropChunk(run: IndexRun, chunk: number): void {
    this.#sql.dropChunk.run(run.number * PLACES + chunk);
  }
}
