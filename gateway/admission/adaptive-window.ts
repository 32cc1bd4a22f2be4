// How many commands may be unanswered at once. Grows while latency is fine, shrinks when it comes near its target.
//
// Algorithm: additive increase, multiplicative decrease (Chiu and Jain, "Analysis of the increase and decrease
// algorithms for congestion avoidance", 1989), with latency as the signal as in Netflix's concurrency-limits. Each look:
//   p95 > shrinkAbove x target   limit x target x (growBelow + shrinkAbove) / 2 / p95, at least limit / 2; answers to what
//                                was admitted before do not count any more: they were queued behind the old limit
//   p95 < growBelow x target     limit + step, or a quarter more below half of that (slow start), if somebody met the
//                                limit since the last look
// A queue's wait is in proportion to its length, so the shrinking step aims at the middle of the band where it rests.
//
// Invariant: min <= limit <= max. What was taken is given back. `inFlight` exceeds the limit only after it shrank.

import assert from "node:assert/strict";
import { LatencySketch } from "./latency-sketch.ts";
import type { WindowSettings } from "./settings.ts";

/** See the file header. */
export class AdaptiveWindow {
  readonly #settings: WindowSettings;
  readonly #latencies = new LatencySketch();
  #limit: number;
  #inFlight = 0;
  #wasFilled = false;
  #lookAtMs = 0;
  #shrunkAtMs = Number.NEGATIVE_INFINITY;
  #p95Ms = 0;

  constructor(settings: WindowSettings) {
    this.#settings = settings;
    this.#limit = settings.initial;
  }

  /** Commands that may be unanswered at once; whole. */
  get limit(): number {
    return this.#limit;
  }

  /** Commands that are unanswered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** 95th percentile of the accepted at the last look, ms. */
  get p95Ms(): number {
    return this.#p95Ms;
  }

  /** Takes room. The caller has seen that there is some. */
  take(commands: number): void {
    this.#inFlight += commands;
    assert.ok(this.#inFlight <= this.#limit, "never more than the window");
  }

  /** Gives room back. */
  giveBack(commands: number): void {
    this.#inFlight -= commands;
    assert.ok(this.#inFlight >= 0, "no more comes back than was taken");
  }

  /** Notes that somebody was refused for want of room. */
  onFilled(): void {
    this.#wasFilled = true;
  }

  /** Notes that a command was answered, which was admitted at `startMs`. */
  onAnswered(startMs: number, nowMs: number): void {
    if (startMs >= this.#shrunkAtMs) this.#latencies.add(nowMs - startMs);
  }

  /** Adapts the limit when it is time for a look. */
  look(nowMs: number): void {
    if (nowMs < this.#lookAtMs) return;
    const { intervalMs, samplesMin, targetMs, growBelow, shrinkAbove, step, min, max } = this.#settings;
    this.#lookAtMs = nowMs + intervalMs;
    if (this.#latencies.count < samplesMin) return;
    const p95Ms = this.#latencies.p95Ms();
    this.#p95Ms = p95Ms;
    if (p95Ms > targetMs * shrinkAbove) {
      const part = Math.max(0.5, (targetMs * (growBelow + shrinkAbove)) / 2 / p95Ms);
      this.#limit = Math.max(min, Math.floor(this.#limit * part));
      this.#shrunkAtMs = nowMs;
    } else if (p95Ms < targetMs * growBelow && this.#wasFilled) {
      const isFar = p95Ms < (targetMs * growBelow) / 2;
      this.#limit = Math.min(max, this.#limit + (isFar ? Math.max(step, this.#limit >> 2) : step));
    }
    this.#latencies.clear();
    this.#wasFilled = false;
  }
}
