// One pair of axes on a sheet: grid, ticks with their labels, and names with units. Panels that stand below one
// another share their left edge, so that equal times lie above each other.
//
// Does not own: what is drawn inside.

import { numberLabel } from "./number-label.ts";
import type { Scale } from "./scale.ts";
import { placeOf } from "./scale.ts";
import { label, MARGIN, SHEET_WIDTH, textWidth } from "./sheet.ts";
import { element } from "./svg.ts";

const TICK_PX = 12;
/** Room above the plot for the name of its values, and below it for ticks and the name of the lower axis, px. */
const NAME_HEIGHT = 26;
/** See NAME_HEIGHT. */
const TICKS_HEIGHT = 22;
const LABEL_GAP = 8;

/** Where a panel lies and what it shows. */
export interface PanelPlan {
  /** Upper edge of the panel, its name included, px. */
  readonly top: number;
  /** Of the plot alone, px. */
  readonly height: number;
  /** Left edge of the plot, px; see `leftFor`. */
  readonly left: number;
  /** Free space inside the plot's left and right edges, px, so that points do not lie on them. */
  readonly inset: number;
  readonly x: Scale;
  readonly y: Scale;
  readonly yName: string;
  /** Null = the panel below has the labels. */
  readonly xName: string | null;
}

/** Left edge that leaves room for the labels of these scales. */
export function leftFor(scales: readonly Scale[]): number {
  const widths = scales.flatMap(({ ticks }) => ticks.map((tick) => textWidth(numberLabel(tick), TICK_PX)));
  return MARGIN + Math.ceil(Math.max(0, ...widths)) + LABEL_GAP;
}

/** Axes of a panel, and the places of values on it. */
export class Panel {
  readonly #plan: PanelPlan;
  /** Upper and lower edge of the plot, px. */
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right = SHEET_WIDTH - MARGIN;

  constructor(plan: PanelPlan) {
    this.#plan = plan;
    this.left = plan.left;
    this.top = plan.top + NAME_HEIGHT;
    this.bottom = this.top + plan.height;
  }

  /** Where a panel that comes next may begin, px. */
  get end(): number {
    return this.bottom + (this.#plan.xName === null ? LABEL_GAP : TICKS_HEIGHT + NAME_HEIGHT);
  }

  /** Place of a value of the lower axis, px. */
  x(value: number): number {
    const { x, inset } = this.#plan;
    return this.left + inset + placeOf(x, value) * (this.right - this.left - 2 * inset);
  }

  /** Place of a value, px. */
  y(value: number): number {
    return this.bottom - placeOf(this.#plan.y, value) * (this.bottom - this.top);
  }

  /** Grid, axes and labels; drawn before what is inside. */
  axes(): string[] {
    const { y, yName, top } = this.#plan;
    const name = label(yName, { x: MARGIN, y: top + 13, class: "soft", "font-size": TICK_PX });
    const floor = { class: "axis", x1: this.left, x2: this.right, y1: this.#floor, y2: this.#floor };
    const rows = y.ticks.flatMap((tick) => this.#row(tick));
    return [name, ...rows, ...this.#columns(), element("line", floor)];
  }

  get #floor(): number {
    return Math.round(this.bottom) + 0.5;
  }

  #row(tick: number): string[] {
    const at = Math.round(this.y(tick)) + 0.5;
    const line = { class: "grid", x1: this.left, x2: this.right, y1: at, y2: at };
    const text = {
      x: this.left - LABEL_GAP,
      y: at + 4,
      class: "soft",
      "font-size": TICK_PX,
      "text-anchor": "end",
    };
    return [element("line", line), label(numberLabel(tick), text)];
  }

  #columns(): string[] {
    const { x, xName } = this.#plan;
    const parts: string[] = [];
    let free = Number.NEGATIVE_INFINITY;
    for (const tick of x.ticks) {
      const at = Math.round(this.x(tick)) + 0.5;
      parts.push(element("line", { class: "grid", x1: at, x2: at, y1: this.top, y2: this.bottom }));
      const half = textWidth(numberLabel(tick), TICK_PX) / 2;
      if (xName === null || at - half < free) continue;
      free = at + half + LABEL_GAP;
      const text = {
        x: at,
        y: this.bottom + 16,
        class: "soft",
        "font-size": TICK_PX,
        "text-anchor": "middle",
      };
      parts.push(label(numberLabel(tick), text));
    }
    const middle = (this.left + this.right) / 2;
    const y = this.bottom + TICKS_HEIGHT + 14;
    const name = { x: middle, y, class: "soft", "font-size": TICK_PX, "text-anchor": "middle" };
    return xName === null ? parts : [...parts, label(xName, name)];
  }
}
