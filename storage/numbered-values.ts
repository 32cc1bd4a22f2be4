// Values by dense numbers that only grow, most of which come and go in that order: sagas, holds, timers, who waits for
// an answer. A Map makes a new table of everything in it each time as many were taken out as are left; the old table
// refers to the new one, and one such table that has grown old keeps what later ones hold alive until a major
// collection. So nearly every value was promoted, 2 MB with each scavenge.
//
//   chunks   0..63 ─ gone │ 64..127 ─ [ . . v . v v … ] │ 128..191 ─ [ v v v . . … ]
//
// Invariants: a chunk has at least one value, so that memory is bounded by the values, about 600 bytes each when they
// lie far apart; a place that was taken out refers to nothing.

import { assert } from "../protocol/assert.ts";

const CHUNK = 64;

interface Chunk<Value> {
  /** Its first number divided by CHUNK. */
  readonly at: number;
  readonly values: (Value | undefined)[];
  size: number;
}

/** See the file header. */
export class NumberedValues<Value extends object> {
  /** In the order in which they were made. */
  #chunks = new Map<number, Chunk<Value>>();
  /** The chunk that was needed last: numbers come one behind the other. */
  #last: Chunk<Value> | undefined;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** How many chunks there are: what is kept in memory. */
  get chunks(): number {
    return this.#chunks.size;
  }

  /** The value of a number, or undefined. */
  get(number: number): Value | undefined {
    return this.#chunkOf(number)?.values[number % CHUNK];
  }

  /** Puts a value, in the place of the one that the number has. @param number a non-negative integer */
  set(number: number, value: Value): void {
    assert(Number.isSafeInteger(number) && number >= 0, "values are numbered by integers from 0");
    const chunk = this.#chunkOf(number) ?? this.#newChunk(number);
    const place = number % CHUNK;
    if (chunk.values[place] === undefined) {
      chunk.size += 1;
      this.#size += 1;
    }
    chunk.values[place] = value;
  }

  /** Takes a value out. @returns it, or undefined */
  take(number: number): Value | undefined {
    const chunk = this.#chunkOf(number);
    const place = number % CHUNK;
    const value = chunk?.values[place];
    if (chunk === undefined || value === undefined) return;
    chunk.values[place] = undefined;
    chunk.size -= 1;
    this.#size -= 1;
    if (chunk.size === 0) this.#drop(chunk);
    return value;
  }

  /** The lowest number of the oldest chunk, which is the lowest one if they came in order; undefined when there is none. */
  oldest(): number | undefined {
    const { value: chunk } = this.#chunks.values().next();
    return chunk && chunk.at * CHUNK + chunk.values.findIndex((value) => value !== undefined);
  }

  /** The values that are wanted, in no order that matters. Cost: linear in all. */
  filter(isWanted: (value: Value) => boolean): Value[] {
    const wanted: Value[] = [];
    for (const { values } of this.#chunks.values()) {
      for (const value of values) if (value !== undefined && isWanted(value)) wanted.push(value);
    }
    return wanted;
  }

  /** Takes all out. */
  clear(): void {
    this.#chunks = new Map();
    this.#last = undefined;
    this.#size = 0;
  }

  #chunkOf(number: number): Chunk<Value> | undefined {
    const at = Math.floor(number / CHUNK);
    if (this.#last?.at === at) return this.#last;
    const chunk = this.#chunks.get(at);
    if (chunk) this.#last = chunk;
    return chunk;
  }

  #newChunk(number: number): Chunk<Value> {
    const at = Math.floor(number / CHUNK);
    const chunk = { at, values: new Array<Value | undefined>(CHUNK).fill(undefined), size: 0 };
    this.#chunks.set(at, chunk);
    this.#last = chunk;
    return chunk;
  }

  #drop(chunk: Chunk<Value>): void {
    this.#chunks.delete(chunk.at);
    this.#last = undefined;
  }
}
