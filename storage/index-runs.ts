// The runs of the command index: written from a full table of claims, merged fanOut at a time into one of the
// next level, and looked up through their filters. All in slices inside the turn's transaction.
//
//   level 0   table ──pages 0,1,2…──► run            a run counts as covering its claims when it is complete
//   level n   ┌ run ┐
//             ├ run ┤ page p of all ──► pages p*fanOut… of the run of level n+1
//             └ run ┘ gone as soon as it is merged: below `done` the output is right, above it the inputs
//
// Invariants: complete runs cover the commands 1..covered without gap or overlap; at every COMMIT each of their
// claims lies in exactly one page that a look-up of its hash comes by. So there is no unfinished state to undo:
// whoever opens the file goes on where the last turn stopped.
//
// Pace: a slice writes what brings the run to PACE entries for each command claimed since it was begun. A run of
// level n is begun when fanOut^n tables of claims were full and is complete half as many later: the next one at
// its level cannot be due before, the runs of a level stay below twice fanOut, and a turn of c commands moves at
// most PACE * c entries a level, rounded up to pages.

import { assert } from "../protocol/assert.ts";
import type { ClaimTable } from "./claim-table.ts";
import type { IndexLayout } from "./index-layout.ts";
import { IndexPage } from "./index-page.ts";
import { type HashBatch, IndexRun } from "./index-run.ts";
import type { IndexStore } from "./index-store.ts";

/** Entries written for each claim, at each level. */
const PACE = 2;

/** See the file header. */
export class IndexRuns {
  readonly #store: IndexStore;
  readonly #layout: IndexLayout;
  readonly #read = new IndexPage();
  readonly #written: readonly IndexPage[];
  readonly #places: number[] = [];
  readonly #numbers: number[] = [];
  #runs: IndexRun[] = [];

  constructor(store: IndexStore, layout: IndexLayout) {
    this.#store = store;
    this.#layout = layout;
    this.#written = Array.from({ length: layout.fanOut }, () => new IndexPage());
    this.load();
  }

  /** The run that is being written from a table, or undefined. */
  get flushing(): IndexRun | undefined {
    return this.#runs.find(({ level, isComplete }) => level === 0 && !isComplete);
  }

  /** The number of the last command that complete runs cover; 0 = none. */
  get covered(): number {
    const { flushing } = this;
    return this.#runs.reduce((last, run) => (run === flushing ? last : Math.max(last, run.last)), 0);
  }

