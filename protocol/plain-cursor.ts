// The bytes of one message as the short ways through it read them: the few tokens that plain commands and items are
// made of, in their canonical spelling. At anything else a reader says so, and the long way reads the same bytes.
// Owns spellings; does not own what follows what.

import { type CommandId, commandIdAt } from "./command-id.ts";
import { WALLETS } from "./interned-names.ts";
import { INT64_MAX } from "./money.ts";
import type { WalletName } from "./names.ts";

/** The token of nothing. */
export const NIL = 0xc0;
/** Instead of a number: not read. */
export const NONE = -1;

/** See the file header. What is not plain gives `undefined`, `false` or {@link NONE}. Never throws. */
export class PlainCursor {
  /** Offset of the next token. */
  at = 0;
  protected readonly bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** The token that comes next, not taken. */
  get token(): number {
    return this.bytes[this.at] ?? NIL;
  }

  /** A wallet's name. */
  wallet(): WalletName | undefined {
    const start = this.text();
    return start === NONE ? undefined : WALLETS.find(this.bytes, start, this.at);
  }

  /** A command's id. */
  id(): CommandId | undefined {
    const start = this.at + 2;
    if (!this.take(0xc4) || !this.take(16) || start + 16 > this.bytes.length) return undefined;
    this.at = start + 16;
    return commandIdAt(this.bytes, start);
  }

  /** An amount or nothing. */
  amountOrNil(): bigint | null | undefined {
    return this.take(NIL) ? null : this.amount();
  }

  /** An amount of money, 1 to 2^63-1. */
  amount(): bigint | undefined {
    if (this.bytes[this.at] === 0xcf) return this.#longAmount();
    const value = this.unsigned();
    return value >= 1 ? BigInt(value) : undefined;
  }

  /** Of more than 32 bits. */
  #longAmount(): bigint | undefined {
    const start = this.at + 1;
    if (start + 8 > this.bytes.length) return undefined;
    this.at = start + 8;
    const value = this.bytes.readBigUInt64BE(start);
    return value > 0xffff_ffffn && value <= INT64_MAX ? value : undefined;
  }

  /** An unsigned integer of at most 32 bits in its shortest encoding, or NONE. */
  unsigned(): number {
    const token = this.bytes[this.at] ?? NIL;
    this.at += 1;
    if (token < 0x80) return token;
    if (token < 0xcc || token > 0xce) return NONE;
    const width = token === 0xce ? 4 : token - 0xcb;
    const start = this.at;
    this.at += width;
    if (this.at > this.bytes.length) return NONE;
    const value = this.bytes.readUIntBE(start, width);
    return value >= (width === 1 ? 0x80 : 2 ** (width * 4)) ? value : NONE;
  }

  /** Text of printable ASCII: what needs a closer look goes the long way. */
  textOrNil(bytesMax: number): string | null | undefined {
    if (this.take(NIL)) return null;
    const start = this.text();
    if (start === NONE || this.at - start > bytesMax) return undefined;
    for (let index = start; index < this.at; index += 1) {
      const unit = this.bytes[index] ?? 0;
      if (unit < 0x20 || unit > 0x7e) return undefined;
    }
    return this.bytes.toString("latin1", start, this.at);
  }

  /** The length of an array of at most 65,535 elements in its shortest encoding, or NONE. */
  arrayLength(): number {
    const token = this.bytes[this.at] ?? NIL;
    this.at += 1;
    if (token >= 0x90 && token <= 0x9f) return token - 0x90;
    const start = this.at;
    if (token !== 0xdc || start + 2 > this.bytes.length) return NONE;
    this.at = start + 2;
    const length = this.bytes.readUInt16BE(start);
    return length > 15 ? length : NONE;
  }

  /** Where a text of 1 to 255 bytes begins that ends at `at`, or NONE. */
  text(): number {
    const token = this.bytes[this.at] ?? NIL;
    const isShort = token > 0xa0 && token < 0xc0;
    const length = isShort ? token - 0xa0 : (this.bytes[this.at + 1] ?? 0);
    const start = this.at + (isShort ? 1 : 2);
    if (!isShort && (token !== 0xd9 || length < 32)) return NONE;
    if (start + length > this.bytes.length) return NONE;
    this.at = start + length;
    return start;
  }

  /** Takes a byte if it is next. */
  take(byte: number): boolean {
    if (this.bytes[this.at] !== byte) return false;
    this.at += 1;
    return true;
  }
}
