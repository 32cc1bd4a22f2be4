// The command index of one shard against its commands, for the deep sweep: every command that runs cover is in
// the one page where a look-up of its id comes by, with its number, and passes the filter; nothing else is in
// any page; no two commands have one id.
//
// Two passes in bounded memory: by command number, one page read each, and by hash, all runs side by side, one
// range of hashes at a time. Commands behind the last run are held as hashes; the engine bounds them.

import { ClaimTable } from "./claim-table.ts";
import { CommandHash } from "./command-hash.ts";
import { IndexLayout } from "./index-layout.ts";
import { IndexPage } from "./index-page.ts";
import type { IndexRun } from "./index-run.ts";
import { storedRuns } from "./index-runs.ts";
import type { IndexStore } from "./index-store.ts";
import type { ReadOnlyShard } from "./read-only-shard.ts";
import type { Report } from "./violation.ts";

/** Checks the index. Cost: about 10 µs a command. */
export function verifyClaims(door: ReadOnlyShard, report: Report): void {
  const sweep = new IndexSweep(door, report);
  sweep.checkRuns();
  sweep.checkCommands();
  sweep.checkPages();
}

/** Claims of one range of hashes that are held without growing. */
const RANGE_CLAIMS = 1024;

class IndexSweep {
  readonly #door: ReadOnlyShard;
  readonly #report: Report;
  readonly #store: IndexStore;
  readonly #layout: IndexLayout;
  readonly #hash: CommandHash;
  readonly #runs: readonly IndexRun[];
  readonly #covered: number;
  readonly #page = new IndexPage();
  /** The commands behind the last run. */
  readonly #tail: ClaimTable;
  /** Entries that a run should hold. */
  readonly #expected = new Map<IndexRun, number>();
  readonly #found = new Map<IndexRun, number>();
  /** The claims of the range being checked: places in `#inRange`. */
  readonly #range = new ClaimTable(1, RANGE_CLAIMS);
  #inRange: number[] = [];
  /** Pages that are not empty. */
  #pagesRead = 0;

  constructor(door: ReadOnlyShard, report: Report) {
    this.#door = door;
    this.#report = report;
    this.#store = door.index;
    const { seed, ...shape } = this.#store.storedLayout();
    this.#layout = new IndexLayout(shape);
    this.#hash = new CommandHash(seed);
    this.#runs = storedRuns(this.#store, this.#layout);
    this.#covered = this.#runs
      .filter((run) => !isFlushing(run))
      .reduce((last, run) => Math.max(last, run.last), 0);
    this.#tail = new ClaimTable(this.#covered + 1, this.#layout.capacity);
  }

  /** Runs follow one another without a gap, and cover commands that exist. */
  checkRuns(): void {
    let last = 0;
    for (const run of this.#runs) {
      if (run.done > run.pages) this.#differs(`run ${run.number} has ${run.done} pages of ${run.pages}`);
      if (run.level > 0 && !run.isComplete) continue;
      if (run.first !== last + 1 || run.last < run.first) {
        this.#differs(`run ${run.number} covers ${run.first} to ${run.last} behind ${last}`);
      }
      ({ last } = run);
    }
    const { lastCommand } = this.#door.meta;
    if (last > lastCommand) this.#differs(`runs cover ${last} commands, there are ${lastCommand}`);
  }

