// Fires the timers that are due at a record: hold expiries and vote time-outs. Those of the owners that the
// record touches come first, so that what it decides sees their wallets as time has made them; then others.
// At most TIMERS_PER_RECORD_MAX a record; what is left over follows with the next records and ticks.
//
// A quarantined timer is parked alone. Its hold still counts as expired, because judging compares times.

import { assert } from "../protocol/assert.ts";
import { TIMERS_PER_RECORD_MAX } from "../protocol/limits.ts";
import type { Applying } from "./applying.ts";
import { expireHold } from "./decide-hold.ts";
import type { Ledger, Timer } from "./ledger.ts";
import { runSaga } from "./saga-run.ts";
import type { ShardRecord } from "./shard-record.ts";
import { touchedOwners } from "./touched-owners.ts";

/** Fires due timers. O(1) when none is due. Errors: bugs and the ledger's. */
export function applyTimers(applying: Applying, record: ShardRecord): void {
  const { ledger } = applying;
  if (!isAnyDue(ledger)) return;
  const touched = touchedOwners(record);
  let left = TIMERS_PER_RECORD_MAX;
  if (touched.length > 0) left -= fireAll(applying, ledger.dueTimers(left, touched));
  if (left > 0 && isAnyDue(ledger)) fireAll(applying, ledger.dueTimers(left));
}

function isAnyDue(ledger: Ledger): boolean {
  const earliestMs = ledger.earliestDueMs();
  return earliestMs !== null && earliestMs <= ledger.timeMs;
}

function fireAll(applying: Applying, timers: readonly Timer[]): number {
  const { ledger, progress, quarantined } = applying;
  for (const timer of timers) {
    assert(timer.dueMs <= ledger.timeMs, "a timer fires when it is due");
    progress.unit = { kind: "timer", id: timer.id };
    if (quarantined.some((unit) => unit.kind === "timer" && unit.id === timer.id)) ledger.parkTimer(timer.id);
    else fire(applying, timer);
  }
  return timers.length;
}

/** A saga that has been decided has cleared its timer, so one that fires finds it undecided. */
function fire({ ledger, answers }: Applying, timer: Timer): void {
  ledger.clearTimer(timer.kind, timer.target);
  if (timer.kind === "expire") {
    expireHold(ledger, timer.target);
    return;
  }
  const saga = ledger.saga(timer.target);
  assert(saga !== undefined, "a vote timer belongs to an open saga");
  const settled = runSaga(ledger, saga, { kind: "vote_timer" });
  if (settled) answers.settled.push(settled);
}
