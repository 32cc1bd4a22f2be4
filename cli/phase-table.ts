// `coffer status --phases` as text: where the time of commands goes, one table under its title.
//
// Does not own any figure: means, shares and percentiles come from protocol/phases. Unknown ones are shown as `-`.

import type { PhaseSummary } from "../protocol/phases.ts";
import { columns } from "./output.ts";

const HEAD = ["phase", "mean us", "share", "p50 us", "p99 us", "work us"];

/** One table under its title; a line when no command was measured. Times in µs a command. */
export function phaseTable(title: string, summary: PhaseSummary): string {
  const { commands, records, turns, lines, sumMicros, totalMicros, sumOfTotal } = summary;
  if (sumOfTotal === null) return `${title}: no commands since the shard became active`;
  const rows = lines.map((line) => [
    line.phase,
    micros(line.meanMicros),
    percent(line.share),
    micros(line.p50Micros),
    micros(line.p99Micros),
    line.phase === "log" || line.phase === "queue" ? "-" : line.workMicros.toFixed(2),
  ]);
  const workMicros = lines.reduce((sum, line) => sum + line.workMicros, 0);
  const sum = ["sum", micros(sumMicros), "100.0 %", "", "", workMicros.toFixed(2)];
  const total = [
    "total",
    micros(totalMicros),
    "",
    micros(summary.totalP50Micros),
    micros(summary.totalP99Micros),
    `sum / total ${percent(sumOfTotal)}`,
  ];
  const head = `${title}: ${commands} commands, ${records} records, ${turns} turns`;
  return `${head}\n${columns([HEAD, ...rows, sum, total], "  ")}`;
}

function micros(value: number | null): string {
  return value === null ? "-" : String(Math.round(value));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
