// One run over time: commands settled and accepted a second above, latency quantiles of each second below.
// A slot in which nothing settled has no latency: the lines have a gap there, and the rate shows zero.
// The warm-up lies on a band: it is shown, and it is in none of the figures of the run.

import { noData } from "./comparison-plot.ts";
import { curve, plainLine } from "./marker.ts";
import { numberLabel } from "./number-label.ts";
import { leftFor, Panel } from "./panel.ts";
import type { Scale } from "./scale.ts";
import { amountScale, timeScale } from "./scale.ts";
import { drawHead, drawSheet, label, MARGIN, seriesClass } from "./sheet.ts";
import { element } from "./svg.ts";

const RATE_HEIGHT = 180;
const LATENCY_HEIGHT = 150;
/** Latencies that differ more than this are shown on a log axis. */
const LOG_FROM = 30;

/** One slot of the run. */
export interface RunPlotSlot {
  /** Before what is measured. */
  readonly isWarmUp: boolean;
  /** Seconds since the run began. */
  readonly fromSeconds: number;
  readonly seconds: number;
  readonly settledPerSecond: number;
  readonly acceptedPerSecond: number;
  /** Null = nothing settled in this slot. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
}

/** What to draw. */
export interface RunPlot {
  readonly title: string;
  readonly subtitle: string;
  readonly slots: readonly RunPlotSlot[];
}

type Value = (slot: RunPlotSlot) => number | null;

const RATES: readonly (readonly [string, Value])[] = [
  ["settled", (slot) => slot.settledPerSecond],
  ["accepted", (slot) => slot.acceptedPerSecond],
];
const LATENCIES: readonly (readonly [string, Value])[] = [
  ["latency p50", (slot) => slot.latencyMs?.p50 ?? null],
  ["p95", (slot) => slot.latencyMs?.p95 ?? null],
  ["p99", (slot) => slot.latencyMs?.p99 ?? null],
];

/** The figure as an SVG document. Never throws. */
export function runPlot({ title, subtitle, slots }: RunPlot): string {
  const legend = [...RATES, ...LATENCIES].map(([name]) => ({ name, mark: plainLine() }));
  const head = drawHead({ title, subtitle, legend });
  const last = slots.at(-1);
  const time = timeScale(slots[0]?.fromSeconds ?? 0, (last?.fromSeconds ?? 0) + (last?.seconds ?? 1));
  const rate = amountScale("linear", valuesOf(slots, RATES), 5);
  const latency = latencyScale(valuesOf(slots, LATENCIES));
  const left = leftFor([rate, latency]);
  const shared = { left, inset: 0, x: time };
  const upper = new Panel({
    ...shared,
    top: head.bottom,
    height: RATE_HEIGHT,
    y: rate,
    yName: "commands a second",
    xName: null,
  });
  const lower = new Panel({
    ...shared,
    top: upper.end,
    height: LATENCY_HEIGHT,
    y: latency,
    yName: `latency in ms${latency.kind === "log" ? " (log)" : ""}`,
    xName: "seconds since the run began",
  });
  const parts = [
    ...head.parts,
    ...warmUpBand(upper, slots),
    ...warmUpBand(lower, slots),
    ...upper.axes(),
    ...lower.axes(),
    ...(slots.length === 0 ? [noData(upper), noData(lower)] : []),
    ...drawAll(upper, slots, { values: RATES, firstColour: 0 }),
    ...drawAll(lower, slots, { values: LATENCIES, firstColour: RATES.length }),
  ];
  return drawSheet({ title, description: describe(slots), height: lower.end + MARGIN - 12 }, parts);
}

/** What lies behind the slots of the warm-up; nothing without one. */
function warmUpBand(panel: Panel, slots: readonly RunPlotSlot[]): string[] {
  const last = slots.findLast(({ isWarmUp }) => isWarmUp);
  if (last === undefined) return [];
  const width = panel.x(last.fromSeconds + last.seconds) - panel.left;
  const band = { class: "band", x: panel.left, y: panel.top, width, height: panel.bottom - panel.top };
  const text = { x: panel.left + 6, y: panel.top + 14, class: "soft", "font-size": 11 };
  return [element("rect", band), label("warm-up", text)];
}

function latencyScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > 0);
  const spread = Math.max(...positive) / Math.min(...positive);
  return amountScale(positive.length > 0 && spread > LOG_FROM ? "log" : "linear", values, 4);
}

function valuesOf(slots: readonly RunPlotSlot[], values: readonly (readonly [string, Value])[]): number[] {
  return values.flatMap(([, value]) => slots.map(value)).filter((each) => each !== null);
}

/** The last series first, so that the first one lies on top. */
function drawAll(
  panel: Panel,
  slots: readonly RunPlotSlot[],
  { values, firstColour }: { values: readonly (readonly [string, Value])[]; firstColour: number },
): string[] {
  const drawn = values.map(([, value], index) => {
    const curves = stretches(panel, slots, value).map(curve);
    return element("g", { class: seriesClass(firstColour + index) }, ...curves, "");
  });
  return drawn.reverse();
}

/** Points in the middle of their slots, cut where a slot has no value. */
function stretches(panel: Panel, slots: readonly RunPlotSlot[], value: Value): [number, number][][] {
  const all: [number, number][][] = [[]];
  for (const slot of slots) {
    const y = value(slot);
    if (y === null || !Number.isFinite(y)) all.push([]);
    else all.at(-1)?.push([panel.x(slot.fromSeconds + slot.seconds / 2), panel.y(y)]);
  }
  return all.filter((stretch) => stretch.length > 0);
}

function describe(slots: readonly RunPlotSlot[]): string {
  const measured = slots.filter(({ isWarmUp }) => !isWarmUp);
  const rates = measured.map((slot) => slot.settledPerSecond);
  const p99 = measured.flatMap((slot) => (slot.latencyMs === null ? [] : [slot.latencyMs.p99]));
  if (measured.length === 0)
    return "Commands settled and accepted a second, and latency, over time. No data.";
  const settled = `Settled a second: ${numberLabel(Math.min(...rates))} to ${numberLabel(Math.max(...rates))}.`;
  const slow = p99.length === 0 ? "" : ` Latency p99: up to ${numberLabel(Math.max(...p99))} ms.`;
  return `Commands settled and accepted a second, and latency, over time. ${settled}${slow}`;
}
