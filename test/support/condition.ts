/**
 * Waiting for what must become true: looked at again and again, bounded, never a fixed pause.
 * The error of a wait that failed says what was awaited and what was seen last.
 */
import { setTimeout as delay } from "node:timers/promises";

const LOOK_MS = 10;

/**
 * Looks until `look` gives something else than undefined, null or false, and returns that.
 * Errors: rejects after `withinMs` (default 15,000) with `what` and the last error that `look` threw.
 */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined | null | false> | Value | undefined | null | false,
  withinMs = 15_000,
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