  /** Reads everything from the file: at open and after a rollback that undid a slice. Cost: 2 ms a million claims. */
  load(): void {
    this.#runs = storedRuns(this.#store, this.#layout);
    for (const run of this.#runs) this.#loadFilter(run);
  }

  /** Adds the numbers of all claims with the hash to a list. */
  collect(high: number, low: number, into: number[]): void {
    const { flushing } = this;
    for (const run of this.#runs) {
      if (run !== flushing && run.mayHold(high, low)) this.#collectFrom(run, high, low, into);
    }
  }

  /**
   * Looks many hashes up.
   * @param from the place of the batch to begin with
   * @param onFound is told each claim with the hash at a place of the batch
   */
  collectAll(batch: HashBatch, from: number, onFound: (place: number, number: number) => void): void {
    const { flushing } = this;
    for (const run of this.#runs) {
      if (run === flushing) continue;
      this.#places.length = 0;
      run.positives(batch, from, this.#places);
      for (const place of this.#places) {
        this.#numbers.length = 0;
        this.#collectFrom(run, batch.highs[place] ?? 0, batch.lows[place] ?? 0, this.#numbers);
        for (const number of this.#numbers) onFound(place, number);
      }
    }
  }

  /** Begins to write a table that takes no more claims. */
  beginFlush(table: ClaimTable): void {
    assert(this.flushing === undefined, "one table is written at a time");
    assert(table.first === this.covered + 1, "runs cover claims without a gap");
    this.#begin({ level: 0, first: table.first, last: table.last, started: table.last });
  }

  /**
   * Does the slices that are due. Inside the turn's transaction, as its last writes but for the position.
   * @param newest the number of the newest command
   * @param frozen the table that is being written, or null
   * @returns whether anything was written
   */
  work(newest: number, frozen: ClaimTable | null): boolean {
    let isWritten = false;
    for (const run of this.#runs.filter(({ isComplete }) => !isComplete)) {
      const { done } = run;
      const share = (PACE * (newest - run.started)) / run.claims;
      const target = Math.min(run.pages, Math.ceil(run.pages * share));
      if (run.level > 0) this.#merge(run, target);
      else if (frozen) this.#flush(run, target, frozen);
      if (run.done > done) this.#store.setDone(run);
      isWritten ||= run.done > done;
    }
    return this.#beginMerges(newest) || isWritten;
  }

  #collectFrom(run: IndexRun, high: number, low: number, into: number[]): void {
    this.#store.readPage(run, run.pageOf(high), this.#read);
    this.#read.collect(high, low, into);
  }

  #begin(row: { level: number; first: number; last: number; started: number }): void {
    const number = this.#runs.reduce((highest, run) => Math.max(highest, run.number), 0) + 1;
    const run = new IndexRun({ ...row, number, done: 0 }, this.#layout);
    this.#store.addRun(run);
    this.#runs.push(run);
  }

  #beginMerges(newest: number): boolean {
    let isBegun = false;
    for (let level = 0; level < this.#layout.levelMax; level += 1) {
      if (this.#runs.some((run) => run.level === level + 1 && !run.isComplete)) continue;
      const free = this.#runs
        .filter((run) => run.level === level && run.isComplete)
        .sort((left, right) => left.first - right.first);
      const [oldest] = free;
      const youngest = free[this.#layout.fanOut - 1];
      if (!oldest || !youngest) continue;
      this.#begin({ level: level + 1, first: oldest.first, last: youngest.last, started: newest });
      isBegun = true;
    }
    return isBegun;
  }

  #flush(run: IndexRun, target: number, table: ClaimTable): void {
    const [page] = this.#written;
    assert(page !== undefined, "there is a page to write into");
    for (; run.done < target; run.done += 1) {
      page.clear(run.done, run.pageBits);
      table.copyPage(run.done, run.pageBits, page);
      for (let entry = 0; entry < page.count; entry += 1) run.add(page.high(entry), page.low(entry));
      this.#store.addPage(run, run.done, page);
      this.#keepChunk(run, run.done);
    }
  }

  #merge(run: IndexRun, target: number): void {
    if (run.done >= target) return;
    const inputs = inputsOf(run, this.#runs, this.#layout);
    const { fanOut } = this.#layout;
    const before = run.done / fanOut;
    for (; run.done < target; run.done += fanOut) this.#mergePage(run, inputs);
    const behind = run.done / fanOut;
    for (const input of inputs) {
      this.#store.dropPages(input, before, behind);
      input.from = behind;
      for (let chunk = input.chunkOf(before); chunk < input.chunkOf(behind); chunk += 1) {
        this.#store.dropChunk(input, chunk);
        input.dropChunk(chunk);
      }
      if (run.isComplete) this.#store.dropRun(input);
    }
    if (run.isComplete) this.#runs = this.#runs.filter((kept) => !inputs.includes(kept));
  }

  /** Distributes one page of every input over the pages of the output that share its hashes. */
  #mergePage(run: IndexRun, inputs: readonly IndexRun[]): void {
    const { fanOut } = this.#layout;
    const written = this.#written;
    for (const [place, page] of written.entries()) page.clear(run.done + place, run.pageBits);
    const read = this.#read;
    for (const input of inputs) {
      this.#store.readPage(input, run.done / fanOut, read);
      for (let entry = 0; entry < read.count; entry += 1) {
        const high = read.high(entry);
        const page = written[run.pageOf(high) - run.done];
        assert(page !== undefined, "a page's entries lie in the pages that it becomes");
        page.pushFrom(read, entry);
        run.add(high, read.low(entry));
      }
    }
    for (const [place, page] of written.entries()) this.#store.addPage(run, run.done + place, page);
    this.#keepChunk(run, run.done + fanOut - 1);
  }

  /** Notes that a page was written, an empty one too: its chunk of the filter is there, and stored behind the last. */
  #keepChunk(run: IndexRun, page: number): void {
    const chunk = run.chunkOf(page);
    run.chunk(chunk);
    if (run.chunkOf(page + 1) > chunk) this.#store.addChunk(run, chunk);
  }

  /** Reads the filter's stored chunks and builds the one that was not finished. */
  #loadFilter(run: IndexRun): void {
    const whole = run.chunkOf(run.done);
    for (let chunk = run.chunkOf(run.from); chunk < whole; chunk += 1) this.#store.readChunk(run, chunk);
    if (run.firstPageOf(whole) < run.done) run.chunk(whole);
    for (let page = Math.max(run.from, run.firstPageOf(whole)); page < run.done; page += 1) {
      this.#store.readPage(run, page, this.#read);
      for (let entry = 0; entry < this.#read.count; entry += 1) {
        run.add(this.#read.high(entry), this.#read.low(entry));
      }
    }
  }
}

/** The runs of a file by the commands that they cover, without their filters. Errors: asserts that they fit together. */
export function storedRuns(store: IndexStore, layout: IndexLayout): IndexRun[] {
  const runs = store.runs().map((row) => new IndexRun(row, layout));
  for (const run of runs) {
    for (const input of inputsOf(run, runs, layout)) input.from = run.done / layout.fanOut;
  }
  return runs;
}

/** The runs that an unfinished run is merged from; none for others. */
function inputsOf(run: IndexRun, runs: readonly IndexRun[], layout: IndexLayout): IndexRun[] {
  if (run.level === 0 || run.isComplete) return [];
  const { level, first, last } = run;
  const inputs = runs.filter(
    (input) => input.level === level - 1 && input.first >= first && input.last <= last,
  );
  assert(inputs.length === layout.fanOut, "an unfinished run has all its inputs");
  return inputs;
}
