// Compares runs: what was varied on the lower axis, what came out of it above, one line a series; each point is the
// median of several runs, with whiskers from the least to the greatest of them.

import { markedLine, marker } from "./marker.ts";
import { numberLabel } from "./number-label.ts";
import { leftFor, Panel } from "./panel.ts";
import type { ScaleKind } from "./scale.ts";
import { amountScale, isShown, variedScale } from "./scale.ts";
import { drawHead, drawSheet, label, MARGIN, seriesClass } from "./sheet.ts";
import { element, pathOf } from "./svg.ts";

const PLOT_HEIGHT = 300;
const INSET = 28;
const CAP = 4;
/** Space between points of different series at one place, px, so that whiskers do not cover each other. */
const APART = 5;

/** An axis: what it shows, with its unit, and how. */
export interface AxisPlan {
  readonly name: string;
  readonly kind: ScaleKind;
}

/** Runs of one configuration. */
export interface SpreadPoint {
  readonly x: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Configurations that belong together. */
export interface PointSeries {
  readonly name: string;
  readonly points: readonly SpreadPoint[];
}

/** What to draw. Series beyond SERIES_MAX repeat colours. */
export interface ComparisonPlot {
  readonly title: string;
  readonly subtitle: string;
  readonly x: AxisPlan;
  readonly y: AxisPlan;
  readonly series: readonly PointSeries[];
}

/** The figure as an SVG document. Points that a log axis cannot show are left out. Never throws. */
export function comparisonPlot(plot: ComparisonPlot): string {
  const series = plot.series.map(({ name, points }) => ({ name, points: shownPoints(plot, points) }));
  const points = series.flatMap((each) => each.points);
  const x = variedScale(
    plot.x.kind,
    points.map((point) => point.x),
  );
  const y = amountScale(
    plot.y.kind,
    points.flatMap(({ min, max }) => [min, max]),
    5,
  );
  const legend =
    series.length < 2 ? [] : series.map(({ name }, index) => ({ name, mark: markedLine(index) }));
  const head = drawHead({ title: plot.title, subtitle: plot.subtitle, legend });
  const panel = new Panel({
    top: head.bottom,
    height: PLOT_HEIGHT,
    left: leftFor([y]),
    inset: INSET,
    x,
    y,
    yName: plot.y.name,
    xName: plot.x.name,
  });
  const drawn = series.map((each, index) => {
    const aside = (index - (series.length - 1) / 2) * APART;
    return drawSeries(panel, each.points, { index, aside });
  });
  const parts = [...head.parts, ...panel.axes(), ...(points.length === 0 ? [noData(panel)] : drawn)];
  const sheet = {
    title: plot.title,
    description: describe(plot, series),
    height: panel.end + MARGIN - 12,
  };
  return drawSheet(sheet, parts);
}

/** What a panel without anything to show says. */
export function noData(panel: Panel): string {
  const x = (panel.left + panel.right) / 2;
  const y = (panel.top + panel.bottom) / 2;
  return label("no data", { x, y, class: "soft", "text-anchor": "middle" });
}

function shownPoints({ x, y }: ComparisonPlot, points: readonly SpreadPoint[]): SpreadPoint[] {
  const isPointShown = (point: SpreadPoint): boolean =>
    isShown(x.kind, point.x) && [point.median, point.min, point.max].every((each) => isShown(y.kind, each));
  return points.filter(isPointShown).sort((left, right) => left.x - right.x);
}

function drawSeries(
  panel: Panel,
  points: readonly SpreadPoint[],
  { index, aside }: { readonly index: number; readonly aside: number },
): string {
  const line = pathOf(points.map((point) => [panel.x(point.x) + aside, panel.y(point.median)]));
  const stroke = { stroke: "currentColor", "stroke-width": 1.5, fill: "none" };
  const parts = points.length < 2 ? [] : [element("path", { ...stroke, "stroke-opacity": "0.6", d: line })];
  for (const point of points) {
    const at = panel.x(point.x) + aside;
    if (point.max > point.min) {
      const [low, high] = [panel.y(point.min), panel.y(point.max)];
      const caps = `M${at - CAP} ${low}h${2 * CAP}M${at - CAP} ${high}h${2 * CAP}M${at} ${low}V${high}`;
      parts.push(element("path", { ...stroke, d: rounded(caps) }));
    }
    parts.push(marker(index, { transform: rounded(`translate(${at} ${panel.y(point.median)})`) }));
  }
  return element("g", { class: seriesClass(index) }, ...parts);
}

function rounded(text: string): string {
  return text.replace(/\d+\.\d{3,}/g, (digits) => String(Math.round(Number(digits) * 100) / 100));
}

function describe({ x, y }: ComparisonPlot, series: readonly PointSeries[]): string {
  const all = series.map(({ name, points }) => {
    const values = points.map(
      ({ x: place, median, min, max }) =>
        `${numberLabel(place)}: ${numberLabel(median)} (${numberLabel(min)} to ${numberLabel(max)})`,
    );
    return `${name}: ${values.length === 0 ? "no data" : values.join(", ")}.`;
  });
  return `${y.name} against ${x.name}, medians with the least and greatest of the runs. ${all.join(" ")}`;
}
