// An index run in memory: which commands it covers, which of its pages are there, and its filter. A split
// block Bloom filter: eight bits a claim, one in each word of a 32-byte block, so that a look-up touches one
// cache line. Blocks lie in hash order like the pages, in chunks that are made and dropped as a merge goes on.
//
//   from    pages below it were merged into another run and are gone
//   done    pages below it were written
//
// Invariant: a claim of a page in [from, done) passes the filter; one outside is looked up elsewhere.
// Source: F. Putze, P. Sanders, J. Singler, Cache-, Hash- and Space-Efficient Bloom Filters; the salts are those
// of the Parquet format.

import { assert } from "../protocol/assert.ts";
import type { IndexLayout } from "./index-layout.ts";

/** A run as its row says. */
export interface IndexRunRow {
  /** Counts all runs of the file. */
  readonly number: number;
  readonly level: number;
  /** The numbers of the first and last command that it covers. */
  readonly first: number;
  readonly last: number;
  /** The number of the newest command when it was begun. */
  readonly started: number;
  /** Pages written. */
  readonly done: number;
}

/** Hashes to be looked up together, and a verdict for each. */
export interface HashBatch {
  readonly count: number;
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
}

/** Parts of a word that choose the bit of a claim in each word of its block. */
const SALTS = [
  0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
] as const;
/** Hashes that are looked up together in one filter. */
const GROUP = 256;
/** The first words of their blocks. */
const FIRST = new Uint32Array(GROUP);
const [S0, S1, S2, S3, S4, S5, S6, S7] = SALTS;

/** See the file header. */
export class IndexRun {
  readonly number: number;
  readonly level: number;
  readonly first: number;
  readonly last: number;
  readonly started: number;
  readonly pageBits: number;
  from = 0;
  done: number;
  readonly #chunks: (Uint32Array | null)[];
  readonly #chunkBits: number;
  readonly #chunkWords: number;
  readonly #pageShift: number;
  readonly #blockShift: number;

  constructor(row: IndexRunRow, layout: IndexLayout) {
    this.number = row.number;
    this.level = row.level;
    this.first = row.first;
    this.last = row.last;
    this.started = row.started;
    this.done = row.done;
    this.pageBits = layout.pageBits(row.level);
    this.#chunkBits = layout.chunkBits;
    this.#chunkWords = layout.chunkWords;
    this.#pageShift = 32 - this.pageBits;
    this.#blockShift = layout.blockShift(row.level);
    this.#chunks = Array.from({ length: 2 ** (this.pageBits - this.#chunkBits) }, () => null);
  }

  /** Pages that it has when it is complete; empty ones have no row. */
  get pages(): number {
    return 2 ** this.pageBits;
  }

  /** Whether all its pages were written. */
  get isComplete(): boolean {
    return this.done === this.pages;
  }

  /** Claims that it covers. */
  get claims(): number {
    return this.last - this.first + 1;
  }

  /** The page of a hash. */
  pageOf(high: number): number {
    return high >>> this.#pageShift;
  }

  /** The chunk of the filter that a page belongs to. */
  chunkOf(page: number): number {
    return page >>> this.#chunkBits;
  }

  /** The first page of a chunk. */
  firstPageOf(chunk: number): number {
    return chunk << this.#chunkBits;
  }

  /** The filter's words of a chunk, made when they are not there. */
  chunk(chunk: number): Uint32Array {
    const found = this.#chunks[chunk];
    if (found) return found;
    assert(chunk < this.#chunks.length, "a run has a chunk for all its pages");
    const made = new Uint32Array(this.#chunkWords);
    this.#chunks[chunk] = made;
    return made;
  }

  /** Lets a chunk of the filter go: its pages are gone. */
  dropChunk(chunk: number): void {
    this.#chunks[chunk] = null;
  }

  /** Puts a claim into the filter. */
  add(high: number, low: number): void {
    const words = this.chunk((high >>> this.#pageShift) >>> this.#chunkBits);
    const base = ((high >>> this.#blockShift) << 3) & (this.#chunkWords - 1);
    for (let word = 0; word < SALTS.length; word += 1) {
      words[base + word] = (words[base + word] ?? 0) | (1 << (Math.imul(low, SALTS[word] ?? 0) >>> 27));
    }
  }

  /** Whether a claim with the hash may be in one of its pages. */
  mayHold(high: number, low: number): boolean {
    const page = high >>> this.#pageShift;
    if (page < this.from || page >= this.done) return false;
    const words = this.#chunks[page >>> this.#chunkBits];
    assert(words !== null && words !== undefined, "a page that was written has its part of the filter");
    const at = ((high >>> this.#blockShift) << 3) & (this.#chunkWords - 1);
    return isSet(words, at, low);
  }

  /**
   * Looks many hashes up.
   * @param from the place of the batch to begin with
   * @param into gets the places in the batch of those that may be in one of its pages
   * Cost: two loops, so that no look-up waits for the cache misses of the one before: the first one only fetches.
   */
  positives({ count, highs, lows }: HashBatch, from: number, into: number[]): void {
    for (let start = from; start < count; start += GROUP) {
      const end = Math.min(count, start + GROUP);
      for (let place = start; place < end; place += 1)
        FIRST[place - start] = this.#firstWord(highs[place] ?? 0);
      for (let place = start; place < end; place += 1) {
        const low = lows[place] ?? 0;
        if (((FIRST[place - start] ?? 0) & (1 << (Math.imul(low, S0) >>> 27))) === 0) continue;
        if (this.mayHold(highs[place] ?? 0, low)) into.push(place);
      }
    }
  }

  /** The first word of a hash's block; 0, which no claim passes, when its page is not there. */
  #firstWord(high: number): number {
    const words = this.#chunks[(high >>> this.#pageShift) >>> this.#chunkBits];
    return words?.[((high >>> this.#blockShift) << 3) & (this.#chunkWords - 1)] ?? 0;
  }
}

/** Whether the eight bits of a claim are set. */
function isSet(words: Uint32Array, at: number, low: number): boolean {
  const missing =
    (~(words[at] ?? 0) & (1 << (Math.imul(low, S0) >>> 27))) |
    (~(words[at + 1] ?? 0) & (1 << (Math.imul(low, S1) >>> 27))) |
    (~(words[at + 2] ?? 0) & (1 << (Math.imul(low, S2) >>> 27))) |
    (~(words[at + 3] ?? 0) & (1 << (Math.imul(low, S3) >>> 27))) |
    (~(words[at + 4] ?? 0) & (1 << (Math.imul(low, S4) >>> 27))) |
    (~(words[at + 5] ?? 0) & (1 << (Math.imul(low, S5) >>> 27))) |
    (~(words[at + 6] ?? 0) & (1 << (Math.imul(low, S6) >>> 27))) |
    (~(words[at + 7] ?? 0) & (1 << (Math.imul(low, S7) >>> 27)));
  return missing === 0;
}
