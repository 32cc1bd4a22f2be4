// The two clocks of a node, made in the main files and passed in. They pace the engine (ticks, retries,
// time-outs) and never decide a record: shard time comes from the log's stamps alone.

/** Wall and monotonic time. */
export interface Clock {
  /** Wall time in ms since 1970. */
  nowMs(): number;
  /** Monotonic time in ms, for durations. */
  monotonicMs(): number;
}
