// Points and lines of a series. Each series has a shape of its own besides its colour, so that a figure printed in
// grey, or seen by eyes that do not tell its colours apart, still says which is which.

import type { Attributes } from "./svg.ts";
import { element, pathOf } from "./svg.ts";

/** Half of a point's width, px. */
const POINT_RADIUS = 4.5;

const SHAPES: readonly (readonly (readonly [number, number])[])[] = [
  [],
  regular(4, 45),
  regular(3, -90),
  regular(4, 0),
  regular(3, 90),
  regular(5, -90),
  regular(6, 0),
];

/** The point of the series `index` with its middle at 0, 0, in the current colour. */
export function marker(index: number, attributes: Attributes = {}): string {
  const paint = { class: "edge", fill: "currentColor", "stroke-width": 1, ...attributes };
  const shape = SHAPES[index % SHAPES.length] ?? [];
  if (shape.length === 0) return element("circle", { ...paint, r: POINT_RADIUS });
  return element("path", { ...paint, d: `${pathOf(shape)}Z` });
}

/** What a legend shows for a series with points. */
export function markedLine(index: number): string {
  return plainLine() + marker(index);
}

/** What a legend shows for a series that is a line alone. */
export function plainLine(): string {
  return element("line", { x1: -12, x2: 12, y1: 0, y2: 0, stroke: "currentColor", "stroke-width": 2 });
}

/** A line through points, in the current colour; a single point becomes a dot. */
export function curve(points: readonly (readonly [number, number])[]): string {
  const [first] = points;
  if (first === undefined) return "";
  if (points.length === 1)
    return element("circle", { cx: first[0], cy: first[1], r: 3, fill: "currentColor" });
  const stroke = { stroke: "currentColor", "stroke-width": 1.8, "stroke-linejoin": "round" };
  return element("path", { fill: "none", ...stroke, d: pathOf(points) });
}

/** Corners of a regular shape, the first at `degrees`, on a circle that gives all shapes about the same area. */
function regular(corners: number, degrees: number): [number, number][] {
  const radius = corners === 3 ? POINT_RADIUS * 1.4 : POINT_RADIUS * 1.2;
  return Array.from({ length: corners }, (_, corner) => {
    const angle = (degrees / 180 + (2 * corner) / corners) * Math.PI;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}
