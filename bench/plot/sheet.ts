// The sheet that a figure is drawn on: ground, title, subtitle and legend from the top down, then panels; text that
// screen readers find; colours for light and dark surroundings.
//
// A sheet brings its own ground: a figure on a page is an image, which cannot know the page's colour. Series differ in
// colour and, where they have points, in the points' shape; the colours are those of Okabe and Ito (2008), which
// people with any kind of colour blindness can tell apart, lighter ones on the dark ground.

import type { Attributes } from "./svg.ts";
import { element, textElement } from "./svg.ts";

/** Width of all figures, px. */
export const SHEET_WIDTH = 860;
/** Free space on all four sides, px. */
export const MARGIN = 24;
/** Series that can be told apart. */
export const SERIES_MAX = 7;

const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#b0528e", "#b57b00", "#56606b", "#3a9fd6"];
const DARK = ["#5ab4f0", "#ff8c42", "#2fc99a", "#e39bc8", "#f0c23c", "#b6bfc9", "#9fd8ff"];
const FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";
const TITLE_PX = 18;
const TEXT_PX = 13;
const LEGEND_GAP = 22;
const MARK_WIDTH = 24;

/** What stands above the panels. */
export interface SheetHead {
  readonly title: string;
  /** Conditions of the measurement, in one or two lines; may be empty. */
  readonly subtitle: string;
  /** Names of the series, in the order of their colours. */
  readonly legend: readonly { readonly name: string; readonly mark: string }[];
}

/** The head as SVG, and where the panels begin. */
export interface DrawnHead {
  readonly parts: readonly string[];
  readonly bottom: number;
}

/** Draws title, subtitle and legend; long ones take more lines. */
export function drawHead({ title, subtitle, legend }: SheetHead): DrawnHead {
  const parts: string[] = [];
  let y = MARGIN;
  const write = (text: string, size: number, name: string): void => {
    for (const line of wrapped(text, size, SHEET_WIDTH - 2 * MARGIN)) {
      parts.push(label(line, { x: MARGIN, y: y + size, class: name, "font-size": size }));
      y += Math.round(size * 1.4);
    }
  };
  write(title, TITLE_PX, "ink strong");
  write(subtitle, TEXT_PX, "soft");
  if (legend.length === 0) return { parts, bottom: y + 8 };
  y += 10;
  let x = MARGIN;
  for (const [index, { name, mark }] of legend.entries()) {
    const width = MARK_WIDTH + 6 + textWidth(name, TEXT_PX);
    if (x > MARGIN && x + width > SHEET_WIDTH - MARGIN) {
      x = MARGIN;
      y += 20;
    }
    const middle = `translate(${x + MARK_WIDTH / 2} ${y + 7})`;
    parts.push(element("g", { class: seriesClass(index), transform: middle }, mark));
    parts.push(label(name, { x: x + MARK_WIDTH + 6, y: y + 11, class: "ink" }));
    x += width + LEGEND_GAP;
  }
  return { parts, bottom: y + 24 };
}

/** The whole figure. `description` is read to those who cannot see it. */
export function drawSheet(
  { title, description, height }: { title: string; description: string; height: number },
  parts: readonly string[],
): string {
  const id = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${SHEET_WIDTH} ${height}`,
    width: SHEET_WIDTH,
    height,
    role: "img",
    "aria-labelledby": `t-${id} d-${id}`,
    "font-family": FONT,
    "font-size": TEXT_PX,
  };
  const ground = { class: "ground", x: 0.5, y: 0.5, width: SHEET_WIDTH - 1, height: height - 1, rx: 8 };
  const lines = [
    textElement("title", { id: `t-${id}` }, title),
    textElement("desc", { id: `d-${id}` }, description),
    `<style>${STYLE}</style>`,
    element("rect", ground),
    ...parts,
  ];
  return `${element("svg", root, `\n${lines.join("\n")}\n`)}\n`;
}

/** A line of text. */
export function label(text: string, attributes: Attributes): string {
  return textElement("text", attributes, text);
}

/** The class that gives a series its colour; currentColor inside. */
export function seriesClass(index: number): string {
  return `s${index % SERIES_MAX}`;
}

/** About how wide a text is, px: rather too wide than too narrow, as fonts differ. */
export function textWidth(text: string, size: number): number {
  return text.length * size * 0.56;
}

function wrapped(text: string, size: number, widthMax: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((each) => each !== "")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length > 0 && textWidth(longer, size) <= widthMax) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

const STYLE = [
  ".ground{fill:#fff;stroke:#d1d9e0}.ink{fill:#1f2328}.soft{fill:#59636e}.strong{font-weight:600}",
  ".grid{stroke:#e6eaee}.axis{stroke:#818b98}.edge{stroke:#fff}.band{fill:#eef1f4}",
  ...LIGHT.map((colour, index) => `.s${index}{color:${colour}}`),
  "@media (prefers-color-scheme:dark){",
  ".ground{fill:#0d1117;stroke:#3d444d}.ink{fill:#f0f6fc}.soft{fill:#9198a1}",
  ".grid{stroke:#252b33}.axis{stroke:#656c76}.edge{stroke:#0d1117}.band{fill:#161c24}",
  ...DARK.map((colour, index) => `.s${index}{color:${colour}}`),
  "}",
].join("");