  /** Every command is where a look-up finds it. */
  checkCommands(): void {
    for (const { number, owner, id } of this.#door.claims()) {
      this.#hash.of(owner, id);
      const { high, low } = this.#hash;
      const holders = this.#runs.filter((run) => holds(run, number, high));
      for (const run of holders) {
        this.#expected.set(run, (this.#expected.get(run) ?? 0) + 1);
        if (!this.#isIn(run, { high, low, number }))
          this.#differs(`run ${run.number} misses ${id}, command ${number}`);
      }
      if (number > this.#covered) this.#addToTail(high, low, number);
      else if (holders.length !== 1) this.#differs(`${holders.length} runs hold ${id}, command ${number}`);
    }
  }

  /** Every entry of every page belongs where it is, and no two commands have one id. */
  checkPages(): void {
    const ranges = 2 ** this.#layout.pageBits(0);
    for (let range = 0; range < ranges; range += 1) {
      this.#range.restart(1);
      this.#inRange = [];
      for (const run of this.#runs) {
        const pages = run.pages / ranges;
        for (let page = range * pages; page < (range + 1) * pages; page += 1) this.#checkPage(run, page);
      }
    }
    for (const run of this.#runs) {
      const [found, expected] = [this.#found.get(run) ?? 0, this.#expected.get(run) ?? 0];
      if (found !== expected)
        this.#differs(`run ${run.number} has ${found} entries for ${expected} commands`);
    }
    const stored = this.#store.pageCount();
    if (stored !== this.#pagesRead)
      this.#differs(`${stored} pages are stored, ${this.#pagesRead} belong to a run`);
  }

  #checkPage(run: IndexRun, page: number): void {
    const body = this.#page;
    this.#store.readPage(run, page, body);
    this.#pagesRead += body.count > 0 ? 1 : 0;
    if (body.count > 0 && (page < run.from || page >= run.done))
      this.#differs(`run ${run.number} has page ${page}`);
    const isStored = this.#readFilter(run, page);
    for (let entry = 0; entry < body.count; entry += 1) {
      const [high, low, number] = [body.high(entry), body.low(entry), body.number(entry)];
      if (!holds(run, number, high) || run.pageOf(high) !== page) {
        this.#differs(`page ${page} of run ${run.number} holds command ${number}`);
      } else if (isStored && !run.mayHold(high, low)) {
        this.#differs(`the filter of run ${run.number} hides command ${number}`);
      }
      this.#checkAlone(high, low, number);
    }
    this.#found.set(run, (this.#found.get(run) ?? 0) + body.count);
  }

  /** Reads the part of the filter that a page begins. @returns whether the page's part is stored */
  #readFilter(run: IndexRun, page: number): boolean {
    const chunk = run.chunkOf(page);
    const isStored = chunk >= run.chunkOf(run.from) && chunk < run.chunkOf(run.done);
    if (page !== run.firstPageOf(chunk)) return isStored;
    if (chunk > 0) run.dropChunk(chunk - 1);
    if (isStored) this.#store.readChunk(run, chunk);
    return isStored;
  }

  /** No other command of the range or behind the last run has the id; an unfinished run holds some of the latter. */
  #checkAlone(high: number, low: number, number: number): void {
    for (let place = this.#range.find(high, low); place > 0; place = this.#range.next(high, low)) {
      this.#checkOther(number, this.#inRange[place - 1] ?? 0);
    }
    for (let other = this.#tail.find(high, low); other > 0; other = this.#tail.next(high, low)) {
      if (other !== number) this.#checkOther(number, other);
    }
    this.#inRange.push(number);
    this.#range.add(high, low, this.#inRange.length);
  }

  #addToTail(high: number, low: number, number: number): void {
    for (let other = this.#tail.find(high, low); other > 0; other = this.#tail.next(high, low)) {
      this.#checkOther(number, other);
    }
    this.#tail.add(high, low, number);
  }

  #checkOther(number: number, other: number): void {
    const [left, right] = [this.#door.claim(number), this.#door.claim(other)];
    if (left && right && left.id === right.id && left.owner === right.owner) {
      this.#differs(`commands ${other} and ${number} both have the id ${left.id}`);
    }
  }

  #isIn(run: IndexRun, { high, low, number }: { high: number; low: number; number: number }): boolean {
    const numbers: number[] = [];
    this.#store.readPage(run, run.pageOf(high), this.#page);
    this.#page.collect(high, low, numbers);
    return numbers.filter((found) => found === number).length === 1;
  }

  #differs(detail: string): void {
    this.#report(3, "command_index_differs", detail);
  }
}

/** Whether a run is where a command with the hash is looked up, or will be when it is complete. */
function holds(run: IndexRun, number: number, high: number): boolean {
  const page = run.pageOf(high);
  return run.first <= number && number <= run.last && run.from <= page && page < run.done;
}

function isFlushing({ level, isComplete }: IndexRun): boolean {
  return level === 0 && !isComplete;
}
