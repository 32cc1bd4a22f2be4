// Timers as rows: hold expiries and missing votes, fired inside the apply by shard time. Owns the earliest due
// time in memory, so that a record with nothing due costs one comparison. A parked timer stays, out of the way.

import type { Timer } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import type { MetaTable } from "./meta-table.ts";
import { type StateLog, WRITE } from "./state-log.ts";

/** Timer kinds in the order of their stored numbers; only grows. */
export const TIMER_KINDS = ["expire", "vote"] as const satisfies readonly Timer["kind"][];

/** A timer's row as SQLite gives it. */
export interface TimerSqlRow {
  readonly id: number;
  readonly due: number;
  readonly kind: number;
  readonly target: number;
}

/** See the file header. */
export class TimerTable {
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #sql;
  /** undefined = not known: read it when it is asked for. */
  #earliestMs: number | null | undefined;

  constructor(database: Connection, log: StateLog, meta: MetaTable) {
    this.#log = log;
    this.#meta = meta;
    const columns = "SELECT id, due, kind, target FROM timer";
    this.#sql = {
      earliest: database.prepare<[], number | null>("SELECT min(due) FROM timer WHERE parked = 0").pluck(),
      insert: database.prepare<[number, number, number, number, number | null]>(
        "INSERT INTO timer (id, due, kind, target, owner, parked) VALUES (?, ?, ?, ?, ?, 0)",
      ),
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

  /** Sets a timer. @param owner the number of the hold's owner, null for votes */
  set({ dueMs, kind, target }: Omit<Timer, "id">, owner: number | null): void {
    const id = this.#meta.row.lastTimer + 1;
    this.#meta.row.lastTimer = id;
    this.#log.open(WRITE.timer);
    const { writer } = this.#log;
    writer.varint(id);
    writer.varint(dueMs);
    writer.byte(TIMER_KINDS.indexOf(kind));
    writer.varint(target);
    this.#sql.insert.run(id, dueMs, TIMER_KINDS.indexOf(kind), target, owner);
    if (this.#earliestMs === undefined) return;
    this.#earliestMs = this.#earliestMs === null ? dueMs : Math.min(this.#earliestMs, dueMs);
  }

  /** Removes a timer; nothing happens when there is none. */
  clear(kind: Timer["kind"], target: number): void {
    const row = this.#sql.clear.get(TIMER_KINDS.indexOf(kind), target);
    if (!row) return;
    this.#log.open(WRITE.timerClear);
    this.#log.writer.varint(row.id);
    if (row.due === this.#earliestMs) this.#earliestMs = undefined;
  }

  /** Puts a timer out of the way of others. Errors: asserts that it is there. */
  park(id: number): void {
    this.#log.open(WRITE.timerPark);
    this.#log.writer.varint(id);
    assert(this.#sql.park.run(id).changes === 1, "a timer is parked once");
    this.#earliestMs = undefined;
  }

  /** The earliest due time in ms, or null. */
  earliestDueMs(): number | null {
    if (this.#earliestMs === undefined) this.#earliestMs = this.#sql.earliest.get() ?? null;
    return this.#earliestMs;
  }

  /** Timers due at `nowMs` by (dueMs, id); with owners' numbers only those of their holds. */
  due(nowMs: number, limit: number, owners?: readonly number[]): Timer[] {
    const earliest = this.earliestDueMs();
    if (earliest === null || earliest > nowMs || limit <= 0) return [];
    if (!owners) return this.#sql.due.all(nowMs, limit).map(timerOf);
    const timers: Timer[] = [];
    for (const owner of new Set(owners)) {
      for (const row of this.#sql.dueOfOwner.all(owner, nowMs, limit)) timers.push(timerOf(row));
    }
    timers.sort((left, right) => left.dueMs - right.dueMs || left.id - right.id);
    return timers.slice(0, limit);
  }

  /** Forgets what is in memory: a rollback. */
  drop(): void {
    this.#earliestMs = undefined;
  }
}

/** A timer from its row. Errors: asserts the kind. */
export function timerOf({ id, due, kind, target }: TimerSqlRow): Timer {
  const name = TIMER_KINDS[kind];
  assert(name !== undefined, "a timer's kind is known");
  return { id, dueMs: due, kind: name, target };
}
