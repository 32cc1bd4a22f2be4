// The newest claims in memory: an open-addressing table from hash to command number. Entries lie in the order
// of their numbers, which are dense, so that a slot needs only a place in that order: 12 bits of the hash and
// 20 bits of the place, four bytes.
//
// Invariants: a claim's home slot is the upper bits of its hash, and between home and claim no slot is empty;
// slots were taken in number order, so that taking the newest away again leaves the table as it was.
// Several claims may have one hash: whoever looks up asks for all of them.

import { assert } from "../protocol/assert.ts";
import { HASH_BITS, type IndexPage } from "./index-page.ts";

/** Bits of a slot that hold a place + 1; the rest holds the lower bits of the hash. */
const PLACE_BITS = 20;
const PLACE_MASK = 2 ** PLACE_BITS - 1;
/** Least bits of the number of slots: an index page is a range of homes, so there are more homes than pages. */
const SLOT_BITS_MIN = 10;

/** See the file header. */
export class ClaimTable {
  #first: number;
  #count = 0;
  #hashes: Uint32Array;
  #slots: Uint32Array;
  #slotBits = SLOT_BITS_MIN;
  /** Where `next` goes on. */
  #at = 0;

  /**
   * @param first the number of the first claim that will be added
   * @param capacity claims that it holds without growing
   */
  constructor(first: number, capacity: number) {
    this.#first = first;
    this.#hashes = new Uint32Array(capacity * 2);
    while (2 ** this.#slotBits * 3 < capacity * 4) this.#slotBits += 1;
    this.#slots = new Uint32Array(2 ** this.#slotBits);
  }

  /** Claims in it. */
  get count(): number {
    return this.#count;
  }

  /** The number of its first claim. */
  get first(): number {
    return this.#first;
  }

  /** The number of its last claim; first - 1 when it is empty. */
  get last(): number {
    return this.#first + this.#count - 1;
  }

  /** Adds the claim with the number `last + 1`. */
  add(high: number, low: number, number: number): void {
    assert(number === this.last + 1, "claims are added in number order");
    assert(this.#count < PLACE_MASK, "a claim table holds at most a million claims");
    if (this.#count * 2 === this.#hashes.length) this.#growHashes();
    this.#hashes[this.#count * 2] = high;
    this.#hashes[this.#count * 2 + 1] = low;
    this.#count += 1;
    if (this.#count * 4 > this.#slots.length * 3) this.#growSlots();
    else this.#place(this.#count);
  }

  /** @returns the lowest number with the hash, or 0; `next` gives the others */
  find(high: number, low: number): number {
    this.#at = high >>> (HASH_BITS - this.#slotBits);
    return this.next(high, low);
  }

  /** @returns the next number with the hash of the last `find`, or 0 */
  next(high: number, low: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const tag = low >>> PLACE_BITS;
    for (;;) {
      const slot = slots[this.#at] ?? 0;
      if (slot === 0) return 0;
      this.#at = (this.#at + 1) & mask;
      if (slot >>> PLACE_BITS !== tag) continue;
      const place = (slot & PLACE_MASK) - 1;
      if (this.#hashes[place * 2] === high && this.#hashes[place * 2 + 1] === low) return this.#first + place;
    }
  }

  /** Takes away the claims behind a number: a rollback. Cost: 0.1 µs each. */
  forgetAfter(number: number): void {
    while (this.#count > 0 && this.last > number) {
      const mask = this.#slots.length - 1;
      let at = this.#homeOf(this.#count);
      while (((this.#slots[at] ?? 0) & PLACE_MASK) !== this.#count) at = (at + 1) & mask;
      this.#slots[at] = 0;
      this.#count -= 1;
    }
  }

  /** Empties it for claims from `first` on. */
  restart(first: number): void {
    this.#slots.fill(0);
    this.#first = first;
    this.#count = 0;
  }

  /** Copies the claims of one index page: those whose hash begins with the `pageBits` bits of `page`. */
  copyPage(page: number, pageBits: number, into: IndexPage): void {
    const mask = this.#slots.length - 1;
    const homes = 2 ** (this.#slotBits - pageBits);
    const end = (page + 1) * homes;
    for (let step = page * homes; step < end + mask; step += 1) {
      const place = ((this.#slots[step & mask] ?? 0) & PLACE_MASK) - 1;
      if (place < 0 && step >= end) return;
      const high = this.#hashes[place * 2] ?? 0;
      if (place < 0 || high >>> (HASH_BITS - pageBits) !== page) continue;
      into.push(high, this.#hashes[place * 2 + 1] ?? 0, this.#first + place);
    }
  }

  /** The home slot of the n-th claim, counted from 1. */
  #homeOf(nth: number): number {
    return (this.#hashes[nth * 2 - 2] ?? 0) >>> (HASH_BITS - this.#slotBits);
  }

  #place(nth: number): void {
    const mask = this.#slots.length - 1;
    let at = this.#homeOf(nth);
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = ((this.#hashes[nth * 2 - 1] ?? 0) & ~PLACE_MASK) | nth;
  }

  #growHashes(): void {
    const grown = new Uint32Array(Math.max(2, this.#hashes.length * 2));
    grown.set(this.#hashes);
    this.#hashes = grown;
  }

  #growSlots(): void {
    this.#slotBits += 1;
    this.#slots = new Uint32Array(2 ** this.#slotBits);
    for (let nth = 1; nth <= this.#count; nth += 1) this.#place(nth);
  }
}
