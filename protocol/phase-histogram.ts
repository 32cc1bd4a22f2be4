// Durations in logarithmic buckets, eight a doubling (9 % error), from 1 µs to about half an hour: fixed memory,
// integers only, and a difference of two readings is the histogram of what came between them.
//
// Counts are weighted: a record of 100 commands counts 100 times.

const MICROS_MAX = 2 ** 31 - 1;
const BUCKETS = 29 * 8;

/** A histogram as it travels: the counts from the bucket `first` on, without the empty ones at both ends. */
export interface PhaseCounts {
  readonly first: number;
  readonly counts: readonly number[];
}

/** See the file header. */
export class PhaseHistogram {
  readonly #counts = new Float64Array(BUCKETS);

  /** Notes that `weight` commands took so long; what is negative or below 1 µs counts as the least. */
  add(ms: number, weight: number): void {
    const bucket = bucketOf(ms);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + weight;
  }

  /** What was counted so far. */
  counts(): PhaseCounts {
    const first = this.#counts.findIndex((count) => count > 0);
    if (first < 0) return { first: 0, counts: [] };
    const last = this.#counts.findLastIndex((count) => count > 0);
    return { first, counts: [...this.#counts.subarray(first, last + 1)] };
  }
}

/** Whether a value of unknown origin is a histogram. Never throws. */
export function isPhaseCounts(value: unknown): value is PhaseCounts {
  if (typeof value !== "object" || value === null || !("first" in value) || !("counts" in value))
    return false;
  const { first, counts } = value;
  if (!Array.isArray(counts) || !Number.isInteger(first)) return false;
  const end = Number(first) + counts.length;
  return Number(first) >= 0 && end <= BUCKETS && counts.every((count) => Number.isFinite(count));
}

/** Bucket by bucket `left + sign * right`. */
export function combinedCounts(left: PhaseCounts, right: PhaseCounts, sign: 1 | -1): PhaseCounts {
  const first = Math.min(left.first, right.first);
  const end = Math.max(left.first + left.counts.length, right.first + right.counts.length);
  const counts = Array.from({ length: end - first }, (_, index) => {
    const bucket = first + index;
    return (left.counts[bucket - left.first] ?? 0) + sign * (right.counts[bucket - right.first] ?? 0);
  });
  return { first, counts };
}

/** Upper bound in µs of the bucket that holds the given share (0..1) of all counts; null when nothing was counted. */
export function percentileMicros({ first, counts }: PhaseCounts, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return null;
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    seen += count;
    if (seen >= share * total) return microsBelow(first + index + 1);
  }
  return microsBelow(first + counts.length);
}

/** Below 16 µs a bucket a µs, above it eight a doubling. */
function bucketOf(ms: number): number {
  const micros = Math.min(Math.max(1, Math.round(ms * 1000)), MICROS_MAX);
  const shift = Math.max(0, 28 - Math.clz32(micros));
  return shift * 8 + (micros >> shift);
}

/** The least number of µs in a bucket. */
function microsBelow(bucket: number): number {
  if (bucket < 16) return bucket;
  const shift = Math.floor(bucket / 8) - 1;
  return (8 + (bucket % 8)) * 2 ** shift;
}
