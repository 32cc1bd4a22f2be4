// How the pages and filters of index runs divide the hashes of a file: numbers that are written into the file
// when it is made and never change. A run of level n holds about capacity * fanOut^n claims in
// 2^(pageBits + n * fanOutBits) pages; the upper bits of a hash are its page, the next ones its filter block.
// So a page needs no fence and a merge no comparison: a page of the inputs is fanOut pages of the output.
//
// 275 claims a page are 3,300 bytes, which fits one SQLite page with four standard deviations to spare, and 15
// bits of filter a claim.

import { assert } from "../protocol/assert.ts";
import { PAGE_BITS_MIN } from "./index-page.ts";

/** Choices of a new file. */
export interface IndexShape {
  /** Claims kept in memory before they become a run. */
  readonly capacity: number;
  /** log2 of the pages of a run of level 0, 8..16. */
  readonly pageBits: number;
  /** log2 of the filter blocks (32 bytes) of a page. */
  readonly blockBits: number;
  /** log2 of the runs that are merged into one. */
  readonly fanOutBits: number;
}

/** What new files get: 2.3 MB of memory a table, runs of 512 pages at level 0, four runs merged into one. */
export const INDEX_SHAPE: IndexShape = { capacity: 512 * 275, pageBits: 9, blockBits: 4, fanOutBits: 2 };

/** Words of a filter block. */
const BLOCK_WORDS = 8;
const HASH_BITS = 32;

/** See the file header. */
export class IndexLayout {
  readonly capacity: number;
  readonly #shape: IndexShape;

  constructor(shape: IndexShape) {
    const { capacity, pageBits, blockBits, fanOutBits } = shape;
    assert(capacity > 0 && capacity <= 500_000, "a table of claims is bounded");
    assert(pageBits >= PAGE_BITS_MIN && pageBits <= 10, "a run of level 0 has 256 to 1,024 pages");
    assert(blockBits >= 0 && blockBits <= 8 && fanOutBits >= 1 && fanOutBits <= 4, "bits are few");
    this.capacity = capacity;
    this.#shape = shape;
  }

  /** Runs that are merged into one. */
  get fanOut(): number {
    return 2 ** this.#shape.fanOutBits;
  }

  /** log2 of the pages that share a chunk of the filter. */
  get chunkBits(): number {
    return this.#shape.pageBits;
  }

  /** The highest level whose pages and blocks the upper half of a hash can tell apart; its runs are not merged. */
  get levelMax(): number {
    const { pageBits, blockBits, fanOutBits } = this.#shape;
    return Math.floor((HASH_BITS - pageBits - blockBits) / fanOutBits);
  }

  /** log2 of the pages of a run of a level. */
  pageBits(level: number): number {
    return this.#shape.pageBits + level * this.#shape.fanOutBits;
  }

  /** How far a hash's upper half is shifted right to give the block, counted through all pages of a run. */
  blockShift(level: number): number {
    return HASH_BITS - this.pageBits(level) - this.#shape.blockBits;
  }

  /** Words of a filter chunk. */
  get chunkWords(): number {
    return 2 ** (this.#shape.pageBits + this.#shape.blockBits) * BLOCK_WORDS;
  }
}
