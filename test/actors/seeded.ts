// Randomness from a seed, so that a failing history can be run again. Owns nothing but its state; never the
// process's randomness. Source of the algorithm: mulberry32 by Tommy Ettinger (2017).

import assert from "node:assert/strict";

/** A stream of random choices. */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number 0..bound-1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.below(1_000_000) < probability * 1_000_000;
  }

  /** One of a list or of a text's characters. */
  pick<Value>(from: ArrayLike<Value>): Value {
    return expect(from[this.below(from.length)]);
  }
}

/** The value, which is there. */
export function expect<Value>(value: Value | undefined): Value {
  assert.ok(value !== undefined);
  return value;
}
