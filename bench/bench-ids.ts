// Command ids of one run: UUIDv7 of the moment of sending, with the command's number hidden in the last 32 bits, so
// that an outcome finds its command by arithmetic and not by a map of millions of entries.
//
//   tttttttt-tttt-7rrr-8rrr-rrrrnnnnnnnn     t = ms since 1970, r = this run, n = number * odd mod 2^32
//
// Multiplying by an odd number spreads consecutive numbers over the whole range, as random ids would be.

import { assert } from "../protocol/assert.ts";
import { type CommandId, commandIdBytes, parseCommandId } from "../protocol/command-id.ts";

const SPREAD = 0x9e3779b1;
const UNSPREAD = inverse(SPREAD);

/** Makes ids and reads numbers back. Numbers 0..2^32-1. */
export class BenchIds {
  readonly #run: string;
  #timeMs = -1;
  #prefix = "";

  /** @param unique at least 5 bytes that no other run has */
  constructor(unique: Uint8Array) {
    const hex = Buffer.from(unique).toString("hex");
    this.#run = `7${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6, 10)}`;
    assert(parseCommandId(this.id(0, 0)) !== undefined, "the ids of a run are command ids");
  }

  /** The id of command `number` that is sent at `timeMs` (since 1970). */
  id(number: number, timeMs: number): CommandId {
    if (timeMs !== this.#timeMs) {
      const time = Math.floor(timeMs).toString(16).padStart(12, "0");
      this.#prefix = `${time.slice(0, 8)}-${time.slice(8)}-${this.#run}`;
      this.#timeMs = timeMs;
    }
    const tail = this.tailOf(number) + 0x1_0000_0000;
    return `${this.#prefix}${tail.toString(16).slice(1)}` as CommandId;
  }

  /** The first 12 bytes of all ids of the moment `timeMs`. */
  prefixBytes(timeMs: number): Uint8Array {
    return commandIdBytes(this.id(0, timeMs)).subarray(0, 12);
  }

  /** The last 32 bits of an id, which hide `number`. */
  tailOf(number: number): number {
    return Math.imul(number, SPREAD) >>> 0;
  }

  /** The number that the last 32 bits of an id of this run hide. */
  numberOf(idTail: number): number {
    return Math.imul(idTail, UNSPREAD) >>> 0;
  }
}

/** The inverse of an odd number modulo 2^32. Source: Newton's iteration, each round doubles the right bits. */
function inverse(odd: number): number {
  let guess = odd;
  for (let round = 0; round < 5; round += 1) guess = Math.imul(guess, 2 - Math.imul(odd, guess));
  return guess;
}
