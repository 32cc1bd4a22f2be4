// What tables show of a report: columns with their units, and how a figure becomes text.
// Does not own which configurations a table has (matrix-plan.ts) nor which runs count (reference-filter.ts).
// Invariant: a figure that a report does not have is null and shows as a dash, never as zero.

import type { Fields } from "./result-line.ts";
import { figureAt } from "./result-line.ts";
import type { Spread } from "./spread.ts";

/** A column: the figure of one report, null where it has none. */
export interface FigureColumn {
  readonly name: string;
  figure(report: Fields): number | null;
}

/** CPU time of a process for each settled command, µs. */
export function cpuMicros(report: Fields, processName: string): number | null {
  const cores = figureAt(report, `cpu.${processName}`);
  const settled = figureAt(report, "settledPerSecond");
  return cores === null || settled === null || settled === 0 ? null : (cores * 1e6) / settled;
}

/** Columns of scenarios and sweeps. */
export const RATE_COLUMNS: readonly FigureColumn[] = [
  column("settled/s", "settledPerSecond"),
  column("p50 ms", "latencyMs.p50"),
  column("p99 ms", "latencyMs.p99"),
  { name: "engine µs a command", figure: (report) => cpuMicros(report, "engine") },
];

/** Columns of a fixed rate: how long an outcome takes when nothing waits in line. */
export const LATENCY_COLUMNS: readonly FigureColumn[] = [
  column("settled/s", "settledPerSecond"),
  column("p50 ms", "latencyMs.p50"),
  column("p95 ms", "latencyMs.p95"),
  column("p99 ms", "latencyMs.p99"),
  column("max ms", "latencyMs.max"),
];

/** Columns of the scenario that sends nothing. */
export const IDLE_COLUMNS: readonly FigureColumn[] = [
  column("engine % of a core", "cpu.engine", 100),
  column("nats-server % of a core", "cpu.nats-server", 100),
  column("engine MB", "rss.engine", 1 / 2 ** 20),
  column("nats-server MB", "rss.nats-server", 1 / 2 ** 20),
];

/** Columns of the scenario that fills a shard file. */
export const GROWTH_COLUMNS: readonly FigureColumn[] = [
  column("rows", "growth.rows"),
  column("settled/s at 1 M rows", "growth.rateAt1M"),
  column("settled/s at the end", "growth.rateAtEnd"),
  column("ratio", "growth.ratio"),
  column("longest pause ms", "growth.longestPauseMs"),
  column("engine MB", "growth.rssBytes", 1 / 2 ** 20),
  column("restart ms", "growth.restartMs"),
  column("restart after kill -9 ms", "growth.restartAfterKillMs"),
];

/** Columns of the long run at a fixed rate. */
export const SOAK_COLUMNS: readonly FigureColumn[] = [
  column("offered/s", "offeredPerSecond"),
  column("settled/s", "settledPerSecond"),
  column("p95 ms", "latencyMs.p95"),
  column("engine memory, last quarter to second", "soak.rssRatio"),
  column("longest pause ms", "soak.longestPauseMs"),
  column("lost", "soak.lost"),
];

/** `82,300 (79,100..84,000)`: the median, and the ends when there are several runs. */
export function spreadText(spread: Spread | null): string {
  if (spread === null) return "–";
  const { median, min, max, count } = spread;
  return count === 1 ? figureText(median) : `${figureText(median)} (${figureText(min)}..${figureText(max)})`;
}

/** Three significant digits with separators of thousands. */
export function figureText(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/** A table in Markdown. */
export function markdownTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heading), line(heading.map(() => "---")), ...rows.map(line)].join("\n");
}

function column(name: string, path: string, factor = 1): FigureColumn {
  return {
    name,
    figure: (report) => {
      const value = figureAt(report, path);
      return value === null ? null : value * factor;
    },
  };
}
