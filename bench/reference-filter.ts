// Which results count: those of runs during which the machine was the machine of the table. Every report carries what
// the disk, the server and SQLite could do at best beside the run; a run whose reference is more than a fifth off the
// median of all runs of its profile says more about the neighbours than about Coffer.
//
// Invariant: whether a result counts depends on its reference alone, never on its own figure.

import type { ResultLine } from "./result-line.ts";
import { figureAt, valueAt } from "./result-line.ts";
import type { Spread } from "./spread.ts";
import { spreadOf } from "./spread.ts";

/** How far a reference figure may lie from the median, as a share of it, unless somebody says otherwise. */
export const TOLERANCE = 0.2;

/** The reference figures, by their names in a report, with their units. */
export const REFERENCE_FIGURES: readonly { readonly path: string; readonly name: string }[] = [
  { path: "reference.fsyncMs", name: "one 4 KB write with fdatasync, ms" },
  { path: "reference.pubAcksPerSecond", name: "acknowledged 150-byte messages/s" },
  { path: "reference.sqliteRowsPerSecond", name: "SQLite rows with an index entry/s" },
];

/** Results and what they were judged by. */
export interface FilteredResults {
  readonly tolerance: number;
  readonly counted: readonly ResultLine[];
  readonly leftOut: readonly ResultLine[];
  /** Spread of each reference figure over all results, by profile and then in the order of REFERENCE_FIGURES. */
  readonly references: ReadonlyMap<string, readonly (Spread | null)[]>;
}

/** Judges all results. One without a figure that others of its profile have does not count. */
export function filterByReference(
  results: readonly ResultLine[],
  tolerance: number = TOLERANCE,
): FilteredResults {
  const references = new Map<string, (Spread | null)[]>();
  for (const [profile, all] of Map.groupBy(results, profileOf))
    references.set(
      profile,
      REFERENCE_FIGURES.map(({ path }) =>
        spreadOf(all.flatMap(({ report }) => figureAt(report, path) ?? [])),
      ),
    );
  const isCounted = (result: ResultLine): boolean =>
    REFERENCE_FIGURES.every(({ path }, index) => {
      const spread = references.get(profileOf(result))?.[index] ?? null;
      return spread === null || isNear(figureAt(result.report, path), spread.median, tolerance);
    });
  const judged = Map.groupBy(results, isCounted);
  return { tolerance, counted: judged.get(true) ?? [], leftOut: judged.get(false) ?? [], references };
}

function isNear(value: number | null, median: number, tolerance: number): boolean {
  return value !== null && Math.abs(value - median) <= tolerance * median + Number.EPSILON;
}

function profileOf({ report }: ResultLine): string {
  return String(valueAt(report, "durability") ?? "unknown");
}
