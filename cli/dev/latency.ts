// Times of a burst, exact: every one is kept and sorted once at the end. For a bounded number of samples only.
// Does not own long measurements; bench has histograms for those.

/** Percentiles in ms, one decimal. */
export interface LatencySummary {
  readonly [percentile: string]: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** The percentiles of `samplesMs`; zeros when there are none. Never throws. */
export function summarise(samplesMs: readonly number[]): LatencySummary {
  const sorted = Float64Array.from(samplesMs).sort();
  const at = (share: number): number => {
    const index = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
    return Math.round((sorted[index] ?? 0) * 10) / 10;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
