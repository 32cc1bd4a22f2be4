// One scenario over time: transfers settled a second by Coffer and by the baseline above, latencies below. The slices
// of each system stand one after the other, as if there had been no others between them.

import { curve, plainLine } from "../plot/marker.ts";
import { leftFor, Panel } from "../plot/panel.ts";
import { amountScale, timeScale } from "../plot/scale.ts";
import { drawHead, drawSheet, MARGIN, seriesClass } from "../plot/sheet.ts";
import { element } from "../plot/svg.ts";
import type { LoadSample } from "./load-plan.ts";

const RATE_HEIGHT = 180;
const LATENCY_HEIGHT = 180;

/** What is drawn of a second. */
export type PlottedSample = Pick<LoadSample, "seconds" | "settled" | "latencyMs">;

/** One system's seconds, in order. */
export interface HttpPlotSystem {
  readonly name: string;
  readonly samples: readonly PlottedSample[];
}

/** What to draw: at most two systems. */
export interface HttpPlot {
  readonly title: string;
  readonly subtitle: string;
  readonly systems: readonly HttpPlotSystem[];
}

type Points = readonly (readonly [seconds: number, value: number])[];
interface Series {
  readonly name: string;
  readonly points: Points;
}

/** The figure as an SVG document. Never throws. */
export function httpPlot({ title, subtitle, systems }: HttpPlot): string {
  const rates = systems.map(({ name, samples }) => {
    return { name, points: pointsOf(samples, (each) => each.settled / each.seconds) };
  });
  const latencies = systems.flatMap(({ name, samples }) => [
    { name: `${name} p50`, points: pointsOf(samples, ({ latencyMs }) => latencyMs?.p50 ?? null) },
    { name: `${name} p99`, points: pointsOf(samples, ({ latencyMs }) => latencyMs?.p99 ?? null) },
  ]);
  const legend = [...rates, ...latencies].map(({ name }) => ({ name, mark: plainLine() }));
  const head = drawHead({ title, subtitle, legend });
  const seconds = systems.map(({ samples }) => samples.reduce((sum, each) => sum + each.seconds, 0));
  const rate = amountScale("linear", valuesOf(rates), 5);
  const latency = amountScale("linear", valuesOf(latencies), 5);
  const shared = { left: leftFor([rate, latency]), inset: 0, x: timeScale(0, Math.max(1, ...seconds)) };
  const upper = new Panel({
    ...{ ...shared, top: head.bottom, height: RATE_HEIGHT, y: rate },
    ...{ yName: "transfers settled a second", xName: null },
  });
  const lower = new Panel({
    ...{ ...shared, top: upper.end, height: LATENCY_HEIGHT, y: latency },
    ...{ yName: "latency of requests in ms", xName: "seconds of load" },
  });
  const parts = [
    ...[...head.parts, ...upper.axes(), ...lower.axes()],
    ...drawAll(upper, rates, 0),
    ...drawAll(lower, latencies, rates.length),
  ];
  const description = `Transfers settled a second and latency, over time, of ${systems.map(({ name }) => name).join(" and ")}.`;
  return drawSheet({ title, description, height: lower.end + MARGIN - 12 }, parts);
}

function pointsOf(
  samples: readonly PlottedSample[],
  value: (sample: PlottedSample) => number | null,
): Points {
  let atSeconds = 0;
  return samples.flatMap((sample) => {
    const middle = atSeconds + sample.seconds / 2;
    atSeconds += sample.seconds;
    const found = value(sample);
    return found === null ? [] : [[middle, found] as const];
  });
}

function valuesOf(series: readonly Series[]): number[] {
  return series.flatMap(({ points }) => points.map(([, value]) => value));
}

function drawAll(panel: Panel, series: readonly Series[], firstColour: number): string[] {
  return series.map(({ points }, index) => {
    const places = points.map(([x, y]): [number, number] => [panel.x(x), panel.y(y)]);
    const line = places.length === 0 ? "" : curve(places);
    return element("g", { class: seriesClass(firstColour + index) }, line, "");
  });
}
