// Times as text: ISO 8601 in UTC with milliseconds, `2026-11-22T08:00:00.000Z`, in one form only. Written here
// rather than with Date, so that the rooms below the clock contain no way to ask for the present.
// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days_from_civil, civil_from_days).

import { assert } from "./assert.ts";

/** The last millisecond that has a four-digit year. */
export const TIME_MS_MAX = 253_402_300_799_999;

const DAY_MS = 86_400_000;
const TIME = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z$/;
const DAYS_PER_ERA = 146_097;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_SHIFT = 719_468;

/** The last text made: all outcomes and events of a record carry the same time. */
let last = { timeMs: -1, text: "" };

/** The text of a time in ms since 1970, 0..{@link TIME_MS_MAX}. */
export function timeText(timeMs: number): string {
  if (timeMs !== last.timeMs) last = { timeMs, text: textOf(timeMs) };
  return last.text;
}

function textOf(timeMs: number): string {
  assert(
    Number.isInteger(timeMs) && timeMs >= 0 && timeMs <= TIME_MS_MAX,
    "a time lies between 1970 and 9999",
  );
  const days = Math.floor(timeMs / DAY_MS);
  const ms = timeMs - days * DAY_MS;
  const second = Math.floor(ms / 1000);
  const hour = Math.floor(second / 3600);
  const clock = `${two(hour)}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
  return `${dateText(days)}T${clock}.${String(ms % 1000).padStart(3, "0")}Z`;
}

/** @returns ms since 1970 that the text names, or `undefined` for any other form. Never throws. */
export function parseTimeText(value: unknown): number | undefined {
  const match = typeof value === "string" ? TIME.exec(value) : null;
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0] = match.slice(1).map(Number);
  const timeMs = daysOf(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + ms;
  const valid = timeMs >= 0 && timeMs <= TIME_MS_MAX && timeText(timeMs) === value;
  return valid ? timeMs : undefined;
}

function dateText(days: number): string {
  const shifted = days + EPOCH_SHIFT;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
}

function daysOf(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - EPOCH_SHIFT;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
