// Latencies of one look's answers, counted in steps of 9 %, for one question: below what did 95 of 100 stay?
// Invariant: the answer is never below the true percentile, and at most one step above it.

/** Steps a doubling. */
const STEPS = 8;
/** Sixteen doublings: from 1 ms to a minute; longer ones count as that. */
const BUCKETS = 16 * STEPS;

/** See the file header. */
export class LatencySketch {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;

  /** Latencies counted since the last `clear`. */
  get count(): number {
    return this.#count;
  }

  /** Counts one latency, ms. */
  add(ms: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.floor(Math.log2(1 + Math.max(0, ms)) * STEPS));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** The 95th percentile, ms; 0 without any. */
  p95Ms(): number {
    if (this.#count === 0) return 0;
    let left = Math.ceil(this.#count * 0.95);
    let bucket = 0;
    for (; bucket < BUCKETS - 1; bucket += 1) {
      left -= this.#counts[bucket] ?? 0;
      if (left <= 0) break;
    }
    return 2 ** ((bucket + 1) / STEPS) - 1;
  }

  /** Forgets all. */
  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
  }
}
