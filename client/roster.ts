// Things that come, stay for some ms and go, in the order in which they came: commands on their way, requests that wait.
// Each has a place, a small number that its owner keeps; a place is used again once it is free.
//
//   places   0 [v] ─► 3 [v] ─► 1 [v] ─► end        2 is free, and refers to nothing
//
// A Map or a Set in its place makes a new table of itself every few hundred changes, and the old one refers to the new
// one: a single table that grew old, dead as it was, kept everything alive that ever came later, so that half of all
// garbage went into the old generation (docs/adr/0019-garbage-dies-young.md). Maps from a name to a place are harmless.
// Invariant: what has left is referred to from nowhere in here.

import { assert } from "../protocol/assert.ts";

/** No place: the end of the order. */
const END = -1;

/** See the file header. Entering and leaving take constant time, and make no garbage. */
export class Roster<Value extends object> {
  readonly #values: (Value | null)[] = [];
  readonly #older: number[] = [];
  readonly #newer: number[] = [];
  readonly #free: number[] = [];
  #oldest = END;
  #newest = END;

  /** How many there are. */
  get size(): number {
    return this.#values.length - this.#free.length;
  }

  /** The one that came first; null when there is none. */
  get oldest(): Value | null {
    return this.at(this.#oldest);
  }

  /** The one at a place; null for a place that is free or was never given. */
  at(place: number | undefined): Value | null {
    return place === undefined ? null : (this.#values[place] ?? null);
  }

  /** Takes one in, behind all others. @returns its place, until `leave` */
  enter(value: Value): number {
    const place = this.#free.pop() ?? this.#values.length;
    this.#values[place] = value;
    this.#older[place] = this.#newest;
    this.#newer[place] = END;
    if (this.#newest === END) this.#oldest = place;
    else this.#newer[this.#newest] = place;
    this.#newest = place;
    return place;
  }

  /** Lets go of the one at a place. Fails when nobody is there. */
  leave(place: number): void {
    assert(this.at(place) !== null, "only what is there leaves");
    const older = this.#older[place] ?? END;
    const newer = this.#newer[place] ?? END;
    if (older === END) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === END) this.#newest = older;
    else this.#older[newer] = older;
    this.#values[place] = null;
    this.#free.push(place);
  }

  /** Lets go of all. */
  clear(): void {
    while (this.#oldest !== END) this.leave(this.#oldest);
  }

  /** All of them in order, as they are now. Cost: linear. */
  list(): Value[] {
    const values: Value[] = [];
    for (let place = this.#oldest; place !== END; place = this.#newer[place] ?? END) {
      const value = this.at(place);
      if (value !== null) values.push(value);
    }
    return values;
  }
}
