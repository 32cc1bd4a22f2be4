// Journal steps as events need them: with names instead of numbers, and with the place of the tenant's step
// before each, which comes from the journal and not from what was sent.

import { assert } from "../protocol/assert.ts";
import type { JournalStep, StepPlaceInLog } from "./journal-step.ts";
import type { ShardLedger } from "./shard-ledger.ts";
import { balancesOfEntry } from "./step-outcome.ts";
import type { StepRow } from "./step-row.ts";

/** Reads steps in order. */
export class JournalReader {
  readonly #ledger: ShardLedger;

  constructor(ledger: ShardLedger) {
    this.#ledger = ledger;
  }

  /** Committed steps behind a number, at most `limit`. Cost: nothing from memory, about 5 µs a step from the file. */
  after(number: number, limit: number): JournalStep[] {
    const recent = this.#ledger.journal.recent.after(number, limit);
    if (recent) return recent;
    const steps = this.#ledger.journal.after(number, limit);
    const places = new Map<number, StepPlaceInLog>();
    return steps.map((step) => {
      places.set(step.number, { position: step.position, index: step.index });
      return this.#show(step, places);
    });
  }

  #show(step: StepRow, places: ReadonlyMap<number, StepPlaceInLog>): JournalStep {
    const { number, position, index, owner, kind, op, status, command, transfer, code, ref, timeMs } = step;
    const tenant = this.#ledger.names.tenantName(step.tenant);
    const previous = this.#placeOf(step.previousOfTenant, places);
    const nameOf = (wallet: number) => this.#ledger.wallets.nameOf(wallet);
    const wallets = step.entries.map((entry) => balancesOfEntry(entry, nameOf));
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
