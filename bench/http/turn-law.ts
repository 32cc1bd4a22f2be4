// When a load may send its next request: at an even pace, whatever the answers do, or when one of its clients is free.
//
// A turn has a moment at which it was due. Latency is counted from there: at a pace a request that had to wait for a
// connection has waited, and no request is left out because earlier ones were slow (no coordinated omission).

import { Schedule } from "../schedule.ts";

/** Longest wait that a client keeps to, s. */
const WAIT_SECONDS_MAX = 60;
const BUCKET_MS = 10;
const BUCKETS = (WAIT_SECONDS_MAX * 1_000) / BUCKET_MS + 2;

/** See the file header. */
export interface TurnLaw {
  /** How often `tick` is to be called, ms. */
  readonly tickMs: number;
  /** Takes a turn. @returns when it was due, ms; null when there is none now */
  take(nowMs: number): number | null;
  /** Gives a turn back: its request was answered. @param waitSeconds until it may be taken again; null = at once */
  back(nowMs: number, waitSeconds: number | null): void;
  /** Time went on. */
  tick(nowMs: number): void;
  /** How long turns have been due that nobody took, ms each. */
  overdue(nowMs: number): readonly number[];
}

/** A turn every so often. */
export class PacedTurns implements TurnLaw {
  readonly tickMs = 1;
  readonly #schedule: Schedule;
  #taken = 0;

  constructor(startMs: number, ratePerSecond: number) {
    this.#schedule = new Schedule(startMs, ratePerSecond);
  }

  take(nowMs: number): number | null {
    const dueMs = this.#schedule.intendedMs(this.#taken);
    if (dueMs > nowMs) return null;
    this.#taken += 1;
    return dueMs;
  }

  back(): void {
    // The next turn comes with its time.
  }

  tick(): void {
    // As above.
  }

  overdue(nowMs: number): readonly number[] {
    const waited: number[] = [];
    for (let number = this.#taken; ; number += 1) {
      const dueMs = this.#schedule.intendedMs(number);
      if (dueMs > nowMs) return waited;
      waited.push(nowMs - dueMs);
    }
  }
}

/** Clients with one request at a time, who send again when they are answered, or as long after as they were told. */
export class ClientTurns implements TurnLaw {
  readonly tickMs = BUCKET_MS;
  /** How many become free at a moment, in a ring of 10 ms each. */
  readonly #waiting = new Int32Array(BUCKETS);
  #free: number;
  #tickedBucket: number;

  constructor(startMs: number, clients: number) {
    this.#free = clients;
    this.#tickedBucket = Math.floor(startMs / BUCKET_MS);
  }

  take(nowMs: number): number | null {
    if (this.#free === 0) return null;
    this.#free -= 1;
    return nowMs;
  }

  back(nowMs: number, waitSeconds: number | null): void {
    if (waitSeconds === null) {
      this.#free += 1;
      return;
    }
    const waitMs = Math.min(waitSeconds, WAIT_SECONDS_MAX) * 1_000;
    const ticked = this.#tickedBucket;
    const bucket = Math.max(ticked + 1, Math.ceil((nowMs + waitMs) / BUCKET_MS));
    const place = Math.min(bucket, ticked + BUCKETS - 1) % BUCKETS;
    this.#waiting[place] = (this.#waiting[place] ?? 0) + 1;
  }

  tick(nowMs: number): void {
    const bucket = Math.floor(nowMs / BUCKET_MS);
    for (; this.#tickedBucket < bucket; this.#tickedBucket += 1) {
      const place = (this.#tickedBucket + 1) % BUCKETS;
      this.#free += this.#waiting[place] ?? 0;
      this.#waiting[place] = 0;
    }
  }

  overdue(): readonly number[] {
    return [];
  }
}
