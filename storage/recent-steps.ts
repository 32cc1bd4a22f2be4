// The newest committed steps as events need them, kept in memory so that publishing need not read back what was
// just written (reading and decoding costs about as much as deciding and writing). Only a cache of the journal:
// whatever it does not hold is read from the file. Bounded: beyond it, everything is let go at once.

import type { JournalStep } from "./journal-step.ts";

/** See the file header. */
export class RecentSteps {
  readonly #stepsMax: number;
  #steps: JournalStep[] = [];
  #head = 0;
  #committed = 0;

  /** @param stepsMax steps kept at most; 0 = keep none */
  constructor(stepsMax: number) {
    this.#stepsMax = stepsMax;
  }

  /** Whether steps are wanted at all. */
  get isKept(): boolean {
    return this.#stepsMax > 0;
  }

  /** Keeps the step that was appended; numbers are dense. */
  add(step: JournalStep): void {
    if (this.#steps.length - this.#head >= this.#stepsMax) this.#letGo();
    this.#steps.push(step);
  }

  /** The turn has committed: its steps may be shown. */
  committed(): void {
    this.#committed = this.#steps.length;
  }

  /** The turn rolled back. */
  drop(): void {
    this.#letGo();
  }

  /**
   * Committed steps behind a number, at most `limit`; earlier ones are let go.
   * @returns null when the step behind `number` is not held
   */
  after(number: number, limit: number): JournalStep[] | null {
    const first = this.#steps[this.#head];
    if (!first || first.number > number + 1) return null;
    const start = this.#head + (number + 1 - first.number);
    if (start >= this.#committed) return [];
    this.#head = start;
    if (this.#head * 2 > this.#steps.length) this.#compact();
    return this.#steps.slice(this.#head, Math.min(this.#head + limit, this.#committed));
  }

  /** Lets go of what was asked for before: kept longer, it would reach the old generation of the heap, and cost there. */
  #compact(): void {
    this.#steps = this.#steps.slice(this.#head);
    this.#committed -= this.#head;
    this.#head = 0;
  }

  #letGo(): void {
    this.#steps = [];
    this.#head = 0;
    this.#committed = 0;
  }
}
