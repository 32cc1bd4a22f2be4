// Outcomes that this process has heard, as texts in one block of bytes, the oldest overwritten by the newest. Outside the
// collector's heap: as objects, 100,000 of them cost 5 µs of collecting a command, here nothing.
//
//   block   │ …older │ length kept-at scope content text │ length … │ …         an index slot holds a record's place
//                 tail ►                          head ►
//
// Places only grow, so a slot that names a place before the tail names nothing any more. The index has rows of four slots;
// of five scopes that share a row the four newest have it. A cache may forget.
// Invariant: what is found was put under the very same scope, and is whole. Scopes are ASCII.

import { assert } from "../../protocol/assert.ts";
import type { MapBounds } from "./bounded-map.ts";

/** A record: what was sent, what was answered, and when it was put, steady ms. */
export interface RingRecord {
  readonly content: string;
  readonly text: string;
  readonly keptMs: number;
}

/** Bytes before a record's texts: length, time, lengths of scope and content. */
const HEAD_BYTES = 20;
/** A character takes at most three bytes of UTF-8. */
const CHAR_BYTES_MAX = 3;
/** Characters of a scope that choose its slot. */
const HASHED_CHARS = 36;
/** Slots of a row of the index: a line of the processor's cache is read anyway. */
const ROW_SLOTS = 4;
/** Slots of the index for each entry that may be held. */
const SLOTS_PER_ENTRY = 2;

/** See the file header. No method throws. */
export class OutcomeRing {
  readonly #bytes: Buffer;
  readonly #entriesMax: number;
  readonly #places: Float64Array;
  #head = 0;
  #tail = 0;
  #entries = 0;

  /** Takes its bytes at once; the system gives them as they are written. */
  constructor({ entriesMax, bytesMax }: MapBounds) {
    assert(entriesMax >= 1 && bytesMax >= HEAD_BYTES, "a ring holds at least one entry");
    this.#entriesMax = entriesMax;
    this.#bytes = Buffer.allocUnsafeSlow(bytesMax);
    const slots = 2 ** Math.ceil(Math.log2(Math.max(entriesMax * SLOTS_PER_ENTRY, ROW_SLOTS)));
    this.#places = new Float64Array(slots).fill(-1);
  }

  /** Records that are not overwritten, those that lost their slot included. */
  get entries(): number {
    return this.#entries;
  }

  /** Bytes between the oldest record and the newest. */
  get bytes(): number {
    return this.#head - this.#tail;
  }

  /** The newest record of a scope, or null. About 0.15 µs when there is none. */
  find(scope: string): RingRecord | null {
    const row = this.#rowOf(scope);
    let found = -1;
    for (let slot = row; slot < row + ROW_SLOTS; slot += 1) {
      const place = this.#places[slot] ?? -1;
      if (place >= this.#tail && place > found && this.#isOf(place, scope)) found = place;
    }
    if (found < 0) return null;
    const at = found % this.#bytes.length;
    const scopeEnd = at + HEAD_BYTES + this.#bytes.readUInt32LE(at + 12);
    const contentEnd = scopeEnd + this.#bytes.readUInt32LE(at + 16);
    return {
      content: this.#bytes.toString("utf8", scopeEnd, contentEnd),
      text: this.#bytes.toString("utf8", contentEnd, at + this.#bytes.readUInt32LE(at)),
      keptMs: this.#bytes.readDoubleLE(at + 4),
    };
  }

  /** Puts a record; one that takes more than an eighth of the block is left out. About 0.5 µs. */
  put(scope: string, { content, text, keptMs }: RingRecord): void {
    const room = HEAD_BYTES + CHAR_BYTES_MAX * (scope.length + content.length + text.length);
    if (room > this.#bytes.length / 8) return;
    this.#makeRoom(room);
    const at = this.#head % this.#bytes.length;
    const scopeBytes = this.#bytes.write(scope, at + HEAD_BYTES);
    const contentAt = at + HEAD_BYTES + scopeBytes;
    const contentBytes = this.#bytes.write(content, contentAt);
    const textBytes = this.#bytes.write(text, contentAt + contentBytes);
    const length = HEAD_BYTES + scopeBytes + contentBytes + textBytes;
    this.#bytes.writeUInt32LE(length, at);
    this.#bytes.writeDoubleLE(keptMs, at + 4);
    this.#bytes.writeUInt32LE(scopeBytes, at + 12);
    this.#bytes.writeUInt32LE(contentBytes, at + 16);
    this.#places[this.#oldestSlot(scope)] = this.#head;
    this.#head += length;
    this.#entries += 1;
  }

  /** Lets the oldest go until so many bytes are free in one piece at the head. */
  #makeRoom(room: number): void {
    const left = this.#bytes.length - (this.#head % this.#bytes.length);
    // The end of the block is left empty when the next record might not fit there.
    const end = left < room ? this.#head + left + room : this.#head + room;
    while (this.#entries > 0 && (end - this.#tail > this.#bytes.length || this.#entries >= this.#entriesMax))
      this.#dropOldest();
    if (this.#entries === 0) this.#tail = this.#head;
    if (left >= room) return;
    if (left >= 4) this.#bytes.writeUInt32LE(0, this.#head % this.#bytes.length);
    this.#head += left;
    if (this.#entries === 0) this.#tail = this.#head;
  }

  #dropOldest(): void {
    this.#tail += this.#lengthAt(this.#tail);
    this.#entries -= 1;
    if (this.#entries > 0 && this.#lengthAt(this.#tail) === 0)
      this.#tail += this.#bytes.length - (this.#tail % this.#bytes.length);
    assert(this.#tail <= this.#head, "the oldest record is not younger than the newest");
  }

  /** 0 = the end of the block was left empty here. */
  #lengthAt(place: number): number {
    const at = place % this.#bytes.length;
    return at + 4 > this.#bytes.length ? 0 : this.#bytes.readUInt32LE(at);
  }

  #isOf(place: number, scope: string): boolean {
    const start = (place % this.#bytes.length) + HEAD_BYTES;
    const end = start + this.#bytes.readUInt32LE(start - 8);
    if (end - start !== scope.length || this.#bytes[end - 1] !== scope.charCodeAt(scope.length - 1))
      return false;
    return this.#bytes.toString("latin1", start, end) === scope;
  }

  #oldestSlot(scope: string): number {
    let oldest = this.#rowOf(scope);
    for (let slot = oldest + 1, end = oldest + ROW_SLOTS; slot < end; slot += 1) {
      if ((this.#places[slot] ?? 0) < (this.#places[oldest] ?? 0)) oldest = slot;
    }
    return oldest;
  }

  /** FNV-1a over the last characters, which are those of the id. */
  #rowOf(scope: string): number {
    let hash = 0x811c9dc5;
    for (let index = Math.max(0, scope.length - HASHED_CHARS); index < scope.length; index += 1)
      hash = Math.imul(hash ^ scope.charCodeAt(index), 0x01000193);
    return (hash ^ (hash >>> 15)) & (this.#places.length - ROW_SLOTS);
  }
}
