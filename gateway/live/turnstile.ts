// Lets a few through at once; the others wait in the order in which they came, each for a bounded time.
// Invariant: who entered leaves once; at most `places` are inside.

import { assert } from "../../protocol/assert.ts";

/** See the file header. */
export class Turnstile {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Enters, now or later; `false` when `waitMs` passed before. Never rejects. */
  async enter(waitMs: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const admit = (): void => resolve(true);
    this.#waiting.add(admit);
    const bound = setTimeout(() => {
      if (this.#waiting.delete(admit)) resolve(false);
    }, waitMs);
    const isInside = await promise;
    clearTimeout(bound);
    return isInside;
  }

  /** Leaves: whoever waits longest enters in this place. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else {
      assert(this.#waiting.delete(next), "who waits is known");
      next();
    }
  }
}
