// Takes the pages of late outcomes apart, and writes them again as sound pages: what a sweep must see in outcomes is
// then not hidden behind a checksum.

import Database from "better-sqlite3";
import { ByteWriter } from "../../storage/byte-writer.ts";
import { LateOutcomes } from "../../storage/late-outcomes.ts";
import { type LateOutcome, outcomesOfPage } from "../../storage/outcome-page.ts";

/** Writes all late outcomes of a file again. */
export function editOutcomes(path: string, edit: (outcomes: LateOutcome[]) => LateOutcome[]): void {
  const database = new Database(path);
  try {
    const pages = database
      .prepare<[], { page: number; body: Uint8Array }>("SELECT * FROM outcome_page")
      .all();
    const outcomes = pages.flatMap(({ page, body }) => outcomesOfPage(page, body));
    database.exec("DELETE FROM outcome_page");
    const late = new LateOutcomes(database);
    for (const { body, ...outcome } of edit(outcomes)) {
      const source = new ByteWriter();
      source.raw(body);
      late.add(outcome, source, 0);
    }
    late.flush();
  } finally {
    database.close();
  }
}
