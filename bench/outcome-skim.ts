// Reads of each outcome in an answer only what a load generator needs: the command's number, and whether it was
// posted and new. About 0.2 µs an outcome where the full codec takes several, which would be the machine's time that
// the engine should have. The layout is that of protocol/outcome-codec.ts; a test compares the two.
//
// Invariant: whatever does not look like version 1 ends with `null`, and the caller reads the answer with the codec.

import { STATUSES } from "../protocol/outcome.ts";

const POSTED = STATUSES.indexOf("posted");
const OPEN = STATUSES.indexOf("open");

/** Called for each outcome: the last 32 bits of its id, whether it is `posted` or `open`, whether it is a replay. */
export type SkimmedOutcome = (idTail: number, isDone: boolean, isReplayed: boolean) => void;

/** @returns the number of outcomes, or null when the bytes are not skimmable (then some may have been told). */
export function skimOutcomes(bytes: Uint8Array, onOutcome: SkimmedOutcome): number | null {
  const skim = new Skim(bytes);
  if (skim.arrayLength() !== 2 || skim.byte() !== 1) return null;
  const length = skim.arrayLength();
  for (let index = 0; index < length; index += 1) {
    if (skim.arrayLength() !== 10 || skim.byte() !== 0xc4 || skim.byte() !== 16) return null;
    const idTail = skim.idTail();
    skim.skip();
    const status = skim.byte();
    skim.skip();
    skim.skip();
    const isReplayed = skim.byte() === 0xc3;
    for (let field = 0; field < 4; field += 1) skim.skip();
    if (skim.isBad) return null;
    onOutcome(idTail, status === POSTED || status === OPEN, isReplayed);
  }
  return length >= 0 && skim.isAtEnd ? length : null;
}

/** A cursor that steps over MessagePack values without making any. */
class Skim {
  readonly #bytes: Uint8Array;
  #at = 0;
  isBad = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return !this.isBad && this.#at === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) this.isBad = true;
    this.#at += 1;
    return value ?? 0xc1;
  }

  arrayLength(): number {
    const token = this.byte();
    if (token >= 0x90 && token <= 0x9f) return token & 0x0f;
    if (token === 0xdc) return this.#unsigned(2);
    if (token === 0xdd) return this.#unsigned(4);
    return -1;
  }

  /** Steps over an id's 16 bytes and gives the last four. */
  idTail(): number {
    this.#at += 12;
    return this.#unsigned(4);
  }

  /** Steps over one value. */
  skip(): void {
    const token = this.byte();
    if (token < 0x80 || token >= 0xe0 || (token >= 0xc0 && token <= 0xc3)) return;
    if (token >= 0xa0 && token <= 0xbf) this.#at += token & 0x1f;
    else if (token >= 0x90 && token <= 0x9f) this.#skipMany(token & 0x0f);
    else this.#skipLong(token);
  }

  #skipLong(token: number): void {
    if (token === 0xc4 || token === 0xd9) this.#at += this.#unsigned(1);
    else if (token === 0xc5 || token === 0xda) this.#at += this.#unsigned(2);
    else if (token === 0xcc || token === 0xd0) this.#at += 1;
    else if (token === 0xcd || token === 0xd1) this.#at += 2;
    else if (token === 0xce || token === 0xd2) this.#at += 4;
    else if (token === 0xcf || token === 0xd3) this.#at += 8;
    else if (token === 0xdc) this.#skipMany(this.#unsigned(2));
    else this.isBad = true;
  }

  #skipMany(count: number): void {
    for (let index = 0; index < count && !this.isBad; index += 1) this.skip();
  }

  #unsigned(width: number): number {
    let value = 0;
    for (let index = 0; index < width; index += 1) value = value * 256 + this.byte();
    return value;
  }
}
