// Which of the numbers noted last are open: dense, growing, and most of them gone after moments. A number that is not
// known any more is no fault: whoever asks looks it up. In places that stay, because a Set would make a new table of
// itself again and again.

import { assert } from "../protocol/assert.ts";

/** Numbers known, 8 bytes each: some seconds of them at full load. */
const KEPT = 16_384;

/** See the file header. */
export class OpenNumbers {
  /** By number modulo KEPT; 0 = none. */
  readonly #numbers = new Float64Array(KEPT);

  /** Notes a number, from 1; one that lies a multiple of KEPT back is forgotten. */
  add(number: number): void {
    assert(number > 0, "numbers begin with 1");
    this.#numbers[number % KEPT] = number;
  }

  /** Takes a number out. @returns whether it was known */
  take(number: number): boolean {
    const place = number % KEPT;
    if (this.#numbers[place] !== number) return false;
    this.#numbers[place] = 0;
    return true;
  }

  /** Forgets all: a rollback, after which numbers are given anew. */
  clear(): void {
    this.#numbers.fill(0);
  }
}
