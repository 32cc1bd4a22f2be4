// Counters (positions, versions, item numbers) in JSON: decimal text in its only form, because a JSON number
// is a double to most readers and would lose the low digits of what it names.

const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/** @returns the number 0..2^53-1 that canonical decimal text names, else `undefined`. Never throws. */
export function parseDecimal(value: unknown): number | undefined {
  if (typeof value !== "string" || !DECIMAL.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}
