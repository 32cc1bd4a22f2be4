// Times of one thing, counted below fixed bounds, for scrapes by Prometheus.
// Kept beside the metrics library and not in it: its own `observe` hashes labels at every call, which for the phases of
// one request costs more than the request may (see gateway-metrics.ts). Counting here costs a few comparisons.
// Invariant: counts and sum only grow.

/** Upper bounds, s. They lie close around the targets for answers: 60, 120, 150 and 200 ms. */
export const LATENCY_BOUNDS_S = [
  0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.09, 0.12, 0.15, 0.2, 0.5, 1, 5, 30,
];

/** See the file header. */
export class LatencyHistogram {
  readonly #boundsMs: Float64Array;
  readonly #counts: Float64Array;
  #sumMs = 0;

  constructor() {
    this.#boundsMs = Float64Array.from(LATENCY_BOUNDS_S, (bound) => bound * 1_000);
    this.#counts = new Float64Array(LATENCY_BOUNDS_S.length + 1);
  }

  /** Counts one time, ms. */
  add(ms: number): void {
    const bounds = this.#boundsMs;
    let index = 0;
    while (index < bounds.length && ms > (bounds[index] ?? 0)) index += 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sumMs += ms;
  }

  /** Sum of all times, s. */
  get sumSeconds(): number {
    return this.#sumMs / 1_000;
  }

  /** How many times were at most each bound, then all. */
  cumulative(): number[] {
    let sum = 0;
    return Array.from(this.#counts, (count) => {
      sum += count;
      return sum;
    });
  }
}
