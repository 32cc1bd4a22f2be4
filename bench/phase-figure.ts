// Where the time of a command goes, as reports tell it: one line a phase, medians over the runs, and what the engine
// cannot see as the caller's mean less the engine's.
// Does not own the phases (protocol/phases.ts) nor which runs count (reference-filter.ts).

import { figureText, markdownTable, spreadText } from "./figure-column.ts";
import type { Fields, ResultLine } from "./result-line.ts";
import { figureAt, valueAt } from "./result-line.ts";
import { spreadOf } from "./spread.ts";

/** Waits in ms, since a command waits for the whole of its turn; what the thread spends on it in µs. */
const FIGURES = [
  { name: "mean ms", field: "meanMicros", factor: 0.001 },
  { name: "thread µs a command", field: "workMicros", factor: 1 },
  { name: "p50 ms", field: "p50Micros", factor: 0.001 },
  { name: "p99 ms", field: "p99Micros", factor: 0.001 },
];

/** The table of several runs of one configuration; null when none of them tells. */
export function phaseTable(results: readonly ResultLine[]): string | null {
  const all = results.map(({ report }) => linesOf(report)).filter((lines) => lines.length > 0);
  const [first] = all;
  if (first === undefined) return null;
  const rows = first.map(({ phase }) => {
    const found = all.map((each) => each.find((line) => line["phase"] === phase));
    const lines = found.filter((line) => line !== undefined);
    const cells = FIGURES.map(({ field, factor }) => {
      const values = lines.flatMap((line) => figureAt(line, field) ?? []);
      return spreadText(spreadOf(values.map((value) => value * factor)));
    });
    return [String(phase), ...cells];
  });
  const publish = results.flatMap(({ report }) => figureAt(report, "caller.publishMicros") ?? []);
  if (publish.length > 0) {
    const mean = spreadText(spreadOf(publish.map((micros) => micros / 1000)));
    rows.unshift(["publish and way back", mean, ...FIGURES.slice(1).map(() => spreadText(null))]);
  }
  const told = results.flatMap(({ report }) => figureAt(report, "phases.sumOfTotal") ?? []);
  const sum = spreadOf(told);
  const share =
    sum === null
      ? ""
      : `\n\nThe phases add up to ${figureText(sum.median * 100)} % of the time measured as a whole.`;
  return `${markdownTable(["phase", ...FIGURES.map(({ name }) => name)], rows)}${share}`;
}

function linesOf(report: Fields): Fields[] {
  const lines = valueAt(report, "phases.lines");
  if (!Array.isArray(lines)) return [];
  return lines.flatMap((line: unknown) => (typeof line === "object" && line !== null ? [{ ...line }] : []));
}
