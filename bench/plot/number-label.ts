// Numbers as axes and descriptions of figures show them: three digits and a unit of thousands.
// Does not choose them: which values get a tick is scale.ts.

const UNITS = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** Three significant digits and a unit of thousands: `12.5k`, `1M`, `0.25`, `-3`. */
export function numberLabel(value: number): string {
  for (const [size, unit] of UNITS) {
    if (Math.abs(value) >= size) return `${threeDigits(value / size)}${unit}`;
  }
  return threeDigits(value);
}

/** Three significant digits, without zeros that say nothing. */
function threeDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
