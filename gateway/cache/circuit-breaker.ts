// Decides whether a service that may be slow or away is asked at all. Pure but for its own state; the time comes in.
//
//            failures in a row reach the bound               probe succeeded
//   CLOSED ────────────────────────────────────► OPEN ─────────────────────────► CLOSED
//   (ask)   any success sets the count to 0      (do not ask; one probe every probeMs)
//
// Guards against: every request of a burst waiting out the time limit of a service that is known not to answer.

import { assert } from "../../protocol/assert.ts";

/** Bounds: failures in a row (>= 1) that open it, and the pause in ms between probes. */
export interface BreakerBounds {
  readonly failuresMax: number;
  readonly probeMs: number;
}

/** One breaker. No method throws. */
export class CircuitBreaker {
  readonly #bounds: BreakerBounds;
  #failures = 0;
  #probeAtMs: number | null = null;

  constructor(bounds: BreakerBounds) {
    assert(bounds.failuresMax >= 1 && bounds.probeMs > 0, "a breaker opens after a failure and probes later");
    this.#bounds = bounds;
  }

  get isOpen(): boolean {
    return this.#probeAtMs !== null;
  }

  /** An answer came in time. While open only a probe counts. */
  succeeded(): void {
    if (this.#probeAtMs === null) this.#failures = 0;
  }

  /** No answer, or none in time. @returns whether this one opened it */
  failed(nowMs: number): boolean {
    if (this.#probeAtMs !== null) return false;
    this.#failures += 1;
    if (this.#failures < this.#bounds.failuresMax) return false;
    this.#probeAtMs = nowMs + this.#bounds.probeMs;
    return true;
  }

  /** Whether a probe is to be sent now; says so once every probeMs. */
  isProbeDue(nowMs: number): boolean {
    if (this.#probeAtMs === null || nowMs < this.#probeAtMs) return false;
    this.#probeAtMs = nowMs + this.#bounds.probeMs;
    return true;
  }

  /** The probe succeeded: asks are let through again. */
  close(): void {
    this.#probeAtMs = null;
    this.#failures = 0;
  }
}
