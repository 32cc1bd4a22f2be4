// The canonical bytes of one record's logical writes, in the order of the calls, and the state chain over
// them: chain' = SHA-256(chain ‖ position ‖ time ‖ writes). Every table writes its row here first and binds
// the same bytes, so that what is hashed is what is stored.
//
// Invariant: the bytes depend on the record and the state before it alone: not on how turns were cut, not on
// caches, not on the order in which rows reach SQLite. A logical write outside a record is a bug.

import { assert } from "../protocol/assert.ts";
import { hash32 } from "../protocol/digest.ts";
import { ByteWriter } from "./byte-writer.ts";

/** What a logical write is; its first byte. Never renumbered. */
export const WRITE = {
  epoch: 1,
  owner: 2,
  wallet: 3,
  step: 4,
  claim: 5,
  outcome: 6,
  hold: 7,
  reversed: 8,
  saga: 9,
  sagaEnd: 10,
  prepared: 11,
  preparedEnd: 12,
  timer: 13,
  timerClear: 14,
  timerPark: 15,
  items: 16,
  applied: 17,
  acknowledged: 18,
  tenant: 19,
} as const;

/** One kind of logical write. */
export type WriteKind = (typeof WRITE)[keyof typeof WRITE];

/** See the file header. */
export class StateLog {
  /** Holds the writes of the whole turn, so that rows bound from it may wait until the turn ends. */
  readonly writer = new ByteWriter();
  #isOpen = false;
  #recordStart = 0;

  /** Bytes that rows may still be bound from. */
  get bytesHeld(): number {
    return this.writer.length;
  }

  /** Forgets the bytes of records that ended: every row bound from them was inserted. */
  release(): void {
    assert(!this.#isOpen, "the bytes of a record stay until it ends");
    this.writer.reset();
  }

  /** Begins a record. */
  begin(chain: Uint8Array, position: number, timeMs: number): void {
    assert(!this.#isOpen, "a record begins after the last one ended");
    assert(chain.length === 32, "the state chain is 32 bytes");
    this.#recordStart = this.writer.length;
    this.writer.raw(chain);
    this.writer.uint64(position);
    this.writer.uint64(timeMs);
    this.#isOpen = true;
  }

  /** Begins a logical write. @returns where its body begins, for `writer.view(start)` */
  open(kind: WriteKind): number {
    assert(this.#isOpen, "logical writes happen inside a record");
    this.writer.byte(kind);
    return this.writer.length;
  }

  /** Whether a record is being applied. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Ends the record. @returns the state chain behind it, 32 bytes */
  end(): Uint8Array {
    assert(this.#isOpen, "a record ends after it began");
    this.#isOpen = false;
    return hash32(this.writer.view(this.#recordStart));
  }

  /** Forgets a turn that is rolled back. */
  drop(): void {
    this.#isOpen = false;
    this.writer.reset();
  }
}
