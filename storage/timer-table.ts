// Timers: hold expiries and missing votes, fired inside the apply by shard time. One that was set in the last turns is
// in their log and in memory; one that lives longer becomes a row. Owns the earliest due time in memory, so that a
// record with nothing due costs one comparison. A parked timer stays, out of the way.
//
// Invariant: a timer is in the log or a row, never both.

import type { Timer } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import type { MetaTable } from "./meta-table.ts";
import { RecentTimers } from "./recent-timers.ts";
import { RowBatch } from "./row-batch.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import { TIMER_KINDS, type TimerSqlRow, timerOf } from "./timer-row.ts";
import type { LoggedTimer, TurnLog } from "./turn-log.ts";

/** See the file header. */
export class TimerTable {
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #turns: TurnLog;
  readonly #recent = new RecentTimers();
  readonly #rows: RowBatch;
  readonly #sql;
  /** Of the rows; undefined = not known: read it when it is asked for. */
  #earliestRowMs: number | null | undefined;

  constructor(database: Connection, log: StateLog, { meta, turns }: { meta: MetaTable; turns: TurnLog }) {
    this.#log = log;
    this.#meta = meta;
    this.#turns = turns;
    this.#rows = new RowBatch(database, "timer", ["id", "due", "kind", "target", "owner", "parked"]);
    const columns = "SELECT id, due, kind, target FROM timer";
    this.#sql = {
      earliest: database.prepare<[], number | null>("SELECT min(due) FROM timer WHERE parked = 0").pluck(),
      count: database.prepare<[number], number>("SELECT count(*) FROM timer WHERE kind = ?").pluck(),
      clear: database.prepare<[number, number], { id: number; due: number }>(
        "DELETE FROM timer WHERE kind = ? AND target = ? RETURNING id, due",
      ),
      park: database.prepare<[number]>("UPDATE timer SET parked = 1 WHERE id = ? AND parked = 0"),
      due: database.prepare<[number, number], TimerSqlRow>(
        `${columns} WHERE parked = 0 AND due <= ? ORDER BY due, id LIMIT ?`,
      ),
      dueOfOwner: database.prepare<[number, number, number], TimerSqlRow>(
        `${columns} WHERE parked = 0 AND owner IS NOT NULL AND owner = ? AND due <= ? ORDER BY due, id LIMIT ?`,
      ),
    };
  }

  /** Timers of a kind, parked ones too. Cost: linear in those that are rows. */
  count(kind: Timer["kind"]): number {
    return this.#recent.count(kind) + (this.#sql.count.get(TIMER_KINDS.indexOf(kind)) ?? 0);
  }

  /**
   * Sets a timer. Errors: asserts that the log has none for it; the key of the rows refuses a second one when it
   * becomes a row.
   * @param owner the number of the hold's owner, null for votes
   */
  set({ dueMs, kind, target }: Omit<Timer, "id">, owner: number | null): void {
    assert(!this.#recent.has(kind, target), "a timer is set once");
    const id = this.#meta.row.lastTimer + 1;
    this.#meta.row.lastTimer = id;
    this.#log.open(WRITE.timer);
    const { writer } = this.#log;
    writer.varint(id);
    writer.varint(dueMs);
    writer.byte(TIMER_KINDS.indexOf(kind));
    writer.varint(target);
    this.#put({ id, dueMs, kind, target, owner, isParked: false });
  }

  /** Removes a timer; nothing happens when there is none. */
  clear(kind: Timer["kind"], target: number): void {
    const recent = this.#recent.take(kind, target);
    const id = recent?.id ?? this.#clearRow(kind, target);
    if (id === undefined) return;
    if (recent) this.#turns.clear(kind, target);
    this.#log.open(WRITE.timerClear);
    this.#log.writer.varint(id);
  }

  /** Puts a timer out of the way of others. Errors: asserts that it is there. */
  park(id: number): void {
    this.#log.open(WRITE.timerPark);
    this.#log.writer.varint(id);
    const recent = this.#recent.find(id);
    if (recent) {
      this.#put({ ...recent, isParked: true });
      return;
    }
    assert(this.#sql.park.run(id).changes === 1, "a timer is parked once");
    this.#earliestRowMs = undefined;
  }

  /** The earliest due time in ms, or null. */
  earliestDueMs(): number | null {
    if (this.#earliestRowMs === undefined) this.#earliestRowMs = this.#sql.earliest.get() ?? null;
    const recentMs = this.#recent.earliestDueMs();
    if (recentMs === null || this.#earliestRowMs === null) return recentMs ?? this.#earliestRowMs;
    return Math.min(recentMs, this.#earliestRowMs);
  }

  /** Timers due at `nowMs` by (dueMs, id); with owners' numbers only those of their holds. */
  due(nowMs: number, limit: number, owners?: readonly number[]): Timer[] {
    const earliest = this.earliestDueMs();
    if (earliest === null || earliest > nowMs || limit <= 0) return [];
    const wanted = owners ? new Set(owners) : null;
    const timers = this.#recent.due(nowMs, limit, wanted);
    for (const row of this.#dueRows(nowMs, limit, wanted)) timers.push(timerOf(row));
    timers.sort((left, right) => left.dueMs - right.dueMs || left.id - right.id);
    return timers.slice(0, limit);
  }

  /** Makes rows of the timers that turns below one have set. */
  moveOut(below: number): void {
    const timers = this.#recent.takeBelow(below);
    for (const { id, dueMs, kind, target, owner, isParked } of timers) {
      this.#rows.push(id, dueMs, TIMER_KINDS.indexOf(kind), target, owner, isParked ? 1 : 0);
    }
    this.#rows.flush();
    if (timers.length > 0) this.#earliestRowMs = undefined;
  }

  /** A timer of the log, while it is read. */
  restore(timer: LoggedTimer): void {
    this.#recent.put(timer, this.#turns.turn);
  }

  /** The end of one of the log, while it is read. */
  restoreClear(kind: Timer["kind"], target: number): void {
    this.#recent.take(kind, target);
  }

  /** Forgets what is in memory: a rollback. */
  drop(): void {
    this.#recent.clear();
    this.#rows.drop();
    this.#earliestRowMs = undefined;
  }

  #put(timer: LoggedTimer): void {
    this.#recent.put(timer, this.#turns.turn);
    this.#turns.timer(timer);
  }

  /** @returns its id, or undefined when there is none */
  #clearRow(kind: Timer["kind"], target: number): number | undefined {
    const row = this.#sql.clear.get(TIMER_KINDS.indexOf(kind), target);
    if (row && row.due === this.#earliestRowMs) this.#earliestRowMs = undefined;
    return row?.id;
  }

  #dueRows(nowMs: number, limit: number, owners: ReadonlySet<number> | null): TimerSqlRow[] {
    if (owners === null) return this.#sql.due.all(nowMs, limit);
    return [...owners].flatMap((owner) => this.#sql.dueOfOwner.all(owner, nowMs, limit));
  }
}
