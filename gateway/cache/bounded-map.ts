// A map with a bound on its entries and on their bytes. At the bound the entry that was used longest ago goes.
// Does not measure: whoever sets a value says how many bytes it takes.
//
// Invariant: after each call size <= entriesMax and bytes <= bytesMax. A value beyond bytesMax is not kept, and the
// older value of its key goes too.

import { assert } from "../../protocol/assert.ts";

/** Bounds of a map: whole numbers from 1 on. */
export interface MapBounds {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

interface Kept<Value> {
  readonly value: Value;
  readonly bytes: number;
}

/** Least recently used goes first. All calls O(1) for each entry that goes; never throws but for bounds below 1. */
export class BoundedMap<Value> {
  readonly #bounds: MapBounds;
  readonly #kept = new Map<string, Kept<Value>>();
  /**
   * Stands before the oldest entry. One that is made for each look walks over all that was deleted since the map was
   * last laid out anew: 75 µs an entry at 100,000 entries.
   */
  #oldest: MapIterator<string> = this.#kept.keys();
  #bytes = 0;

  constructor(bounds: MapBounds) {
    assert(
      bounds.entriesMax >= 1 && bounds.bytesMax >= 1,
      "a bounded map holds at least one entry of a byte",
    );
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Sum of what `set` was told. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value, which counts as used now, or `undefined`. */
  get(key: string): Value | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.value;
  }

  /** The value, or `undefined`; it does not count as used. */
  look(key: string): Value | undefined {
    return this.#kept.get(key)?.value;
  }

  /** Puts a value in place of the key's older one. @param bytes what the entry takes, key included */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    if (bytes > this.#bounds.bytesMax) return;
    this.#kept.set(key, { value, bytes });
    this.#bytes += bytes;
    while (this.#kept.size > this.#bounds.entriesMax || this.#bytes > this.#bounds.bytesMax)
      this.#dropOldest();
  }

  /** Removes the key; nothing happens when it is not there. */
  delete(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }

  #dropOldest(): void {
    let { done, value } = this.#oldest.next();
    // An iterator that has met the end once stays there.
    if (done === true) {
      this.#oldest = this.#kept.keys();
      ({ done, value } = this.#oldest.next());
    }
    assert(done !== true && value !== undefined, "a map beyond its bound has an oldest entry");
    this.delete(value);
  }
}
