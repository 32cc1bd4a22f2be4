// The 64-bit hash of a claimed id: HalfSipHash-1-3 over the owner's number and the 16 bytes of the id, keyed
// with a secret of the file, so that nobody can choose ids that fall together. Owns the hash; what it is used
// for (a filter, never the truth) is the index's business.
//
// The id is read from its text by a table, four characters at a time, without a buffer: 0.1 µs a hash.
// Source: J.-P. Aumasson and D. J. Bernstein, SipHash; HalfSipHash-1-3 is what Linux keys its hash tables with.

import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";

/** Bytes of the secret. */
export const SEED_BYTES = 8;

/** A hash function that leaves its result in itself, so that a call allocates nothing. */
export interface ClaimHash {
  /** The upper 32 bits of the last hash, 0..2^32-1. */
  readonly high: number;
  /** The lower 32 bits of the last hash, 0..2^32-1. */
  readonly low: number;
  /** Computes the hash of an id of an owner's. */
  of(owner: number, id: CommandId): void;
}

const NIBBLES = nibbleTable();
/** Rounds: one a word for five words and the closing one, then three for each half of the result. */
const WORDS = 6;
const FINISH = WORDS + 3;
const ROUNDS = FINISH + 3;
/** Bytes hashed besides the owner's upper bits, as the closing word wants them. */
const LENGTH = 20 << 24;

/** See the file header. */
export class CommandHash implements ClaimHash {
  /** Signed, like all that is computed here: the compiler keeps such numbers in registers. */
  readonly #key = new Int32Array(2);
  readonly #words = new Int32Array(ROUNDS);
  readonly #result = new Uint32Array(2);

  /** @param seed 8 secret bytes */
  constructor(seed: Uint8Array) {
    assert(seed.length === SEED_BYTES, "the seed of the index is 8 bytes");
    const view = new DataView(seed.buffer, seed.byteOffset, SEED_BYTES);
    this.#key[0] = view.getInt32(0, true);
    this.#key[1] = view.getInt32(4, true);
  }

  get high(): number {
    return this.#result[0] ?? 0;
  }

  get low(): number {
    return this.#result[1] ?? 0;
  }

  of(owner: number, id: CommandId): void {
    assert(id.length === 36, "a command id is 36 characters of UUID text");
    const words = this.#words;
    words[0] = owner;
    words[1] = (half(id, 0) << 16) | half(id, 4);
    words[2] = (half(id, 9) << 16) | half(id, 14);
    words[3] = (half(id, 19) << 16) | half(id, 24);
    words[4] = (half(id, 28) << 16) | half(id, 32);
    words[5] = LENGTH ^ (owner / 0x1_0000_0000);
    this.#run(words);
  }

  #run(words: Int32Array): void {
    const key0 = (this.#key[0] ?? 0) | 0;
    const key1 = (this.#key[1] ?? 0) | 0;
    let v0 = key0;
    let v1 = key1 ^ 0xee;
    let v2 = key0 ^ 0x6c796765;
    let v3 = key1 ^ 0x74656462;
    for (let round = 0; round < ROUNDS; round += 1) {
      const word = (words[round] ?? 0) | 0;
      v3 ^= word;
      if (round === WORDS) v2 ^= 0xee;
      if (round === FINISH) {
        this.#result[0] = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    this.#result[1] = v1 ^ v3;
  }
}

/** The 16 bits that four hexadecimal characters say. */
function half(text: string, at: number): number {
  return (
    ((NIBBLES[text.charCodeAt(at)] ?? 0) << 12) |
    ((NIBBLES[text.charCodeAt(at + 1)] ?? 0) << 8) |
    ((NIBBLES[text.charCodeAt(at + 2)] ?? 0) << 4) |
    (NIBBLES[text.charCodeAt(at + 3)] ?? 0)
  );
}

function nibbleTable(): Uint8Array {
  const table = new Uint8Array(128);
  for (let value = 0; value < 16; value += 1) table[value.toString(16).charCodeAt(0)] = value;
  return table;
}
