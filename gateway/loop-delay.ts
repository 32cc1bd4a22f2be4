// How late the event loop is: a high percentile over the last second, of what Node measures.
// Does not own the measuring, which a main file starts.
// One long stall (a collection of garbage, a compilation) is one measurement of many and does not show; a loop that is
// behind shows in all of them.

/** What Node's `monitorEventLoopDelay` gives; times in ns. */
export interface DelayHistogram {
  readonly count: number;
  percentile(percentile: number): number;
  reset(): void;
}

const PERIOD_MS = 1_000;
const PERCENTILE = 90;
/** Measurements of a period that has just begun say something from so many on. */
const COUNT_MIN = 10;

/** See the file header. */
export class LoopDelay {
  readonly #histogram: DelayHistogram;
  readonly #steadyMs: () => number;
  readonly #resolutionMs: number;
  #sinceMs: number;
  #lastMs = 0;

  /** @param resolutionMs how often Node measures: that much of each measurement is no delay */
  constructor(histogram: DelayHistogram, resolutionMs: number, steadyMs: () => number) {
    this.#histogram = histogram;
    this.#resolutionMs = resolutionMs;
    this.#steadyMs = steadyMs;
    this.#sinceMs = steadyMs();
  }

  /** The delay, ms: of the last whole period, or of the one that runs when that is worse. */
  readMs(): number {
    const nowMs = this.#steadyMs();
    const runningMs = this.#histogram.count >= COUNT_MIN ? this.#measuredMs() : 0;
    if (nowMs - this.#sinceMs < PERIOD_MS) return Math.max(this.#lastMs, runningMs);
    this.#lastMs = runningMs;
    this.#sinceMs = nowMs;
    this.#histogram.reset();
    return runningMs;
  }

  #measuredMs(): number {
    return Math.max(0, this.#histogram.percentile(PERCENTILE) / 1e6 - this.#resolutionMs);
  }
}
