// The timers that the log of the last turns holds, in memory: by what they belong to, and in the order in which they
// are due. Does not own the log (turn-log) nor timers that are rows (timer-table).
//
// The order is a sorted list: most holds live equally long, so a timer goes to its end. One that is cleared stays in
// it, marked, until half of the list is such.

import type { Timer } from "../actors/ledger.ts";
import { NumberedValues } from "./numbered-values.ts";
import type { LoggedTimer } from "./turn-log.ts";

/** Timers that are gone are left in a list of this length. */
const LIST_KEPT = 64;

interface RecentTimer extends LoggedTimer {
  /** The turn that set it. */
  readonly turn: number;
  isParked: boolean;
  /** Not in memory any more. */
  isGone: boolean;
}

/** See the file header. */
export class RecentTimers {
  /** By kind, then by target. */
  readonly #timers = { expire: new NumberedValues<RecentTimer>(), vote: new NumberedValues<RecentTimer>() };
  /** By due time and id from `#front` on, the first of which is live; some behind it are gone. */
  #byDue: RecentTimer[] = [];
  #front = 0;

  /** Timers of a kind, parked ones too. */
  count(kind: Timer["kind"]): number {
    return this.#timers[kind].size;
  }

  /** Whether there is a timer of the kind for the target. */
  has(kind: Timer["kind"], target: number): boolean {
    return this.#timers[kind].get(target) !== undefined;
  }

  /** Adds a timer, or the same one parked. */
  put(timer: LoggedTimer, turn: number): void {
    this.take(timer.kind, timer.target);
    const recent = { ...timer, turn, isGone: false };
    this.#timers[timer.kind].set(timer.target, recent);
    if (!recent.isParked) this.#order(recent);
  }

  /** Takes a timer out. @returns it, or undefined */
  take(kind: Timer["kind"], target: number): LoggedTimer | undefined {
    const timer = this.#timers[kind].take(target);
    if (!timer) return;
    timer.isGone = true;
    this.#tidy();
    return timer;
  }

  /** A timer that is not parked, by its id. Cost: linear in all of them. */
  find(id: number): LoggedTimer | undefined {
    return this.#byDue.find((timer) => timer.id === id && !timer.isGone);
  }

  /** Takes out all of turns below one, by id. Cost: linear in all of them. */
  takeBelow(turn: number): LoggedTimer[] {
    const isOld = (timer: RecentTimer) => timer.turn < turn;
    const taken = [...this.#timers.expire.filter(isOld), ...this.#timers.vote.filter(isOld)];
    for (const timer of taken) {
      timer.isGone = true;
      this.#timers[timer.kind].take(timer.target);
    }
    this.#drop();
    return taken.sort((left, right) => left.id - right.id);
  }

  /** The earliest due time in ms of those that are not parked, or null. */
  earliestDueMs(): number | null {
    return this.#byDue[this.#front]?.dueMs ?? null;
  }

  /** Those that are due and not parked by (dueMs, id), at most `limit`; with owners' numbers only those of their holds. */
  due(nowMs: number, limit: number, owners: ReadonlySet<number> | null): Timer[] {
    const due: Timer[] = [];
    for (let place = this.#front; place < this.#byDue.length && due.length < limit; place += 1) {
      const timer = this.#byDue[place];
      if (timer === undefined || timer.dueMs > nowMs) break;
      const { isGone, id, dueMs, kind, target, owner } = timer;
      const isWanted = owners === null || (owner !== null && owners.has(owner));
      if (!isGone && isWanted) due.push({ id, dueMs, kind, target });
    }
    return due;
  }

  /** Forgets everything. */
  clear(): void {
    this.#timers.expire.clear();
    this.#timers.vote.clear();
    this.#byDue = [];
    this.#front = 0;
  }

  #order(timer: RecentTimer): void {
    const list = this.#byDue;
    let [low, high] = [this.#front, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = list[middle];
      if (other !== undefined && isBefore(other, timer)) low = middle + 1;
      else high = middle;
    }
    list.splice(low, 0, timer);
  }

  #tidy(): void {
    const list = this.#byDue;
    while (list[this.#front]?.isGone) this.#front += 1;
    const live = this.#timers.expire.size + this.#timers.vote.size;
    if (list.length > LIST_KEPT + 2 * live) this.#drop();
  }

  #drop(): void {
    this.#byDue = this.#byDue.filter(({ isGone }) => !isGone);
    this.#front = 0;
  }
}

function isBefore(left: LoggedTimer, right: LoggedTimer): boolean {
  return left.dueMs < right.dueMs || (left.dueMs === right.dueMs && left.id < right.id);
}
