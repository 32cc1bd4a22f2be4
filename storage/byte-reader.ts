// Reads rows that ByteWriter wrote. Owns the primitive forms, not the rows. What it reads came from the
// shard file, so bytes that do not fit are corruption: a StorageFault, never a half-read row.

import { type CommandId, commandIdFromBytes } from "../protocol/command-id.ts";
import type { Bound } from "../protocol/money.ts";
import { StorageFault } from "./storage-error.ts";

/** A cursor over one row. Every method throws `StorageFault("corrupt")` when the bytes end or do not fit. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** @param what the row's name for messages */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#what = what;
  }

  /** One byte. */
  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw this.fault("ends early");
    this.#at += 1;
    return value;
  }

  /** Requires the row's version byte. */
  version(expected: number): void {
    const found = this.byte();
    if (found !== expected) throw this.fault(`has version ${found}, expected ${expected}`);
  }

  /** A number 0..2^53-1. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 8; count += 1) {
      const part = this.byte();
      value += (part & 0x7f) * factor;
      if (part < 0x80) {
        if (!Number.isSafeInteger(value)) throw this.fault("has a number beyond 2^53-1");
        return value;
      }
      factor *= 128;
    }
    throw this.fault("has a number of more than 8 bytes");
  }

  /** A number written by `uint32`. */
  uint32(): number {
    return this.#view.getUint32(this.#skip(4));
  }

  /** A number written by `amount`. */
  amount(): bigint {
    if (this.#bytes[this.#at] === 0x80 && this.#bytes[this.#at + 1] === 0) {
      this.#skip(2);
      return this.int64();
    }
    const doubled = this.varint();
    return BigInt(doubled % 2 === 0 ? doubled / 2 : -(doubled + 1) / 2);
  }

  /** A signed 64-bit number. */
  int64(): bigint {
    return this.#view.getBigInt64(this.#skip(8));
  }

  /** A number written by `uint64`. */
  uint64(): number {
    const at = this.#skip(8);
    return this.#view.getUint32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  /** A bound. */
  bound(): Bound {
    return this.byte() === 0 ? "unlimited" : this.int64();
  }

  /** An integer of any size. */
  integer(): bigint {
    const text = this.text();
    if (!/^-?[0-9]+$/.test(text)) throw this.fault("has an integer that is none");
    return BigInt(text);
  }

  /** Text. */
  text(): string {
    const length = this.varint();
    const start = this.#skip(length);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString("utf8");
  }

  /** Text of a branded name: the row was written from one. */
  name<Name extends string>(): Name {
    return this.text() as Name;
  }

  /** Text or null. */
  optionalText(): string | null {
    return this.byte() === 0 ? null : this.text();
  }

  /** Text of a branded name, or null. */
  optionalName<Name extends string>(): Name | null {
    return this.byte() === 0 ? null : this.name<Name>();
  }

  /** A number or null. */
  optionalVarint(): number | null {
    const value = this.varint();
    return value === 0 ? null : value - 1;
  }

  /** A command id. */
  id(): CommandId {
    const id = commandIdFromBytes(this.raw(16));
    if (id === undefined) throw this.fault("has an id that is none");
    return id;
  }

  /** An id or null. */
  optionalId(): CommandId | null {
    return this.byte() === 0 ? null : this.id();
  }

  /** `length` bytes, not copied. */
  raw(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Bytes with a length in front, not copied. */
  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  /** All that is left, not copied. */
  rest(): Uint8Array {
    return this.raw(this.#bytes.length - this.#at);
  }

  /** A list: its length, then each element by `read`. */
  list<Element>(read: () => Element): Element[] {
    const length = this.varint();
    if (length > this.#bytes.length) throw this.fault("has a list longer than itself");
    const elements: Element[] = [];
    for (let index = 0; index < length; index += 1) elements.push(read());
    return elements;
  }

  /** One of a table's values, by the index in one byte. */
  choice<Value>(values: readonly Value[]): Value {
    const value = values[this.byte()];
    if (value === undefined) throw this.fault("has a value outside its table");
    return value;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Requires that nothing is left. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw this.fault("has bytes behind its end");
  }

  /** The error for bytes that do not fit, to be thrown. */
  fault(message: string): StorageFault {
    return new StorageFault("corrupt", `${this.#what} ${message}`);
  }

  #skip(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw this.fault("ends early");
    this.#at = at + count;
    return at;
  }
}
