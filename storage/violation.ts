// What a verification found. Owns the names of violations and the bound of the list: beyond it violations are
// counted and not kept. Does not own any check. A row that cannot be read is a violation too: it ends the check
// that met it, and never the sweep.

import { AssertionFailure } from "../protocol/assert.ts";
import { StorageFault } from "./storage-error.ts";

/** The names of violations; stable. */
export type ViolationName =
  | "row_corrupt"
  | "file_corrupt"
  | "sum_not_zero"
  | "bounds_broken"
  | "held_differs"
  | "incoming_differs"
  | "reservation_stray"
  | "wallet_numbers"
  | "wallet_row_differs"
  | "owner_miscounted"
  | "entry_chain_broken"
  | "entry_balance_differs"
  | "entries_miscounted"
  | "step_numbers"
  | "step_position"
  | "step_sum_not_zero"
  | "step_chain_of_tenant"
  | "transit_sum_differs"
  | "command_numbers"
  | "command_without_outcome"
  | "command_with_two_outcomes"
  | "command_index_differs"
  | "outcome_impossible"
  | "hold_impossible"
  | "saga_impossible"
  | "saga_stranded"
  | "prepared_impossible"
  | "timer_missing"
  | "timer_stray"
  | "pair_impossible"
  | "pair_gap"
  | "pair_hash_differs"
  | "pair_money_differs"
  | "record_hashes"
  | "identity_differs";

/** One broken invariant. */
export interface Violation {
  /** Number in the design's list of invariants. */
  readonly invariant: 1 | 2 | 3 | 4 | 5 | 6 | 7;
  readonly shard: number;
  readonly what: ViolationName;
  /** What is wrong, with names and numbers. */
  readonly detail: string;
}

/** Violations kept; more are only counted. */
const VIOLATIONS_MAX = 1000;

/** Collects violations of one sweep. */
export class ViolationList {
  readonly #kept: Violation[] = [];
  #count = 0;

  /** The first ones, in the order found. */
  get kept(): readonly Violation[] {
    return this.#kept;
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** The reporter of one shard. */
  of(shard: number): Report {
    return (invariant, what, detail) => this.#add({ invariant, shard, what, detail });
  }

  #add(violation: Violation): void {
    this.#count += 1;
    if (this.#kept.length < VIOLATIONS_MAX) this.#kept.push(violation);
  }
}

/** Reports one violation of a shard. */
export type Report = (invariant: Violation["invariant"], what: ViolationName, detail: string) => void;

/** Runs a check; rows that cannot be read are a violation of it and end it. Other errors are thrown on. */
export function guarded(report: Report, invariant: Violation["invariant"], check: () => void): void {
  try {
    check();
  } catch (error) {
    const isCorrupt = error instanceof StorageFault && error.code === "corrupt";
    if (!isCorrupt && !(error instanceof AssertionFailure)) throw error;
    report(invariant, "row_corrupt", error.message);
  }
}
