// Makes time pass in an idle shard: appends a Tick when the owner's clock has passed the earliest due time, at
// least TICK_INTERVAL_MS_MIN apart, and one after another while due timers are left. Reads that would show a
// wallet with a due timer share one tick that touches its owner. The time itself comes from the record's
// stamp, so a late or doubled tick changes nothing.

import { TICK_INTERVAL_MS_MIN } from "../protocol/limits.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import type { OwnerLog } from "./owner-log.ts";
import type { ShardScope } from "./shard-scope.ts";

/** Owners that one tick may touch. */
const TOUCHES_MAX = 1000;

/** What a ticker is made of. */
export interface TickerOptions {
  readonly scope: ShardScope;
  readonly ownerLog: OwnerLog;
  readonly epoch: number;
  /** A tick has its PubAck; it may have been applied already. */
  readonly onStored: () => void;
  /** The shard must stop: a newer owner exists, or the timers cannot be read. */
  readonly onFault: (error: unknown) => void;
}

/** A tick that was asked for: `sequence` is its position once the server has stored it. */
export interface TickTicket {
  sequence: number | null;
}

/** See the file header. */
export class Ticker {
  readonly #scope: ShardScope;
  readonly #ownerLog: OwnerLog;
  readonly #epoch: number;
  readonly #onStored: () => void;
  readonly #onFault: (error: unknown) => void;
  readonly #touches = new Map<string, { tenant: TenantName; owner: OwnerName }>();
  /** Of the tick that will carry `#touches`. */
  #ticket: TickTicket = { sequence: null };
  #underWay: number | null = null;
  #isAppending = false;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor({ scope, ownerLog, epoch, onStored, onFault }: TickerOptions) {
    this.#scope = scope;
    this.#ownerLog = ownerLog;
    this.#epoch = epoch;
    this.#onStored = onStored;
    this.#onFault = onFault;
  }

  /** Has a tick appended that fires the due timers of one owner first; `null` when the next tick is full. */
  touch(tenant: TenantName, owner: OwnerName): TickTicket | null {
    if (this.#touches.size >= TOUCHES_MAX) return null;
    this.#touches.set(`${tenant}/${owner}`, { tenant, owner });
    const ticket = this.#ticket;
    this.#append();
    return ticket;
  }

  /** Appends or schedules the next tick; called after each turn. */
  pump(): void {
    if (this.#isClosed || this.#isBusy) return;
    try {
      this.#pump();
    } catch (error) {
      this.#onFault(error);
    }
  }

  #pump(): void {
    if (this.#touches.size > 0) {
      this.#append();
      return;
    }
    const earliest = this.#scope.file.ledger.earliestDueMs();
    if (earliest === null) return;
    const dueInMs = Math.max(0, earliest - this.#scope.clock.nowMs());
    // While due timers are left after a tick was applied, the next follows at once.
    const sinceLastMs = this.#scope.clock.monotonicMs() - this.#lastAtMs;
    const waitMs =
      earliest <= this.#scope.file.timeMs ? 0 : Math.max(dueInMs, TICK_INTERVAL_MS_MIN - sinceLastMs);
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (waitMs <= 0) this.#append();
    else this.#timer = setTimeout(() => this.#onTimer(), Math.min(waitMs, 60_000));
  }

  /** Stops for good. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  get #isBusy(): boolean {
    return this.#isAppending || (this.#underWay !== null && this.#scope.file.position < this.#underWay);
  }

  #onTimer(): void {
    this.#timer = null;
    this.pump();
  }

  #append(): void {
    if (this.#isClosed || this.#isBusy) return;
    const { cluster, shard, clock } = this.#scope;
    const touches = [...this.#touches.values()];
    const ticket = this.#ticket;
    this.#touches.clear();
    this.#ticket = { sequence: null };
    this.#isAppending = true;
    this.#lastAtMs = clock.monotonicMs();
    this.#ownerLog.append({ kind: "tick", cluster, shard, epoch: this.#epoch, touches }).then(
      (sequence) => {
        this.#isAppending = false;
        this.#underWay = sequence;
        ticket.sequence = sequence;
        this.#onStored();
        this.pump();
      },
      (error: unknown) => {
        this.#isAppending = false;
        if (!this.#isClosed) this.#onFault(error);
      },
    );
  }
}
