// The journal as those outside need it: steps with names instead of numbers, and with the place of the tenant's step
// before each, which comes from the journal and not from what was sent; and the runs of their events, from memory
// while they are there.

import { assert } from "../protocol/assert.ts";
import { ownerOf } from "../protocol/names.ts";
import { type EventRun, EventRuns } from "./event-runs.ts";
import type { JournalStep, StepPlaceInLog } from "./journal-step.ts";
import type { ShardLedger } from "./shard-ledger.ts";
import { balancesOfEntry } from "./step-outcome.ts";
import type { StepRow } from "./step-row.ts";

/** Bytes of a step's event, about. */
const EVENT_BYTES = 512;

/** Reads steps in order. */
export class JournalReader {
  readonly #ledger: ShardLedger;

  constructor(ledger: ShardLedger) {
    this.#ledger = ledger;
  }

  /** Committed steps behind a number, at most `limit`. Cost: about 5 µs a step. */
  after(number: number, limit: number): JournalStep[] {
    const steps = this.#ledger.journal.after(number, limit);
    const places = new Map<number, StepPlaceInLog>();
    return steps.map((step) => {
      places.set(step.number, { position: step.position, index: step.index });
      return this.#show(step, places);
    });
  }

  /** The events of committed steps behind a number, of about `limit` steps. Cost: nothing from memory, else as `after`. */
  events(number: number, limit: number): EventRun[] {
    const { recent } = this.#ledger.journal;
    const held = recent.after(number, limit);
    if (held) return held;
    const until = (recent.nextFirst(number + 1) ?? Number.POSITIVE_INFINITY) - 1;
    const steps = this.after(number, Math.min(limit, until - number));
    const runs = new EventRuns(this.#ledger.shard, steps.length * EVENT_BYTES);
    for (const step of steps) runs.add(step);
    return runs.take(limit);
  }

  #show(step: StepRow, places: ReadonlyMap<number, StepPlaceInLog>): JournalStep {
    const { number, position, index, kind, op, status, command, transfer, code, ref, timeMs } = step;
    const tenant = this.#ledger.names.tenantName(step.tenant);
    const previous = this.#placeOf(step.previousOfTenant, places);
    const nameOf = (wallet: number) => this.#ledger.wallets.nameOf(wallet);
    const wallets = step.entries.map((entry) => balancesOfEntry(entry, nameOf));
    const owner = step.owner ?? ownerOf(nameOf(step.entries[0]?.wallet ?? 0));
    return {
      ...{ number, position, index, tenant, owner, kind, op, status, command, transfer, code, ref, timeMs },
      previous,
      wallets,
    };
  }

  #placeOf(number: number, places: ReadonlyMap<number, StepPlaceInLog>): StepPlaceInLog | null {
    if (number === 0) return null;
    const known = places.get(number);
    if (known) return known;
    const step = this.#ledger.journal.step(number);
    assert(step !== undefined, "a tenant's steps are a chain");
    return { position: step.position, index: step.index };
  }
}
