// The rows of the command index: its layout and secret, its runs, their pages and the chunks of their filters.
// Owns the SQL and the keys; does not own when a run is written or merged (index-runs.ts).
//
// A page's key is its run's number and its place in the run, so that a run is written in key order. Pages and chunks
// have a CRC-32 beside them, layout and runs a checksum (row-sum.ts): SQLite's pages carry none, and a flipped bit would
// hide an id that was used.

import { crc32 } from "node:zlib";
import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import { INDEX_SHAPE, type IndexShape } from "./index-layout.ts";
import type { IndexPage } from "./index-page.ts";
import type { IndexRun, IndexRunRow } from "./index-run.ts";
import { requireSum, rowSum, type SummedRow } from "./row-sum.ts";
import { StorageFault } from "./storage-error.ts";

/** Places of one run in the keys: 2^28 pages, runs up to 2^25. */
const PLACES = 2 ** 28;
const RUNS_MAX = 2 ** 25 - 1;

/** The layout of a file, with its secret. */
export interface StoredLayout extends IndexShape {
  /** 8 bytes. */
  readonly seed: Uint8Array;
}

type LayoutSqlRow = StoredLayout & { readonly sum: number };
type RunSqlRow = IndexRunRow & { readonly sum: number };

/** See the file header. */
export class IndexStore {
  readonly #sql;

  constructor(database: Connection) {
    this.#sql = {
      hasCommands: database.prepare<[], number>("SELECT EXISTS (SELECT 1 FROM command_run)").pluck(),
      newSeed: database.prepare<[], Uint8Array>("SELECT randomblob(8)").pluck(),
      addLayout: database.prepare<[Uint8Array, number, number, number, number, number]>(
        `INSERT INTO index_layout (one, seed, capacity, page_bits, block_bits, fan_out_bits, sum)
         VALUES (1, ?, ?, ?, ?, ?, ?)`,
      ),
      layout: database.prepare<[], LayoutSqlRow>(`SELECT seed, capacity, page_bits AS pageBits,
        block_bits AS blockBits, fan_out_bits AS fanOutBits, sum FROM index_layout`),
      runs: database.prepare<[], RunSqlRow>("SELECT * FROM index_run ORDER BY first, number"),
      addRun: database.prepare<number[]>(
        "INSERT INTO index_run (number, level, first, last, started, done, sum) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ),
      setDone: database.prepare<[number, number, number]>(
        "UPDATE index_run SET done = ?, sum = ? WHERE number = ?",
      ),
      dropRun: database.prepare<[number]>("DELETE FROM index_run WHERE number = ?"),
      page: database.prepare<[number], SummedRow>("SELECT sum, body FROM index_page WHERE key = ?"),
      pages: database.prepare<[], number>("SELECT count(*) FROM index_page").pluck(),
      addPage: database.prepare<[number, number, Uint8Array]>(
        "INSERT INTO index_page (key, sum, body) VALUES (?, ?, ?)",
      ),
      dropPages: database.prepare<[number, number]>("DELETE FROM index_page WHERE key >= ? AND key < ?"),
      chunk: database.prepare<[number], SummedRow>("SELECT sum, body FROM index_filter WHERE key = ?"),
      addChunk: database.prepare<[number, number, Uint8Array]>(
        "INSERT INTO index_filter (key, sum, body) VALUES (?, ?, ?)",
      ),
      dropChunk: database.prepare<[number]>("DELETE FROM index_filter WHERE key = ?"),
    };
  }

  /** The file's layout; the first call writes it into a file without commands. Errors: as `storedLayout`. */
  layout(shape: IndexShape = INDEX_SHAPE): StoredLayout {
    // Under another secret no command of before would be found again.
    if (this.#sql.layout.get() === undefined && this.#sql.hasCommands.get() === 0) {
      const seed = this.#sql.newSeed.get();
      assert(seed?.length === 8, "the secret has 8 bytes");
      const numbers = layoutNumbers(shape);
      this.#sql.addLayout.run(seed, ...numbers, rowSum(numbers, seed));
    }
    return this.storedLayout();
  }

  /** The file's layout. Errors: `StorageFault` when it has none, or another than was written. */
  storedLayout(): StoredLayout {
    const found = this.#sql.layout.get();
    if (!found) throw new StorageFault("corrupt", "the shard file has no index layout");
    const { sum, seed } = found;
    requireSum({ sum, body: seed }, layoutNumbers(found), "the index layout");
    return found;
  }

  /** All runs, by the commands that they cover. Errors: `StorageFault` when one is not as it was written. */
  runs(): IndexRunRow[] {
    const rows = this.#sql.runs.all();
    for (const row of rows) requireSum({ sum: row.sum }, runNumbers(row), `index run ${row.number}`);
    return rows;
  }

  /** Adds a run without pages. */
  addRun(run: IndexRunRow): void {
    assert(run.number <= RUNS_MAX, "runs are counted up to 2^25");
    const numbers = runNumbers(run);
    this.#sql.addRun.run(...numbers, rowSum(numbers));
  }

  /** Notes how many pages of a run were written. */
  setDone(run: IndexRun): void {
    this.#sql.setDone.run(run.done, rowSum(runNumbers(run)), run.number);
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

/** What the checksum of the layout is over, beside the secret, in the order of the columns. */
function layoutNumbers({ capacity, pageBits, blockBits, fanOutBits }: IndexShape) {
  return [capacity, pageBits, blockBits, fanOutBits] as const;
}

/** What the checksum of a run's row is over, in the order of the columns. */
function runNumbers({ number, level, first, last, started, done }: IndexRunRow) {
  return [number, level, first, last, started, done] as const;
}
