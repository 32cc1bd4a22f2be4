// What the log of the last turns comes to in a snapshot: for the read-only door, which lays it over the rows. Owns
// nothing on disk; the log's bytes are turn-log's.
//
// Invariant: it says of holds and timers what the writer's memory says (hold-table, timer-table).

import type { Hold } from "../actors/ledger.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import { readHold } from "./hold-row.ts";
import { StorageFault } from "./storage-error.ts";
import { type LoggedTimer, readTurn, type TurnLogRow } from "./turn-log.ts";

/** An owner's names by its number. */
export type OwnerOf = (number: number) => { tenant: TenantName; owner: OwnerName } | undefined;

/** See the file header. Errors: the constructor throws `StorageFault("corrupt")`. */
export class TurnLogView {
  /** Holds that the log has, by number: newer than their rows. */
  readonly holds = new Map<number, Hold>();
  readonly #timers = new Map<string, LoggedTimer>();

  constructor(rows: Iterable<TurnLogRow>, ownerOf: OwnerOf) {
    for (const row of rows) {
      readTurn(row, {
        hold: ({ number, owner, body }) => {
          const names = ownerOf(owner);
          if (!names) throw new StorageFault("corrupt", `owner ${owner} is missing`);
          this.holds.set(number, readHold(body, { number, ...names }));
        },
        timer: (timer) => this.#timers.set(keyOf(timer.kind, timer.target), timer),
        clear: (kind, target) => this.#timers.delete(keyOf(kind, target)),
      });
    }
  }

  /** Timers that the log has, by id: they are no rows. */
  timers(): LoggedTimer[] {
    return [...this.#timers.values()].sort((left, right) => left.id - right.id);
  }

  /** Whether a timer of the kind is in the log. */
  hasTimer(kind: LoggedTimer["kind"], target: number): boolean {
    return this.#timers.has(keyOf(kind, target));
  }
}

function keyOf(kind: LoggedTimer["kind"], target: number): string {
  return `${kind} ${target}`;
}
