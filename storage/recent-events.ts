// The events of the newest steps, kept in memory so that publishing need not read back what was just written (reading
// and decoding costs about as much as deciding and writing). Only a cache of the journal: whatever it does not hold is
// read from the file. Bounded: beyond it, everything is let go at once.

import { EVENTS_BUFFERED_BYTES_MAX } from "../protocol/limits.ts";
import { type EventRun, EventRuns, type EventStep } from "./event-runs.ts";

/** Bytes to begin with; it doubles when it is full. */
const START_BYTES = 64 * 1024;

/** See the file header. */
export class RecentEvents {
  readonly #shard: number;
  readonly #eventsMax: number;
  #runs: EventRuns;
  #newest = 0;
  /** Runs of turns that have committed. */
  #committed = 0;

  /** @param eventsMax events kept at most; 0 = keep none */
  constructor(shard: number, eventsMax: number) {
    this.#shard = shard;
    this.#eventsMax = eventsMax;
    this.#runs = new EventRuns(shard, eventsMax > 0 ? START_BYTES : 0);
  }

  /** Whether steps are wanted at all. */
  get isKept(): boolean {
    return this.#eventsMax > 0;
  }

  /** Keeps the step that was appended; numbers are dense. */
  add(step: EventStep): void {
    const first = this.#runs.first ?? step.number;
    if (step.number - first >= this.#eventsMax || this.#runs.bytes > EVENTS_BUFFERED_BYTES_MAX) this.#letGo();
    this.#runs.add(step);
    this.#newest = step.number;
  }

  /** The turn has committed: its steps may be shown. */
  committed(): void {
    this.#runs.cut();
    this.#committed = this.#runs.length;
  }

  /** The turn rolled back. */
  drop(): void {
    this.#letGo();
  }

  /**
   * Committed runs behind a step, about `limit` steps; earlier ones are let go.
   * @returns null when no run begins right behind it
   */
  after(number: number, limit: number): EventRun[] | null {
    const first = this.#runs.first;
    if (first === null || first > number + 1) return null;
    this.#committed -= this.#runs.dropTo(number);
    if (number >= this.#newest) return [];
    return this.#runs.first === number + 1 ? this.#runs.take(limit, this.#committed) : null;
  }

  /** The number that a run begins with, the least beyond `number`; null when there is none. */
  nextFirst(number: number): number | null {
    return this.#runs.nextFirst(number);
  }

  #letGo(): void {
    this.#runs = new EventRuns(this.#shard, START_BYTES);
    this.#committed = 0;
  }
}
