// Gives each name a small number, for as long as it is among the most recently used ones. Values lie in the owner's
// typed arrays under that number, so that finding one makes no garbage (docs/adr/0019-garbage-dies-young.md).
// Invariant: never more names than the capacity; a number belongs to one name at a time.

import assert from "node:assert/strict";

/** No number. */
export const NO_SLOT = -1;

/** See the file header: a least-recently-used table. Every call takes constant time. */
export class RecentNames {
  readonly #capacity: number;
  readonly #slots = new Map<string, number>();
  readonly #names: string[] = [];
  /** Neighbours in the order of use; the place behind the last is the ring's head. */
  readonly #newer: Int32Array;
  readonly #older: Int32Array;

  constructor(capacity: number) {
    assert.ok(Number.isInteger(capacity) && capacity >= 1);
    this.#capacity = capacity;
    this.#newer = new Int32Array(capacity + 1);
    this.#older = new Int32Array(capacity + 1);
    this.#newer[capacity] = capacity;
    this.#older[capacity] = capacity;
  }

  /** Names that have a number. */
  get size(): number {
    return this.#slots.size;
  }

  /** The number of a name, which counts as used now; NO_SLOT when it has none. */
  use(name: string): number {
    const newest = at(this.#older, this.#capacity);
    if (this.#names[newest] === name) return newest;
    const slot = this.#slots.get(name);
    if (slot === undefined) return NO_SLOT;
    this.#unlink(slot);
    this.#link(slot);
    return slot;
  }

  /** Gives a name that has none a number: a fresh one, else that of the name that was unused for longest. */
  add(name: string): number {
    assert.ok(!this.#slots.has(name), "a name has one number");
    const slot = this.#names.length < this.#capacity ? this.#names.length : this.#evict();
    this.#names[slot] = name;
    this.#slots.set(name, slot);
    this.#link(slot);
    return slot;
  }

  #evict(): number {
    const slot = at(this.#newer, this.#capacity);
    const name = this.#names[slot];
    assert.ok(name !== undefined, "the oldest has a name");
    this.#slots.delete(name);
    this.#unlink(slot);
    return slot;
  }

  #link(slot: number): void {
    const head = this.#capacity;
    const newest = at(this.#older, head);
    this.#older[slot] = newest;
    this.#newer[slot] = head;
    this.#newer[newest] = slot;
    this.#older[head] = slot;
  }

  #unlink(slot: number): void {
    const newer = at(this.#newer, slot);
    const older = at(this.#older, slot);
    this.#older[newer] = older;
    this.#newer[older] = newer;
  }
}

function at(array: Int32Array, index: number): number {
  const value = array[index];
  assert.ok(value !== undefined, "inside the table");
  return value;
}
