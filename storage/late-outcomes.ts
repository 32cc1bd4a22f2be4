// Outcomes of commands that settled later than they were claimed, which nearly all moves between shards are, in pages
// (outcome-page.ts). As a row each they cost 2 µs to insert, in the middle of a B-tree; the commands of one record
// settle in a few others, so that a page is written a few times for some hundred of them.
//
// Owns the pages that are being filled, and when they are written. Invariants: what was added is in the file when the
// turn's rows are; pages are layout: which of them are in memory leaves no trace.

import type { ByteWriter } from "./byte-writer.ts";
import type { Connection } from "./database.ts";
import { type LateOutcome, OpenOutcomePage, outcomePageOf } from "./outcome-page.ts";
import { OutcomePages } from "./outcome-pages.ts";

/** Pages kept after they were written, about 3 KiB each; one that is not in memory is read again. */
const PAGES_KEPT = 256;

/** See the file header. */
export class LateOutcomes {
  readonly #stored: OutcomePages;
  readonly #put;
  /** In the order in which they were first needed. */
  readonly #pages = new Map<number, OpenOutcomePage>();
  #dirty: number[] = [];
  /** The page needed last: commands settle one behind the other. */
  #last: { readonly number: number; readonly page: OpenOutcomePage } | null = null;

  constructor(database: Connection) {
    this.#stored = new OutcomePages(database);
    this.#put = database.prepare<[number, Uint8Array]>(
      "REPLACE INTO outcome_page (page, body) VALUES (?, ?)",
    );
  }

  /** Adds an outcome: what `source` holds from `start` to its end. */
  add(outcome: Omit<LateOutcome, "body">, source: ByteWriter, start: number): void {
    const number = outcomePageOf(outcome.number);
    const page = this.#page(number);
    if (!page.isDirty) this.#dirty.push(number);
    page.add(outcome, source, start);
  }

  /** A command's outcome that was flushed, or undefined. Errors: `StorageFault("corrupt")`. */
  find(command: number): LateOutcome | undefined {
    return this.#stored.find(command);
  }

  /** Writes what was added. */
  flush(): void {
    if (this.#dirty.length === 0) return;
    for (const number of this.#dirty) {
      const page = this.#page(number);
      this.#put.run(number, page.seal());
      page.isDirty = false;
    }
    this.#dirty = [];
    this.#stored.forget();
    for (const number of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_KEPT) break;
      this.#pages.delete(number);
    }
    this.#last = null;
  }

  /** Forgets everything: a rollback. */
  drop(): void {
    this.#pages.clear();
    this.#last = null;
    this.#dirty = [];
    this.#stored.forget();
  }

  #page(number: number): OpenOutcomePage {
    if (this.#last?.number === number) return this.#last.page;
    let page = this.#pages.get(number);
    if (!page) {
      page = new OpenOutcomePage(number, this.#stored.body(number));
      this.#pages.set(number, page);
    }
    this.#last = { number, page };
    return page;
  }
}
