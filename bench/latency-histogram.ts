// Latencies in logarithmic buckets: fixed memory, constant cost, about 3 % error, up to a minute.
// Counts how many commands saw a latency, so one frame of 100 commands counts 100 times.

const BUCKETS_PER_DOUBLING = 24;
const LEAST_MS = 0.01;
const BUCKETS = Math.ceil(Math.log2(60_000 / LEAST_MS) * BUCKETS_PER_DOUBLING) + 1;

/** Percentiles in ms, as reports show them. */
export interface LatencySummary {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What a histogram holds, to be sent to another process. */
export interface HistogramParts {
  readonly counts: readonly (readonly [bucket: number, count: number])[];
  readonly sumMs: number;
  readonly maxMs: number;
}

/** See the file header. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Makes one of what another one, perhaps in another process, gave as its parts. */
  static of({ counts, sumMs, maxMs }: HistogramParts): LatencyHistogram {
    const made = new LatencyHistogram();
    for (const [bucket, count] of counts) {
      made.#counts[bucket] = count;
      made.#total += count;
    }
    made.#sumMs = sumMs;
    made.#maxMs = maxMs;
    return made;
  }

  /** All that it holds. */
  get parts(): HistogramParts {
    const counts = [...this.#counts.entries()].filter(([, count]) => count > 0);
    return { counts, sumMs: this.#sumMs, maxMs: this.#maxMs };
  }

  /** Notes that `count` commands took `latencyMs`. */
  add(latencyMs: number, count: number): void {
    const bucket = Math.ceil(Math.log2(Math.max(latencyMs, LEAST_MS) / LEAST_MS) * BUCKETS_PER_DOUBLING);
    const index = Math.min(bucket, BUCKETS - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + count;
    this.#total += count;
    this.#sumMs += latencyMs * count;
    this.#maxMs = Math.max(this.#maxMs, latencyMs);
  }

  /** Of all that was added, not of buckets, ms; 0 when nothing was. */
  get meanMs(): number {
    return this.#total === 0 ? 0 : this.#sumMs / this.#total;
  }

  /** What was added since an earlier `copy` of this one; its max is that of a bucket. */
  since(earlier: LatencyHistogram): LatencyHistogram {
    const grown = new LatencyHistogram();
    grown.#sumMs = this.#sumMs - earlier.#sumMs;
    for (let index = 0; index < BUCKETS; index += 1) {
      const count = (this.#counts[index] ?? 0) - (earlier.#counts[index] ?? 0);
      if (count === 0) continue;
      grown.#counts[index] = count;
      grown.#total += count;
      grown.#maxMs = Math.min(LEAST_MS * 2 ** (index / BUCKETS_PER_DOUBLING), this.#maxMs);
    }
    return grown;
  }

  /** As it stands now. */
  copy(): LatencyHistogram {
    const copy = new LatencyHistogram();
    copy.merge(this);
    return copy;
  }

  /** Adds everything that another one counted. */
  merge(other: LatencyHistogram): void {
    for (let index = 0; index < BUCKETS; index += 1)
      this.#counts[index] = (this.#counts[index] ?? 0) + (other.#counts[index] ?? 0);
    this.#total += other.#total;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  /** Upper bound in ms of the bucket that holds the given share (0..1) of all counts; 0 when nothing was added. */
  percentileMs(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#total * share));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index += 1) {
      seen += this.#counts[index] ?? 0;
      if (seen >= wanted) return Math.min(LEAST_MS * 2 ** (index / BUCKETS_PER_DOUBLING), this.#maxMs);
    }
    return this.#maxMs;
  }

  /** The percentiles of a report, rounded to 10 µs. */
  summary(): LatencySummary {
    const rounded = (ms: number): number => Math.round(ms * 100) / 100;
    return {
      p50: rounded(this.percentileMs(0.5)),
      p95: rounded(this.percentileMs(0.95)),
      p99: rounded(this.percentileMs(0.99)),
      max: rounded(this.#maxMs),
    };
  }
}
