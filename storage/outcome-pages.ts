// Finds late outcomes in their pages (outcome-page.ts). Owns the statement, and the page read last until it is
// forgotten: pages that are being filled change with each turn.

import type { Connection } from "./database.ts";
import { type LateOutcome, outcomePageOf, outcomesOfPage } from "./outcome-page.ts";

/** See the file header. Every method may throw `StorageFault("corrupt")`. */
export class OutcomePages {
  readonly #sql;
  #kept: { readonly page: number; readonly outcomes: ReadonlyMap<number, LateOutcome> } | null = null;

  constructor(database: Connection) {
    this.#sql = {
      body: database.prepare<[number], Uint8Array>("SELECT body FROM outcome_page WHERE page = ?").pluck(),
      outer: database.prepare<[number], { page: number; body: Uint8Array }>(
        "SELECT page, body FROM outcome_page WHERE page <= 0 OR page >= ? ORDER BY page",
      ),
    };
  }

  /** The bytes of a page, or undefined. */
  body(page: number): Uint8Array | undefined {
    return this.#sql.body.get(page);
  }

  /** A command's outcome, or undefined. Cost: nothing for a neighbour of the one just read, else some 20 µs. */
  find(command: number): LateOutcome | undefined {
    const page = outcomePageOf(command);
    if (this.#kept?.page !== page) {
      const body = this.body(page);
      const outcomes = body === undefined ? [] : outcomesOfPage(page, body);
      this.#kept = { page, outcomes: new Map(outcomes.map((outcome) => [outcome.number, outcome])) };
    }
    return this.#kept.outcomes.get(command);
  }

  /** Numbers that have an outcome and are none of 1..`last`. */
  *outside(last: number): Generator<number> {
    for (const { page, body } of this.#sql.outer.iterate(outcomePageOf(last))) {
      for (const { number } of outcomesOfPage(page, body)) if (number < 1 || number > last) yield number;
    }
  }

  /** Forgets the page in memory: the table changed. */
  forget(): void {
    this.#kept = null;
  }
}
