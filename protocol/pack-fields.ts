// Typed access to the positional arrays of our formats: a cursor over one array's elements, whose getters
// refuse whatever does not fit. Owns the version rule: every format is an array that starts with its
// version, and another version is told apart from damage, because the two call for different measures.

import type { CommandId } from "./command-id.ts";
import { commandIdFromBytes } from "./command-id.ts";
import type { Bound } from "./money.ts";
import { INT64_MAX, INT64_MIN } from "./money.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "./names.ts";
import { parseAsset, parseOwner, parseTenant, parseWallet } from "./names.ts";
import type { CodecFailure, PackValue } from "./pack-reader.ts";
import { catchMismatch, mismatch, readPacked } from "./pack-reader.ts";
import { failed, type Result } from "./result.ts";

/**
 * Decodes `[version, …fields]`.
 * @param read takes the fields after the version; all of them must be taken
 * Errors: `unknown_version` for an array that starts with another number, `malformed` for everything else.
 */
export function decodeVersioned<Value>(
  bytes: Uint8Array,
  version: number,
  read: (fields: PackFields) => Value,
): Result<Value, CodecFailure> {
  const unpacked = readPacked(bytes, (reader) => reader.value());
  if (!unpacked.ok) return unpacked;
  const values = unpacked.value;
  if (!Array.isArray(values) || typeof values[0] !== "number") return failed("malformed");
  if (values[0] !== version) return failed("unknown_version");
  return readFields(values.slice(1), read);
}

/** Runs `read` over the elements of one array; all of them must be taken. */
export function readFields<Value>(
  values: readonly PackValue[],
  read: (fields: PackFields) => Value,
): Result<Value, "malformed"> {
  return catchMismatch(() => readAll(values, read));
}

function readAll<Value>(values: readonly PackValue[], read: (fields: PackFields) => Value): Value {
  const fields = new PackFields(values);
  const value = read(fields);
  fields.end();
  return value;
}

/** A cursor over the elements of one positional array; every getter takes the next one or refuses. */
export class PackFields {
  private readonly values: readonly PackValue[];
  private at: number;

  /** @param first the place of the first element to take */
  constructor(values: readonly PackValue[], first = 0) {
    this.values = values;
    this.at = first;
  }

  /** Refuses elements that nobody took. */
  end(): void {
    if (this.at !== this.values.length) mismatch();
  }

  next(): PackValue {
    const value = this.values[this.at];
    if (value === undefined) return mismatch();
    this.at += 1;
    return value;
  }

  /** An integer from `least` to `most`, both safe. */
  int(least = 0, most: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.next();
    return typeof value === "number" && value >= least && value <= most ? value : mismatch();
  }

  /** An amount of money from `least` to 2^63-1. */
  money(least: bigint = INT64_MIN): bigint {
    const value = this.next();
    const money = typeof value === "number" ? BigInt(value) : value;
    return typeof money === "bigint" && money >= least && money <= INT64_MAX ? money : mismatch();
  }

  bound(): Bound {
    const value = this.values[this.at];
    if (value !== "unlimited") return this.money();
    this.at += 1;
    return value;
  }

  /** What may be debited: up to 2^64-2, because a lower bound may be far below zero. */
  available(): Bound {
    const value = this.next();
    if (value === "unlimited" || typeof value === "bigint") return value;
    return typeof value === "number" ? BigInt(value) : mismatch();
  }

  bool(): boolean {
    const value = this.next();
    return typeof value === "boolean" ? value : mismatch();
  }

  text(charsMax: number): string {
    const value = this.next();
    return typeof value === "string" && value.length <= charsMax ? value : mismatch();
  }

  textOrNull(charsMax: number): string | null {
    return this.isNil() ? null : this.text(charsMax);
  }

  /** Bytes of any length, as a view of the message. */
  view(): Uint8Array {
    const value = this.next();
    return value instanceof Uint8Array ? value : mismatch();
  }

  /** Exactly `length` bytes, copied. */
  bytes(length: number): Uint8Array {
    const value = this.next();
    return value instanceof Uint8Array && value.length === length ? Buffer.from(value) : mismatch();
  }

  id(): CommandId {
    const value = this.next();
    return (value instanceof Uint8Array ? commandIdFromBytes(value) : undefined) ?? mismatch();
  }

  idOrNull(): CommandId | null {
    return this.isNil() ? null : this.id();
  }

  tenant(): TenantName {
    return parseTenant(this.next()) ?? mismatch();
  }

  tenantOrNull(): TenantName | null {
    return this.isNil() ? null : this.tenant();
  }

  ownerOrNull(): OwnerName | null {
    return this.isNil() ? null : this.owner();
  }

  owner(): OwnerName {
    return parseOwner(this.next()) ?? mismatch();
  }

  wallet(): WalletName {
    return parseWallet(this.next()) ?? mismatch();
  }

  asset(): AssetName {
    return parseAsset(this.next()) ?? mismatch();
  }

  assetOrNull(): AssetName | null {
    return this.isNil() ? null : this.asset();
  }

  /** One of a table, by its place in it. */
  oneOf<Value>(table: readonly Value[]): Value {
    return table[this.int(0, table.length - 1)] ?? mismatch();
  }

  /** An array of at most `lengthMax` elements as it is. */
  array(lengthMax: number): readonly PackValue[] {
    const value = this.next();
    return Array.isArray(value) && value.length <= lengthMax ? value : mismatch();
  }

  /** An array of arrays, each read by `read`. */
  list<Value>(lengthMax: number, read: (fields: PackFields) => Value): Value[] {
    return this.array(lengthMax).map((element) =>
      Array.isArray(element) ? readAll(element, read) : mismatch(),
    );
  }

  /** A nested positional array. */
  group<Value>(read: (fields: PackFields) => Value): Value {
    const value = this.next();
    return Array.isArray(value) ? readAll(value, read) : mismatch();
  }

  /** Whether bytes are next. */
  isBytes(): boolean {
    return this.values[this.at] instanceof Uint8Array;
  }

  /** Whether an integer is next. */
  isNumber(): boolean {
    return typeof this.values[this.at] === "number";
  }

  /** Takes a nil if one is next. */
  isNil(): boolean {
    if (this.values[this.at] !== null) return false;
    this.at += 1;
    return true;
  }
}
