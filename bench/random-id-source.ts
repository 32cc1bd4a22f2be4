// Messages whose commands have random ids instead of ids in the order of time, as callers have who use UUIDv4: the
// worst case for an index of ids, since every new one belongs somewhere else in it.
//
//   tttttttt-tttt-7rrr-8rrr-rrrrnnnnnnnn  ►  xxxxxxxx-xxxx-4xxx-8xxx-xxxxnnnnnnnn
//
// Keeps the last 32 bits, which hide the command's number: an outcome still finds its command by arithmetic.

import { assert } from "../protocol/assert.ts";
import type { BenchIds } from "./bench-ids.ts";
import type { MessageSource, SourceMessage } from "./message-source.ts";
import { SeededRandom } from "./random.ts";

const ID_BYTES = 16;

/** Another source's messages with random ids; ids must stand in them as bytes. */
export class RandomIdSource implements MessageSource {
  readonly encoding: MessageSource["encoding"];
  readonly #source: MessageSource;
  readonly #ids: BenchIds;
  readonly #random: SeededRandom;

  /** @param unique 4 bytes of this run alone: the same ids in a second run would be replays */
  constructor(source: MessageSource, ids: BenchIds, unique: Uint8Array) {
    this.encoding = source.encoding;
    this.#source = source;
    this.#ids = ids;
    this.#random = new SeededRandom(Buffer.from(unique).readInt32BE());
  }

  get crossed(): number {
    return this.#source.crossed;
  }

  next(first: number, wallMs: number): SourceMessage | null {
    const message = this.#source.next(first, wallMs);
    if (message === null) return null;
    const prefix = this.#ids.prefixBytes(wallMs);
    const bytes = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.length);
    let found = 0;
    for (let at = bytes.indexOf(prefix); at >= 0; at = bytes.indexOf(prefix, at + ID_BYTES)) {
      this.#scatter(bytes, at);
      found += 1;
    }
    assert(found === message.count, "each command of the message has one id");
    return message;
  }

  onOutcome(number: number, status: number, code: string | null): boolean {
    return this.#source.onOutcome?.(number, status, code) ?? code === null;
  }

  #scatter(bytes: Buffer, at: number): void {
    bytes.writeUInt32BE(this.#random.next32() >>> 0, at);
    bytes.writeUInt32BE(((this.#random.next32() & 0xffff0fff) | 0x4000) >>> 0, at + 4);
    bytes.writeUInt32BE(((this.#random.next32() & 0x3fffffff) | 0x80000000) >>> 0, at + 8);
  }
}
