// The commands that wait for their outcome, in typed arrays: which message each belongs to, when that was to be sent,
// and how many of its outcomes are missing. No object a command, so nothing for the garbage collector.
//
//   number ── ring ──► message slot ── sentMs, missing
//            low ≤ number < next                 slots are used again
//
// Invariant: a command settles at most once; whatever is not open gives -1.

import { assert } from "../protocol/assert.ts";

const RING_FIRST = 1 << 16;
const SLOTS_FIRST = 1 << 12;

/** See the file header. */
export class InFlight {
  /** Message slot + 1 of each open command, 0 = settled; by number modulo its length. */
  #ring = new Int32Array(RING_FIRST);
  #sentMs = new Float64Array(SLOTS_FIRST);
  #missing = new Int32Array(SLOTS_FIRST);
  #free = Int32Array.from({ length: SLOTS_FIRST }, (_, index) => index);
  #freeCount = SLOTS_FIRST;
  /** Every command below is settled. */
  #low = 0;
  #next = 0;
  #messages = 0;

  /** The number of the next command. */
  get next(): number {
    return this.#next;
  }

  /** Messages that miss an outcome. */
  get messages(): number {
    return this.#messages;
  }

  /** Notes a message of `count` commands, numbered from `next`, that is or was to be sent at `sentMs`. */
  add(count: number, sentMs: number): void {
    this.#makeRoom(count);
    this.#freeCount -= 1;
    const slot = this.#free[this.#freeCount] ?? 0;
    this.#sentMs[slot] = sentMs;
    this.#missing[slot] = count;
    const mask = this.#ring.length - 1;
    for (let number = this.#next; number < this.#next + count; number += 1)
      this.#ring[number & mask] = slot + 1;
    this.#next += count;
    this.#messages += 1;
  }

  /** Settles a command. @returns its message's slot, or -1 when it is not open */
  settle(number: number): number {
    if (number < this.#low || number >= this.#next) return -1;
    const index = number & (this.#ring.length - 1);
    const slot = (this.#ring[index] ?? 0) - 1;
    if (slot < 0) return -1;
    this.#ring[index] = 0;
    const missing = (this.#missing[slot] ?? 0) - 1;
    this.#missing[slot] = missing;
    if (missing === 0) this.#release(slot);
    return slot;
  }

  /** When the message of a slot that `settle` just gave was to be sent. */
  sentMs(slot: number): number {
    return this.#sentMs[slot] ?? 0;
  }

  #release(slot: number): void {
    this.#free[this.#freeCount] = slot;
    this.#freeCount += 1;
    this.#messages -= 1;
  }

  #makeRoom(count: number): void {
    if (this.#freeCount === 0) this.#moreSlots();
    if (this.#next + count - this.#low <= this.#ring.length) return;
    const mask = this.#ring.length - 1;
    while (this.#low < this.#next && this.#ring[this.#low & mask] === 0) this.#low += 1;
    while (this.#next + count - this.#low > this.#ring.length) this.#growRing();
  }

  #growRing(): void {
    const old = this.#ring;
    const grown = new Int32Array(old.length * 2);
    for (let number = this.#low; number < this.#next; number += 1)
      grown[number & (grown.length - 1)] = old[number & (old.length - 1)] ?? 0;
    this.#ring = grown;
  }

  #moreSlots(): void {
    const had = this.#missing.length;
    assert(this.#messages === had, "every slot is taken");
    const sentMs = new Float64Array(had * 2);
    const missing = new Int32Array(had * 2);
    sentMs.set(this.#sentMs);
    missing.set(this.#missing);
    this.#sentMs = sentMs;
    this.#missing = missing;
    this.#free = new Int32Array(had * 2);
    for (let slot = had; slot < had * 2; slot += 1) this.#free[slot - had] = slot;
    this.#freeCount = had;
  }
}
