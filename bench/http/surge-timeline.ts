// A surge second by second, as a table and as a figure: what settled and what was shed, how long it took, and the
// gateway's memory. Phases stand one after the other on one axis, each named on a band.

import { type CsvField, csvText } from "../csv.ts";
import { curve, plainLine } from "../plot/marker.ts";
import { leftFor, Panel, type PanelPlan } from "../plot/panel.ts";
import { amountScale, timeScale } from "../plot/scale.ts";
import { drawHead, drawSheet, label, MARGIN, seriesClass } from "../plot/sheet.ts";
import { element } from "../plot/svg.ts";
import type { Slice } from "./http-slice.ts";
import type { MemoryReading } from "./memory-watch.ts";

const PANEL_HEIGHT = 140;
const HEADING = [
  ...["seconds", "phase", "settled_per_second", "shed_per_second", "answered_per_second"],
  ...["p50_ms", "p95_ms", "p99_ms", "gateway_rss_mb"],
];

/** One second. */
export interface SurgeSecond {
  /** From the start of the first phase to the middle of this one, phases without what lies between them. */
  readonly atSeconds: number;
  readonly phase: string;
  readonly settled: number;
  readonly shed: number;
  readonly answered: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  readonly rssMb: number | null;
}

/** The seconds of a slice, in order. */
export function surgeSeconds({ result, memory }: Pick<Slice, "result" | "memory">): SurgeSecond[] {
  let passed = 0;
  return result.phases.flatMap(({ name, samples }) =>
    samples.map(({ endMs, seconds, settled, shed, answered, latencyMs }) => {
      const atSeconds = passed + seconds / 2;
      passed += seconds;
      const rate = (count: number): number => Math.round(count / seconds);
      return {
        ...{ atSeconds, phase: name, latencyMs, rssMb: rssAt(memory, endMs) },
        ...{ settled: rate(settled), shed: rate(shed), answered: rate(answered) },
      };
    }),
  );
}

/** As a table, one line a second. */
export function surgeCsv(seconds: readonly SurgeSecond[]): string {
  const rows = seconds.map(({ atSeconds, phase, settled, shed, answered, latencyMs, rssMb }): CsvField[] => [
    ...[atSeconds.toFixed(1), phase, settled, shed, answered],
    ...[latencyMs?.p50 ?? null, latencyMs?.p95 ?? null, latencyMs?.p99 ?? null, rssMb],
  ]);
  return csvText(HEADING, rows);
}

interface Drawn {
  readonly name: string;
  readonly value: (second: SurgeSecond) => number | null;
}

const RATES: readonly Drawn[] = [
  { name: "settled", value: ({ settled }) => settled },
  { name: "shed", value: ({ shed }) => shed },
];
const LATENCIES: readonly Drawn[] = [
  { name: "latency p50", value: ({ latencyMs }) => latencyMs?.p50 ?? null },
  { name: "latency p95", value: ({ latencyMs }) => latencyMs?.p95 ?? null },
];
const MEMORY: readonly Drawn[] = [{ name: "gateway's memory", value: ({ rssMb }) => rssMb }];

/** As an SVG document. Never throws. */
export function surgePlot(title: string, subtitle: string, seconds: readonly SurgeSecond[]): string {
  const groups = [RATES, LATENCIES, MEMORY];
  const legend = groups.flat().map(({ name }) => ({ name, mark: plainLine() }));
  const head = drawHead({ title, subtitle, legend });
  const scales = groups.map((drawn) => amountScale("linear", valuesOf(seconds, drawn), 4));
  const x = timeScale(0, Math.max(1, seconds.at(-1)?.atSeconds ?? 0));
  const shared = { left: leftFor(scales), inset: 0, x, height: PANEL_HEIGHT };
  const yNames = ["requests a second", "latency in ms of what was not shed", "resident memory in MB"];
  let top = head.bottom;
  let colour = 0;
  const parts = groups.flatMap((drawn, index) => {
    const isLast = index === groups.length - 1;
    const y = scales[index] ?? amountScale("linear", [], 4);
    const plan: PanelPlan = {
      ...shared,
      top,
      y,
      yName: yNames[index] ?? "",
      xName: isLast ? "seconds" : null,
    };
    const panel = new Panel(plan);
    const lines = drawn.map((each, place) => drawLine(panel, seconds, { ...each, colour: colour + place }));
    top = panel.end;
    colour += drawn.length;
    return [...bands(panel, seconds), ...panel.axes(), ...lines];
  });
  const description = `What settled and what was shed each second, latency and the gateway's memory: ${subtitle}.`;
  return drawSheet({ title, description, height: top + MARGIN - 12 }, [...head.parts, ...parts]);
}

function drawLine(
  panel: Panel,
  seconds: readonly SurgeSecond[],
  { value, colour }: Drawn & { readonly colour: number },
): string {
  const points = seconds.flatMap((second): [number, number][] => {
    const found = value(second);
    return found === null ? [] : [[panel.x(second.atSeconds), panel.y(found)]];
  });
  return element("g", { class: seriesClass(colour) }, points.length === 0 ? "" : curve(points), "");
}

/** A band behind the surge, with its name. */
function bands(panel: Panel, seconds: readonly SurgeSecond[]): string[] {
  const surge = seconds.filter(({ phase }) => phase === "surge");
  const [first, last] = [surge[0], surge.at(-1)];
  if (first === undefined || last === undefined) return [];
  const [from, to] = [panel.x(first.atSeconds), panel.x(last.atSeconds)];
  const place = { x: from, y: panel.top, width: Math.max(1, to - from), height: panel.bottom - panel.top };
  const text = { x: from + 6, y: panel.top + 14, class: "soft", "font-size": 11 };
  return [element("rect", { class: "band", ...place }), label("surge", text)];
}

function valuesOf(seconds: readonly SurgeSecond[], drawn: readonly Drawn[]): number[] {
  return drawn.flatMap(({ value }) => seconds.map(value)).filter((each) => each !== null);
}

/** The last reading before a moment, MB. */
function rssAt(memory: readonly MemoryReading[], atMs: number): number | null {
  const bytes = memory.findLast((reading) => reading.atMs <= atMs)?.rssBytes.get("gateway");
  return bytes === undefined ? null : Math.round(bytes / 2 ** 20);
}
