// The stored form of a timer, which is its row: the numbers of kinds, and how a row becomes a timer. Does not own
// which timers are rows (timer-table) and which are in the log of the last turns (turn-log).

import type { Timer } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";

/** Timer kinds in the order of their stored numbers; only grows. */
export const TIMER_KINDS = ["expire", "vote"] as const satisfies readonly Timer["kind"][];

/** A timer's row as SQLite gives it. */
export interface TimerSqlRow {
  readonly id: number;
  readonly due: number;
  readonly kind: number;
  readonly target: number;
}

/** A timer from its row. Errors: asserts the kind. */
export function timerOf({ id, due, kind, target }: TimerSqlRow): Timer {
  const name = TIMER_KINDS[kind];
  assert(name !== undefined, "a timer's kind is known");
  return { id, dueMs: due, kind: name, target };
}
