// Amounts are int64 minor units held as `bigint`; a float never holds money. Owns the bounds and the
// decimal text form of JSON (no leading zero, exponent, plus sign or space). Scales belong to assets.

/** The largest balance and amount: 2^63-1. */
export const INT64_MAX = 9_223_372_036_854_775_807n;
/** The smallest balance: -(2^63-1), so that every balance can be negated. */
export const INT64_MIN = -INT64_MAX;

/** A lower or upper bound of a wallet: minor units, or no bound. */
export type Bound = bigint | "unlimited";

const SMALL_MAX = 0x7fff_ffffn;
const SMALL_MIN = -SMALL_MAX;
/** Instead of a small amount: it is none. */
export const NOT_SMALL = -0x8000_0000;
const scratch = new DataView(new ArrayBuffer(8));
const AMOUNT = /^[1-9][0-9]{0,18}$/;
const SIGNED = /^(?:0|-?[1-9][0-9]{0,18})$/;

/** @returns the amount 1..2^63-1 that the decimal text names, else `undefined`. */
export function parseAmount(value: unknown): bigint | undefined {
  if (typeof value !== "string" || !AMOUNT.test(value)) return undefined;
  const amount = BigInt(value);
  return amount <= INT64_MAX ? amount : undefined;
}

/** @returns the signed int64 (without -2^63) that the decimal text names, else `undefined`. */
export function parseInt64(value: unknown): bigint | undefined {
  if (typeof value !== "string" || !SIGNED.test(value)) return undefined;
  const number = BigInt(value);
  return isInt64(number) ? number : undefined;
}

/** Whether a sum stays within ±(2^63-1). */
export function isInt64(value: bigint): boolean {
  return value <= INT64_MAX && value >= INT64_MIN;
}

/** @returns what lies within ±(2^31-1) as a `number`, {@link NOT_SMALL} for anything else. By way of bytes: `Number` takes twice as long. Never throws. */
export function smallAmount(value: bigint): number {
  if (value < SMALL_MIN || value > SMALL_MAX) return NOT_SMALL;
  scratch.setBigInt64(0, value);
  return scratch.getInt32(4);
}

/** The decimal text of minor units: of small ones by way of `number`, which takes a third of the time. Never throws. */
export function amountText(value: bigint): string {
  const small = smallAmount(value);
  return small === NOT_SMALL ? value.toString() : String(small);
}

/** The text form of a bound: decimal, or `unlimited`. */
export function boundText(bound: Bound): string {
  return bound === "unlimited" ? bound : amountText(bound);
}
