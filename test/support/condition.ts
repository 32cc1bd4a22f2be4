/**
 * Waiting for what must become true: looked at again and again, bounded, never a fixed pause.
 * The error of a wait that failed says what was awaited and what was seen last.
 *
 * The bound is there so that a broken test fails instead of hanging; how fast something is belongs into `bench/`. It is
 * therefore long: a machine that does five other things may take ten times as long as a quiet one.
 */
import { setTimeout as delay } from "node:timers/promises";

const LOOK_MS = 10;
const WITHIN_MS = 30_000;

/**
 * Looks until `look` gives something else than undefined, null or false, and returns that.
 * Errors: rejects after `withinMs` (default 30,000) with `what` and the last error that `look` threw.
 */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined | null | false> | Value | undefined | null | false,
  withinMs = WITHIN_MS,
): Promise<Value> {
  const deadline = AbortSignal.timeout(withinMs);
  let last: unknown = "it was false";
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== null && seen !== false) return seen;
    } catch (error) {
      last = error;
    }
    if (deadline.aborted) throw new Error(`not within ${withinMs} ms: ${what}; last: ${String(last)}`);
    await delay(LOOK_MS);
  }
}

/**
 * Waits for a promise, but not for ever: what never comes fails its test and not the whole run.
 * Errors: rejects after `withinMs` (default 30,000) with `what`; else as the promise does.
 */
export async function within<Value>(
  what: string,
  promise: Promise<Value>,
  withinMs = WITHIN_MS,
): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not within ${withinMs} ms: ${what}`)), withinMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
