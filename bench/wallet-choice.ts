// How a run chooses among n wallets: evenly, by a zipfian law (few are named often, as in most real traffic), or with
// one hot wallet on one side of every transfer. Seeded: the same seed chooses the same wallets.
//
// Source of the zipfian choice: Gray et al., Quickly Generating Billion-Record Synthetic Databases (SIGMOD 1994), as
// YCSB uses it, theta 0.99. Constant cost a choice, one sum over n to set up.

import { assert } from "../protocol/assert.ts";
import type { SeededRandom } from "./random.ts";
import type { RunSettings } from "./run-settings.ts";

const THETA = 0.99;

/** Chooses the two sides of a transfer, as places 0..count-1. */
export class WalletChoice {
  readonly #random: SeededRandom;
  readonly #distribution: RunSettings["distribution"];
  readonly #count: number;
  readonly #zipfian: ZipfianPlaces | null;
  /** The two that `next` chose. */
  from = 0;
  to = 0;

  /** @param count of wallets, at least 2 */
  constructor(random: SeededRandom, distribution: RunSettings["distribution"], count: number) {
    assert(count >= 2, "a transfer has two wallets");
    this.#random = random;
    this.#distribution = distribution;
    this.#count = count;
    this.#zipfian = distribution === "zipfian" ? new ZipfianPlaces(random, count) : null;
  }

  /** Chooses two different places, into `from` and `to`. */
  next(): void {
    const random = this.#random;
    const first = this.#distribution === "hot" ? 0 : (this.#zipfian?.next() ?? random.below(this.#count));
    let second = this.#zipfian?.next() ?? random.below(this.#count - 1);
    if (this.#zipfian === null) second += second >= first ? 1 : 0;
    else if (second === first) second = first === 0 ? 1 : first - 1;
    const isTurned = this.#distribution === "hot" && random.next32() >>> 31 === 1;
    this.from = isTurned ? second : first;
    this.to = isTurned ? first : second;
  }
}

/** Places 0..count-1, of which 0 is named most often. */
export class ZipfianPlaces {
  readonly #random: SeededRandom;
  readonly #count: number;
  readonly #zeta: number;
  readonly #eta: number;

  constructor(random: SeededRandom, count: number) {
    let zeta = 0;
    for (let rank = 1; rank <= count; rank += 1) zeta += 1 / rank ** THETA;
    const zetaOfTwo = 1 + 0.5 ** THETA;
    this.#random = random;
    this.#count = count;
    this.#zeta = zeta;
    this.#eta = (1 - (2 / count) ** (1 - THETA)) / (1 - zetaOfTwo / zeta);
  }

  /** The next place. */
  next(): number {
    const uniform = this.#random.next32() / 0x1_0000_0000;
    const scaled = uniform * this.#zeta;
    if (scaled < 1) return 0;
    if (scaled < 1 + 0.5 ** THETA) return 1;
    const place = Math.floor(this.#count * (this.#eta * uniform - this.#eta + 1) ** (1 / (1 - THETA)));
    return Math.min(place, this.#count - 1);
  }
}
