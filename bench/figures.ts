// Makes the tables and plots of docs/performance.md out of the results of a matrix: pure, so that the page can be made
// again from the file and says the same.
//
//   results ► those that count ► one figure a sweep: table and plots ► between its markers in the page
//
// Does not own: reading and writing files (figures-main.ts).

import type { FigureColumn } from "./figure-column.ts";
import { cpuMicros, figureText, markdownTable, spreadText } from "./figure-column.ts";
import { GOALS, goalTable } from "./goals.ts";
import type { Configuration, Sweep } from "./matrix-plan.ts";
import { configurationsOf } from "./matrix-plan.ts";
import { phaseTable } from "./phase-figure.ts";
import type { PointSeries, SpreadPoint } from "./plot/comparison-plot.ts";
import { comparisonPlot } from "./plot/comparison-plot.ts";
import type { RunPlotSlot } from "./plot/run-plot.ts";
import { runPlot } from "./plot/run-plot.ts";
import type { ScaleKind } from "./plot/scale.ts";
import type { FilteredResults } from "./reference-filter.ts";
import { REFERENCE_FIGURES } from "./reference-filter.ts";
import type { Fields, ResultLine } from "./result-line.ts";
import { figureAt, valueAt } from "./result-line.ts";
import { spreadOf } from "./spread.ts";

