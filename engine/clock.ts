// The clocks of a node, made in the main files and passed in. They pace the engine (ticks, retries, time-outs),
// measure it, and never decide a record: shard time comes from the log's stamps alone.

/** Wall and monotonic time. */
export interface Clock {
  /** Wall time in ms since 1970, whole. */
  nowMs(): number;
  /** Monotonic time in ms, for durations. */
  monotonicMs(): number;
  /** Wall time in ms since 1970 with its fraction, for durations that began on another clock. */
  wallMs(): number;
}

/** What a process has to tell the time. */
export interface TimeSources {
  /** Wall time in whole ms since 1970, rounded down. */
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  /** Wall time at the monotonic zero, as exactly as it is known. */
  readonly originMs: number;
}

/**
 * The clock of a thread. Wall time with a fraction is the monotonic time plus an origin, which follows the whole
 * milliseconds of the wall clock: adjustments of that clock are taken over, not summed up.
 */
export function clockOf({ nowMs, monotonicMs, originMs }: TimeSources): Clock {
  let origin = originMs;
  const wallMs = (): number => {
    const wholeMs = nowMs();
    const fineMs = origin + monotonicMs();
    const keptMs = Math.min(Math.max(fineMs, wholeMs), wholeMs + 1);
    origin += keptMs - fineMs;
    return keptMs;
  };
  return { nowMs, monotonicMs, wallMs };
}
