// Arithmetic of a token bucket: pure, the state goes in and comes out. The script `TAKE` (redis-scripts.ts) does the
// same inside Redis; one table of tests runs on both.
//
// Invariant: over any time t at most burst + t * rate tokens are given. A clock that goes back gives nothing and
// does not hold back later refills.

import type { BucketAnswer, BucketTake } from "./gateway-cache.ts";

/** Tokens may be short by this much: sums of fractions are not exact. */
const TOLERANCE = 1e-9;

/** Tokens in a bucket at a moment. */
export interface BucketState {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * Takes from a bucket; `state` undefined is a full one. Never throws.
 * @param nowMs on one clock for all takes of a bucket
 */
export function takeTokens(
  state: BucketState | undefined,
  take: BucketTake,
  nowMs: number,
): { readonly state: BucketState; readonly answer: BucketAnswer } {
  const { tokens: wanted, ratePerSecond, burst } = take;
  const elapsedMs = state === undefined ? 0 : Math.max(0, nowMs - state.atMs);
  const held = Math.min(burst, (state?.tokens ?? burst) + (elapsedMs * ratePerSecond) / 1000);
  const allowed = held + TOLERANCE >= wanted;
  const tokens = allowed ? Math.max(0, held - wanted) : held;
  const remaining = Math.floor(tokens + TOLERANCE);
  const waitMs = Math.max(1, Math.ceil(((wanted - held) * 1000) / ratePerSecond));
  const refusedFor = wanted > burst ? null : waitMs;
  return {
    state: { tokens, atMs: nowMs },
    answer: { allowed, remaining, retryAfterMs: allowed ? 0 : refusedFor },
  };
}