/** A picture beside a table. */
export interface FigurePlot {
  /** Without its ending. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** What stands between the markers of one name. */
export interface Figure {
  readonly name: string;
  readonly plots: readonly FigurePlot[];
  readonly table: string;
}

/** The configuration whose phases are shown. */
const PHASES_OF = "scenarios/strict/frames";
const PROCESSES = ["engine", "nats-server", "generator"];

/**
 * The figures of all sweeps that have a result, `machine`: what they were measured on, `goals`: how many runs reached
 * them, and `phases`: where the time of a command goes.
 */
export function figuresOf(sweeps: readonly Sweep[], filtered: FilteredResults): Figure[] {
  const results = [...filtered.counted, ...filtered.leftOut];
  if (results.length === 0) return [];
  const all = Map.groupBy(results, ({ name }) => name);
  const counted = Map.groupBy(filtered.counted, ({ name }) => name);
  const figures = sweeps.flatMap((sweep): Figure[] => {
    const rows = configurationsOf(sweep).filter(({ name }) => all.has(name));
    if (rows.length === 0) return [];
    const table = sweepTable(sweep, rows, { all, counted });
    return [{ name: sweep.name, plots: sweepPlots(sweep, rows, counted), table }];
  });
  const phases = phaseTable(counted.get(PHASES_OF) ?? []);
  const goals = goalTable(GOALS, results);
  return [
    { name: "machine", plots: [], table: machineTable(results, filtered) },
    ...(goals === null ? [] : [{ name: "goals", plots: [], table: goals }]),
    ...figures,
    ...(phases === null ? [] : [{ name: "phases", plots: [], table: phases }]),
  ];
}

/** A figure as Markdown: its pictures, whose files lie in `directory` as seen from the page, and its table. */
export function figureMarkdown({ plots, table }: Figure, directory: string): string {
  const pictures = plots.map(({ name, title }) => `![${title}](${directory}/${name}.svg)`);
  return [...pictures, table].filter((part) => part !== "").join("\n\n");
}

/**
 * How typical runs went over time: of each configuration of the first series of a sweep over names, the run with the
 * median rate of those that count. Null when no samples are there.
 * @param slotsOf the samples of a result's run, null when they are not there
 */
export function runsFigure(
  sweeps: readonly Sweep[],
  filtered: FilteredResults,
  slotsOf: (result: ResultLine) => readonly RunPlotSlot[] | null,
): Figure | null {
  const counted = Map.groupBy(filtered.counted, ({ name }) => name);
  const shown = sweeps.filter(({ varied }) => varied.kind === null).flatMap(firstSeriesOf);
  const plots = shown.flatMap(({ name, sweep, series, value }): FigurePlot[] => {
    const typical = typicalOf(counted.get(name) ?? []);
    const slots = typical === null ? null : slotsOf(typical);
    if (slots === null || slots.every(({ settledPerSecond }) => settledPerSecond === 0)) return [];
    const what = sweep === "scenarios" ? String(value) : `${sweep}, ${valueText(value)}`;
    const title = `${what}, ${series}: rate and latency over time`;
    const subtitle = "The run with the median rate.";
    return [{ name: `run-${name.replaceAll("/", "-")}`, title, svg: runPlot({ title, subtitle, slots }) }];
  });
  return plots.length === 0 ? null : { name: "runs", plots, table: "" };
}

function firstSeriesOf(sweep: Sweep): Configuration[] {
  return configurationsOf(sweep).filter(({ series }) => series === sweep.series[0]?.name);
}

function typicalOf(results: readonly ResultLine[]): ResultLine | null {
  const rate = ({ report }: ResultLine): number => figureAt(report, "settledPerSecond") ?? 0;
  const sorted = [...results].sort((left, right) => rate(left) - rate(right));
  return sorted[(sorted.length - 1) >> 1] ?? null;
}

type ByName = ReadonlyMap<string, readonly ResultLine[]>;

function sweepTable(
  sweep: Sweep,
  rows: readonly Configuration[],
  { all, counted }: { readonly all: ByName; readonly counted: ByName },
): string {
  const heading = [sweep.varied.name, "profile", ...sweep.columns.map(({ name }) => name), "runs", "proven"];
  const lines = rows.map(({ name, series, value }) => {
    const made = all.get(name) ?? [];
    const used = counted.get(name) ?? [];
    const cells = sweep.columns.map((column) => spreadText(spreadOf(figuresIn(used, column.figure))));
    const runs = used.length === made.length ? String(used.length) : `${used.length} of ${made.length}`;
    const isProven = made.every(({ report }) => isVerified(report));
    return [valueText(value), series, ...cells, runs, isProven ? "yes" : "**no**"];
  });
  return markdownTable(heading, lines);
}

function sweepPlots(sweep: Sweep, rows: readonly Configuration[], counted: ByName): FigurePlot[] {
  const { varied, title, name } = sweep;
  const { kind } = varied;
  if (kind === null) return [];
  const x = { name: axisName(varied.name, kind), kind };
  const pointsOf = (of: readonly Configuration[], figure: FigureColumn["figure"]): SpreadPoint[] =>
    of.flatMap((row) => pointAt(Number(row.value), figuresIn(counted.get(row.name) ?? [], figure)));
  const [rate] = sweep.columns;
  const subtitle = "Medians; whiskers from the slowest to the fastest run.";
  const series: PointSeries[] = sweep.series.flatMap((each) => {
    const points = pointsOf(
      rows.filter((row) => row.series === each.name),
      (report) => rate?.figure(report) ?? null,
    );
    return points.length === 0 ? [] : [{ name: each.name, points }];
  });
  const y = { name: rate?.name ?? "", kind: "linear" as const };
  const first = series[0]?.name ?? "";
  const measured = rows.filter((row) => row.series === first);
  const costs: PointSeries[] = PROCESSES.map((process) => {
    return { name: process, points: pointsOf(measured, (report) => cpuMicros(report, process)) };
  }).filter(({ points }) => points.length > 0);
  const cost = { title: `CPU of a command by ${varied.name}, ${first}`, subtitle, x };
  const micros = { name: "µs a settled command (log)", kind: "log" as const };
  if (series.length === 0) return [];
  return [
    { name, title, svg: comparisonPlot({ title, subtitle, x, y, series }) },
    {
      name: `${name}-cpu`,
      title: cost.title,
      svg: comparisonPlot({ ...cost, y: micros, series: costs }),
    },
  ];
}

function pointAt(x: number, values: readonly number[]): SpreadPoint[] {
  const spread = spreadOf(values);
  return spread === null ? [] : [{ x, median: spread.median, min: spread.min, max: spread.max }];
}

function axisName(name: string, kind: ScaleKind): string {
  return kind === "log" ? `${name} (log)` : name;
}

function machineTable(results: readonly ResultLine[], filtered: FilteredResults): string {
  const distinct = (of: (result: ResultLine) => string): string => [...new Set(results.map(of))].join(", ");
  const dates = results.map(({ date }) => date.slice(0, 10)).sort();
  const [first = ""] = dates;
  const last = dates.at(-1) ?? "";
  const facts = [
    ["CPU", distinct(({ machine }) => `${machine.cpu}, ${machine.cores} cores`)],
    ["memory", distinct(({ machine }) => `${figureText(machine.memoryBytes / 2 ** 30)} GiB`)],
    ["kernel", distinct(({ machine }) => machine.kernel)],
    ["Node", distinct(({ machine }) => machine.node)],
    ["nats-server", distinct(({ machine }) => machine.natsServer)],
    ["commit", distinct(({ machine }) => machine.commit ?? "unknown")],
    ["measured", first === last ? first : `${first} to ${last}`],
    ["runs", runsText(results, filtered)],
    ...[...filtered.references].flatMap(([profile, spreads]) =>
      spreads.map((spread, index) => {
        return [`${REFERENCE_FIGURES[index]?.name ?? ""} (${profile})`, spreadText(spread)];
      }),
    ),
  ];
  return markdownTable(["machine", ""], facts);
}

function runsText(results: readonly ResultLine[], { counted, leftOut, tolerance }: FilteredResults): string {
  const percent = figureText(tolerance * 100);
  const proven = results.filter(({ report }) => isVerified(report)).length;
  const left =
    leftOut.length === 0
      ? ""
      : `, ${leftOut.length} left out (reference more than ${percent} % off the median)`;
  return `${counted.length} counted${left}; ${proven} of ${results.length} proven`;
}

function figuresIn(results: readonly ResultLine[], figure: FigureColumn["figure"]): number[] {
  return results.flatMap(({ report }) => figure(report) ?? []);
}

function isVerified(report: Fields): boolean {
  return valueAt(report, "verified") === true;
}

function valueText(value: number | string): string {
  return typeof value === "number" ? value.toLocaleString("en-US") : value;
}
