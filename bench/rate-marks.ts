// The rate of a run at chosen counts of commands: how fast it was around the first million, and how fast at the end.
// Looks at a counter now and then and keeps only the ends of each window: bounded for any length of run.

import { assert } from "../protocol/assert.ts";

/** A stretch of a run, in settled commands since its start. */
export interface RateWindow {
  readonly from: number;
  readonly to: number;
}

interface Mark {
  readonly count: number;
  readonly atMs: number;
}

/** See the file header. */
export class RateMarks {
  readonly #windows: readonly RateWindow[];
  readonly #marks: { first: Mark | null; last: Mark | null }[];

  constructor(windows: readonly RateWindow[]) {
    assert(
      windows.every(({ from, to }) => from < to),
      "a window has a length",
    );
    this.#windows = windows;
    this.#marks = windows.map(() => ({ first: null, last: null }));
  }

  /** Notes how many commands are settled at `atMs`; counts do not fall. */
  note(count: number, atMs: number): void {
    for (const [index, { from, to }] of this.#windows.entries()) {
      const marks = this.#marks[index];
      if (marks === undefined || count < from || (marks.last !== null && marks.last.count >= to)) continue;
      marks.first ??= { count, atMs };
      marks.last = { count, atMs };
    }
  }

  /** Commands per second in a window; null when fewer than two moments of it were noted. */
  ratePerSecond(index: number): number | null {
    const { first, last } = this.#marks[index] ?? { first: null, last: null };
    if (first === null || last === null || last.atMs <= first.atMs) return null;
    return Math.round(((last.count - first.count) * 1000) / (last.atMs - first.atMs));
  }
}

/**
 * Windows around the first million and at the end of a run of `commands`; a run that is shorter than two millions has
 * the first in its middle.
 */
export function growthWindows(commands: number): readonly [RateWindow, RateWindow] {
  const length = Math.max(1, Math.min(WINDOW_MAX, Math.floor(commands / 4)));
  const middle = Math.min(1_000_000, Math.floor(commands / 2));
  const from = Math.max(0, middle - Math.floor(length / 2));
  return [
    { from, to: from + length },
    { from: commands - length, to: commands },
  ];
}

const WINDOW_MAX = 500_000;
