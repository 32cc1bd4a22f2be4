// Values of one thing, counted below fixed bounds, for scrapes by Prometheus.
// Kept beside the metrics library and not in it: its own `observe` hashes labels at every call, which for the phases of
// one request costs more than the request may (see gateway-metrics.ts). Counting here costs a few comparisons.
// Does not own which bounds there are. Invariant: counts and sum only grow.

/** See the file header. */
export class FixedHistogram {
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param bounds upper bounds, rising, in the unit of the values */
  constructor(bounds: readonly number[]) {
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Counts one value. */
  add(value: number): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] ?? 0)) index += 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += value;
  }

  /** Sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** How many values were at most each bound, then all. */
  cumulative(): number[] {
    let sum = 0;
    return Array.from(this.#counts, (count) => {
      sum += count;
      return sum;
    });
  }
}
