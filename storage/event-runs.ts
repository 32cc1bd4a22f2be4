// Steps that follow each other as the text of their events, cut into runs: each of one tenant and of a bounded size,
// so that messages are put together from whole runs. One buffer holds them all, in order.
//
// Written while the step is applied and everything about it is at hand: kept as objects until they are sent, steps and
// balances outlive the youngest heap, and cost there as much as writing them.

import type { EventSource } from "../protocol/event-writer.ts";
import { EventWriter } from "../protocol/event-writer.ts";
import type { TenantName } from "../protocol/names.ts";
import type { StepPlaceInLog } from "./journal-step.ts";

/** What is written of a step. */
export interface EventStep extends EventSource {
  /** Dense per shard, from 1. */
  readonly number: number;
  readonly tenant: TenantName;
  /** The tenant's step before this one, or null. */
  readonly previous: StepPlaceInLog | null;
}

/** A run, never empty. Its bytes are good until the next step is written. */
export interface EventRun {
  readonly tenant: TenantName;
  /** Numbers of its first and its last step. */
  readonly first: number;
  readonly last: number;
  readonly from: StepPlaceInLog;
  readonly to: StepPlaceInLog;
  /** The tenant's step before the first one, or null. */
  readonly previous: StepPlaceInLog | null;
  /** Events as text, with commas between. */
  readonly bytes: Uint8Array;
}

/** A run as it grows. */
interface Run extends Omit<EventRun, "to" | "bytes" | "last"> {
  last: number;
  position: number;
  index: number;
  /** Where its bytes are. */
  start: number;
  end: number;
}

/** A run takes no more steps beyond these bytes. */
const RUN_BYTES = 32 * 1024;

/** See the file header. */
export class EventRuns {
  readonly #shard: number;
  readonly #writer: EventWriter;
  #runs: Run[] = [];
  /** The run that takes further steps. */
  #open: Run | null = null;

  /** @param capacity bytes to begin with */
  constructor(shard: number, capacity: number) {
    this.#shard = shard;
    this.#writer = new EventWriter(capacity);
  }

  /** Runs in all. */
  get length(): number {
    return this.#runs.length;
  }

  /** Bytes in all. */
  get bytes(): number {
    return this.#writer.length;
  }

  /** The number of the first step, or null when there is none. */
  get first(): number | null {
    return this.#runs[0]?.first ?? null;
  }

  /** Writes the step that follows. */
  add(step: EventStep): void {
    const writer = this.#writer;
    const start = writer.length;
    const open = this.#open;
    if (open === null || open.tenant !== step.tenant || start - open.start > RUN_BYTES) {
      writer.event(step, this.#shard);
      this.#begin(step, start);
      return;
    }
    writer.comma();
    writer.event(step, this.#shard);
    open.last = step.number;
    open.position = step.position;
    open.index = step.index;
    open.end = writer.length;
  }

  /** The next step begins a run. */
  cut(): void {
    this.#open = null;
  }

  /** The number that a run begins with, the least beyond `number`; null when there is none. */
  nextFirst(number: number): number | null {
    return this.#runs.find(({ first }) => first > number)?.first ?? null;
  }

  /** Runs from the first on: at most `limit` steps in the first `runs` of them, but one run in any case. */
  take(limit: number, runs = this.#runs.length): EventRun[] {
    const taken: EventRun[] = [];
    let steps = 0;
    for (let at = 0; at < runs; at += 1) {
      const run = this.#runs[at];
      if (run === undefined) break;
      steps += run.last + 1 - run.first;
      if (at > 0 && steps > limit) break;
      const { tenant, first, last, from, position, index, previous, start, end } = run;
      const bytes = this.#writer.slice(start, end);
      taken.push({ tenant, first, last, from, to: { position, index }, previous, bytes });
    }
    return taken;
  }

  /** Lets go of the runs that end at or before a number. @returns how many */
  dropTo(number: number): number {
    let count = 0;
    while ((this.#runs[count]?.last ?? Number.POSITIVE_INFINITY) <= number) count += 1;
    if (count === 0) return 0;
    if (this.#runs[count - 1] === this.#open) this.#open = null;
    this.#runs = this.#runs.slice(count);
    const start = this.#runs[0]?.start ?? this.#writer.length;
    if (start * 2 > this.#writer.length) this.#moveDown(start);
    return count;
  }

  #begin({ number, tenant, position, index, previous }: EventStep, start: number): void {
    const from = { position, index };
    const end = this.#writer.length;
    this.#open = { tenant, first: number, last: number, from, position, index, previous, start, end };
    this.#runs.push(this.#open);
  }

  #moveDown(bytes: number): void {
    this.#writer.dropBefore(bytes);
    for (const run of this.#runs) {
      run.start -= bytes;
      run.end -= bytes;
    }
  }
}
