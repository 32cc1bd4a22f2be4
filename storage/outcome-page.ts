// Outcomes of commands that settled in a later record than the one that claimed them, in pages of OUTCOMES_PER_PAGE
// consecutive commands: a blob each, in which outcomes lie in the order in which they were settled. Owns the layout;
// does not own an outcome's own bytes (outcome-row.ts) nor when pages are written (late-outcomes.ts).
//
//   CRC-32 of the rest | 1 | outcomes: place in the page | position, shard time (as the difference to the one before)
//     | length | bytes
//
// Guards against bytes that changed on disk, and against a second outcome of a command.

import { crc32 } from "node:zlib";
import { assert } from "../protocol/assert.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

const VERSION = 1;
const CHECKSUM_BYTES = 4;
const PAGE_BITS = 7;
/** Bytes of most pages. */
const USUAL_BYTES = 2048;

/** Commands of one page. */
export const OUTCOMES_PER_PAGE = 2 ** PAGE_BITS;

/** An outcome that came later than its command. */
export interface LateOutcome {
  /** The command's number. */
  readonly number: number;
  /** Of the record that settled it. */
  readonly position: number;
  /** Shard time of that record, in ms. */
  readonly timeMs: number;
  /** The stored outcome. */
  readonly body: Uint8Array;
}

/** The page of a command. */
export function outcomePageOf(command: number): number {
  return Math.floor(command / OUTCOMES_PER_PAGE);
}

/** A page that is being filled. */
export class OpenOutcomePage {
  /** Commands that have their outcome here, by place. */
  readonly #settled = new Uint8Array(OUTCOMES_PER_PAGE);
  readonly #writer = new ByteWriter(USUAL_BYTES);
  #position = 0;
  #timeMs = 0;
  /** Has outcomes that are not in the file. */
  isDirty = false;

  /** @param body the page as the file has it; none when it has not. Errors: `StorageFault("corrupt")`. */
  constructor(page: number, body: Uint8Array | undefined) {
    if (body === undefined) {
      this.#writer.uint32(0);
      this.#writer.byte(VERSION);
      return;
    }
    this.#writer.raw(body);
    for (const { number, position, timeMs } of outcomesOfPage(page, body)) {
      this.#settled[number % OUTCOMES_PER_PAGE] = 1;
      this.#position = position;
      this.#timeMs = timeMs;
    }
  }

  /** Adds an outcome: what `source` holds from `start` to its end. */
  add(outcome: Omit<LateOutcome, "body">, source: ByteWriter, start: number): void {
    const { number, position, timeMs } = outcome;
    const place = number % OUTCOMES_PER_PAGE;
    assert(this.#settled[place] === 0, "a command settles once");
    assert(position >= this.#position && timeMs >= this.#timeMs, "outcomes are added in log order");
    const writer = this.#writer;
    writer.varint(place);
    writer.varint(position - this.#position);
    writer.varint(timeMs - this.#timeMs);
    writer.varint(source.length - start);
    writer.copyFrom(source, start, source.length);
    this.#settled[place] = 1;
    this.#position = position;
    this.#timeMs = timeMs;
    this.isDirty = true;
  }

  /** The page's bytes; they stay until the next call of `add`. */
  seal(): Uint8Array {
    const bytes = this.#writer.view();
    bytes.writeUInt32BE(crc32(bytes.subarray(CHECKSUM_BYTES)), 0);
    return bytes;
  }
}

/** The outcomes of a page, in the order in which they were settled. Errors: `StorageFault("corrupt")`. */
export function outcomesOfPage(page: number, body: Uint8Array): LateOutcome[] {
  const reader = new ByteReader(body, `outcome page ${page}`);
  const checksum = reader.uint32();
  if (crc32(body.subarray(CHECKSUM_BYTES)) !== checksum) throw reader.fault("does not have its checksum");
  reader.version(VERSION);
  const outcomes: LateOutcome[] = [];
  const settled = new Uint8Array(OUTCOMES_PER_PAGE);
  let last = { position: 0, timeMs: 0 };
  while (reader.left > 0) {
    const place = reader.varint();
    if (place >= OUTCOMES_PER_PAGE) throw reader.fault("has an outcome of another page");
    if (settled[place] === 1) throw reader.fault("has two outcomes of one command");
    settled[place] = 1;
    last = { position: last.position + reader.varint(), timeMs: last.timeMs + reader.varint() };
    outcomes.push({ number: page * OUTCOMES_PER_PAGE + place, ...last, body: reader.bytes() });
  }
  return outcomes;
}
