// What the engine is held to on the machine of the tables, and how many of the measured runs reached it. A run that
// missed while the machine itself was a fifth slower than the one that the goals are meant for is told apart: it says
// more about the neighbours than about Coffer.
//
//   results of a configuration ► reached │ missed │ missed on a slower machine
//
// Invariant: a run whose proof failed reached nothing. What a slower machine is does not depend on the results.

import type { FigureColumn } from "./figure-column.ts";
import { figureText, markdownTable } from "./figure-column.ts";
import type { Reference } from "./reference.ts";
import { TOLERANCE } from "./reference-filter.ts";
import type { ResultLine } from "./result-line.ts";
import { figureAt, valueAt } from "./result-line.ts";
import { spreadOf } from "./spread.ts";

/** The machine that the goals are meant for, by profile: medians of 23 runs on two cores. Named in docs/performance.md. */
const REFERENCE: Readonly<Record<string, Reference>> = {
  strict: { fsyncMs: 0.329, pubAcksPerSecond: 5_230, sqliteRowsPerSecond: 276_000 },
  relaxed: { fsyncMs: 0.322, pubAcksPerSecond: 142_000, sqliteRowsPerSecond: 247_000 },
};

/** A bound that one figure of a configuration is held to. */
export interface Goal {
  /** The configuration's name. */
  readonly of: string;
  readonly column: FigureColumn;
  readonly kind: "at least" | "at most";
  readonly bound: number;
}

/** See the file header. */
export const GOALS: readonly Goal[] = [
  atLeast("scenarios/strict/frames", "settled/s", "settledPerSecond", 80_000),
  atLeast("scenarios/strict/cross", "settled/s", "settledPerSecond", 25_000),
  atLeast("scenarios/strict/singles", "settled/s", "settledPerSecond", 8_334),
  atLeast("scenarios/relaxed/singles", "settled/s", "settledPerSecond", 30_000),
  atLeast("scenarios/strict/hot", "rate against random wallets", "hotRatio", 0.9),
  atMost("half-rate/strict/41000", "p99 ms", "latencyMs.p99", 50),
  atLeast("growth/strict/20000000", "rate at the end to that at 1 M rows", "growth.ratio", 0.8),
  atMost("growth/strict/20000000", "engine MB", "growth.rssBytes", 1_000, 1e-6),
  atMost("growth/strict/20000000", "restart to first outcome, ms", "growth.restartMs", 5_000),
  atMost("growth/strict/20000000", "longest pause, ms", "growth.longestPauseMs", 250),
  atMost("idle/strict/1000", "engine MiB", "rss.engine", 200, 1 / 2 ** 20),
  atMost("idle/strict/1000", "engine % of a core", "cpu.engine", 2, 100),
  atMost("soak/strict/1200", "lost", "soak.lost", 0),
  atMost("soak/strict/1200", "memory of the last quarter to the second", "soak.rssRatio", 1.1),
  atMost("soak/strict/1200", "p95 ms", "latencyMs.p95", 200),
];

/** The table of all goals that were measured; null when none was. */
export function goalTable(goals: readonly Goal[], results: readonly ResultLine[]): string | null {
  const byName = Map.groupBy(results, ({ name }) => name);
  const rows = goals.flatMap((goal) => {
    const made = byName.get(goal.of) ?? [];
    return made.length === 0 ? [] : [rowOf(goal, made)];
  });
  const heading = ["configuration", "goal", "median", "runs that reached it", "misses that count"];
  return rows.length === 0 ? null : markdownTable(heading, rows);
}

function rowOf(goal: Goal, made: readonly ResultLine[]): string[] {
  const missed = made.filter((result) => !isReached(goal, result));
  const counted = missed.filter((result) => !isSlowMachine(result) || !isProven(result));
  const { name, figure } = goal.column;
  const spread = spreadOf(made.flatMap(({ report }) => figure(report) ?? []));
  const median = spread === null ? "–" : figureText(spread.median);
  const bound = `${name} ${goal.kind} ${goal.bound.toLocaleString("en-US")}`;
  return [goal.of, bound, median, `${made.length - missed.length} of ${made.length}`, String(counted.length)];
}

function isReached({ column, kind, bound }: Goal, result: ResultLine): boolean {
  const value = column.figure(result.report);
  if (value === null || !isProven(result)) return false;
  return kind === "at least" ? value >= bound : value <= bound;
}

function isProven({ report }: ResultLine): boolean {
  return valueAt(report, "verified") === true;
}

/** Whether one reference figure of a run is worse than that of the machine that is meant by more than the tolerance. */
function isSlowMachine({ report }: ResultLine): boolean {
  const meant = REFERENCE[String(valueAt(report, "durability"))];
  const share = (path: string, meantFigure: number | null | undefined): number =>
    (figureAt(report, path) ?? Number.NaN) / (meantFigure ?? Number.NaN);
  const syncs = 1 / share("reference.fsyncMs", meant?.fsyncMs);
  const acks = share("reference.pubAcksPerSecond", meant?.pubAcksPerSecond);
  const rows = share("reference.sqliteRowsPerSecond", meant?.sqliteRowsPerSecond);
  return [syncs, acks, rows].some((speed) => speed < 1 - TOLERANCE);
}

function atLeast(of: string, name: string, path: string, bound: number): Goal {
  return { of, column: { name, figure: (report) => figureAt(report, path) }, kind: "at least", bound };
}

/** @param factor from the report's unit to the bound's */
function atMost(of: string, name: string, path: string, bound: number, factor = 1): Goal {
  const figure: FigureColumn["figure"] = (report) => {
    const value = figureAt(report, path);
    return value === null ? null : value * factor;
  };
  return { of, column: { name, figure }, kind: "at most", bound };
}
