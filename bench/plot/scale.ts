// Where values lie on an axis, and which of them get a tick: round ones (1, 2 or 5 times a power of ten), few enough
// to be read, also for no value, one value, or values that are all equal.
//
// Invariant: ticks are in order, lie within the scale, and there are at most TICKS_MAX of them.

import { assert } from "../../protocol/assert.ts";

/** At most this many ticks, whatever is asked for. */
export const TICKS_MAX = 12;

/** One axis' range. */
export interface Scale {
  readonly kind: ScaleKind;
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

/** How values are spread over an axis. */
export type ScaleKind = "linear" | "log";

/** Whether a scale can show a value: on a log one it is positive, and it is of a size that something has. */
export function isShown(kind: ScaleKind, value: number): boolean {
  return Math.abs(value) <= GREATEST && (kind === "linear" || value >= LEAST);
}

/** Where a value lies, 0 at the scale's start and 1 at its end; beyond that for values outside. */
export function placeOf(scale: Scale, value: number): number {
  const { kind, min, max } = scale;
  assert(isShown(kind, value), "the scale can show the value");
  if (kind === "linear") return (value - min) / (max - min);
  return Math.log(value / min) / Math.log(max / min);
}

/** A scale for amounts: from zero (a log one from the round value below), ending at a round value. */
export function amountScale(kind: ScaleKind, values: readonly number[], ticksWanted: number): Scale {
  const shown = values.filter((value) => isShown(kind, value));
  return kind === "linear" ? linearAmounts(shown, ticksWanted) : logAmounts(shown);
}

/** A scale for what was varied: exactly from the least to the greatest value, with a tick at each when they are few. */
export function variedScale(kind: ScaleKind, values: readonly number[]): Scale {
  const shown = [...new Set(values.filter((value) => isShown(kind, value)))].sort((a, b) => a - b);
  const first = shown[0] ?? 1;
  const last = shown.at(-1) ?? 1;
  const [min, max] = last - first > Math.abs(last) * ROUNDING + LEAST ? [first, last] : around(kind, first);
  const isFew = shown.length > 0 && shown.length <= TICKS_MAX;
  return { kind, min, max, ticks: isFew ? shown : ticksBetween(kind, min, max) };
}

/** A scale for time: from `min` to exactly `max`, with round ticks inside. */
export function timeScale(min: number, max: number): Scale {
  const end = max > min ? max : min + 1;
  return { kind: "linear", min, max: end, ticks: ticksBetween("linear", min, end) };
}

function linearAmounts(values: readonly number[], ticksWanted: number): Scale {
  const least = values.reduce((a, b) => Math.min(a, b), 0);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const greatest = most - least >= LEAST ? most : least + 1;
  const step = roundStep(greatest - least, ticksWanted);
  const min = Math.floor(least / step + ROUNDING) * step;
  const max = Math.max(Math.ceil(greatest / step - ROUNDING) * step, min + step);
  return { kind: "linear", min, max, ticks: multiples(step, min, max) };
}

function logAmounts(values: readonly number[]): Scale {
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const greatest = values.reduce((a, b) => Math.max(a, b), 0);
  if (greatest === 0) return { kind: "log", min: 1, max: 10, ticks: [1, 10] };
  const min = roundBelow(least);
  const max = Math.max(roundAbove(greatest), min * 10);
  const fine = logTicks(min, max);
  if (fine.at(0) === min && fine.at(-1) === max) return { kind: "log", min, max, ticks: fine };
  const from = 10 ** Math.floor(Math.log10(min) + ROUNDING);
  const to = 10 ** Math.ceil(Math.log10(max) - ROUNDING);
  return { kind: "log", min: from, max: to, ticks: logTicks(from, to) };
}

function ticksBetween(kind: ScaleKind, min: number, max: number): number[] {
  return kind === "log" ? logTicks(min, max) : multiples(roundStep(max - min, 8), min, max);
}

/** 1, 2 and 5 of each power of ten when they are few, else the powers alone, thinned out when there are many. */
function logTicks(min: number, max: number): number[] {
  const first = Math.floor(Math.log10(min));
  const last = Math.ceil(Math.log10(max));
  const powers = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
  const inside = (tick: number): boolean => tick >= min * (1 - ROUNDING) && tick <= max * (1 + ROUNDING);
  const fine = powers.flatMap((power) => [power, 2 * power, 5 * power]).filter(inside);
  if (fine.length <= FINE_MAX) return fine;
  const coarse = powers.filter(inside);
  const every = Math.ceil(coarse.length / TICKS_MAX);
  return coarse.filter((_, index) => index % every === 0);
}

/** The least 1, 2 or 5 times a power of ten that cuts `span` into at most about `wanted` pieces. */
function roundStep(span: number, wanted: number): number {
  const raw = span / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5].find((each) => each * power >= raw * (1 - ROUNDING)) ?? 10;
  return factor * power;
}

/** The greatest 1, 2 or 5 times a power of ten that is not above `value`. */
function roundBelow(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value) + ROUNDING);
  const factor = [5, 2].find((each) => each * power <= value * (1 + ROUNDING)) ?? 1;
  return Number((factor * power).toPrecision(12));
}

/** The least such value that is not below `value`. */
function roundAbove(value: number): number {
  const below = roundBelow(value);
  if (below >= value * (1 - ROUNDING)) return below;
  return roundBelow(below * 2.5);
}

function multiples(step: number, min: number, max: number): number[] {
  const first = Math.ceil(min / step - ROUNDING);
  const count = Math.floor(max / step + ROUNDING) - first + 1;
  // Written digits, so that 3 * 0.1 is 0.3.
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

function around(kind: ScaleKind, value: number): [number, number] {
  if (kind === "log") return [value / 2, value * 2];
  const half = value === 0 ? 1 : Math.abs(value) / 2;
  return [value - half, value + half];
}

const ROUNDING = 1e-9;
const LEAST = 1e-9;
const GREATEST = 1e15;
/** More ticks than this on a log axis would touch each other. */
const FINE_MAX = 9;
