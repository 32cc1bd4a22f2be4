// A page of an index run: the claims whose hashes begin with the same bits, in any order, twelve bytes each.
// Owns that form. A page is a bucket, not a sorted list: nothing is ever compared or sorted, because a hash
// says by its first bits in which page of a run it lies.
//
//   word 0   bits 8..31: the lower 24 bits of the hash's upper half · bits 0..7: the number's upper 8 bits
//   word 1   the hash's lower half
//   word 2   the number's lower 32 bits
//
// The upper 8 bits of the hash are those of the page's place, so a run has at least 256 pages. Little-endian.

import { endianness } from "node:os";
import { assert } from "../protocol/assert.ts";

/** Bits of the half of a hash that says the page: a page is its upper bits. */
export const HASH_BITS = 32;
/** Least page bits: an entry leaves the upper 8 bits of its hash out. */
export const PAGE_BITS_MIN = 8;
/** Words of an entry. */
const ENTRY_WORDS = 3;
const WORD_BYTES = 4;
const UINT32 = 0x1_0000_0000;
/** Numbers end here: a million million claims. */
const NUMBER_MAX = 2 ** 40 - 1;

assert(endianness() === "LE", "index pages are little-endian, and so is this machine");

/** A page in memory that is used again and again; it grows to the largest page it has held. */
export class IndexPage {
  #words = new Uint32Array(ENTRY_WORDS * 512);
  #bytes = new Uint8Array(this.#words.buffer);
  #length = 0;
  #prefix = 0;

  /** Entries in it. */
  get count(): number {
    return this.#length / ENTRY_WORDS;
  }

  /**
   * Empties it for entries of another page.
   * @param page the page's place in its run
   * @param pageBits bits of the places in that run
   */
  clear(page: number, pageBits: number): void {
    this.#length = 0;
    this.#prefix = (page >>> (pageBits - PAGE_BITS_MIN)) << 24;
  }

  /** Adds an entry. */
  push(high: number, low: number, number: number): void {
    assert(number <= NUMBER_MAX, "the command index holds numbers up to 2^40");
    if (this.#length === this.#words.length) this.#grow(this.#length * 2 * WORD_BYTES);
    const words = this.#words;
    words[this.#length] = (high << 8) | Math.floor(number / UINT32);
    words[this.#length + 1] = low;
    words[this.#length + 2] = number;
    this.#length += ENTRY_WORDS;
  }

  /** Copies an entry of another page. */
  pushFrom(page: IndexPage, entry: number): void {
    if (this.#length === this.#words.length) this.#grow(this.#length * 2 * WORD_BYTES);
    const from = entry * ENTRY_WORDS;
    for (let word = 0; word < ENTRY_WORDS; word += 1) {
      this.#words[this.#length + word] = page.#words[from + word] ?? 0;
    }
    this.#length += ENTRY_WORDS;
  }

  /** The upper half of an entry's hash. */
  high(entry: number): number {
    return (this.#prefix | ((this.#words[entry * ENTRY_WORDS] ?? 0) >>> 8)) >>> 0;
  }

  /** The lower half of an entry's hash. */
  low(entry: number): number {
    return this.#words[entry * ENTRY_WORDS + 1] ?? 0;
  }

  /** An entry's command number. */
  number(entry: number): number {
    const from = entry * ENTRY_WORDS;
    return ((this.#words[from] ?? 0) & 0xff) * UINT32 + (this.#words[from + 2] ?? 0);
  }

  /** Adds the numbers of all entries with a hash to a list. */
  collect(high: number, low: number, into: number[]): void {
    for (let entry = 0; entry < this.count; entry += 1) {
      if (this.low(entry) === low && this.high(entry) === high) into.push(this.number(entry));
    }
  }

  /** Takes the stored form; `clear` comes first. Errors: asserts that it is whole entries. */
  read(body: Uint8Array): void {
    assert(body.length % (ENTRY_WORDS * WORD_BYTES) === 0, "an index page is whole entries");
    if (body.length > this.#bytes.length) this.#grow(body.length);
    this.#bytes.set(body);
    this.#length = body.length / WORD_BYTES;
  }

  /** The stored form: a view that is good until the page changes. */
  body(): Uint8Array {
    return this.#bytes.subarray(0, this.#length * WORD_BYTES);
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(bytes);
    grown.set(this.#bytes.subarray(0, Math.min(bytes, this.#bytes.length)));
    this.#bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
  }
}
