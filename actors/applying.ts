// What the parts of the apply share while one record is being applied: the ledger, the answers so far, and the
// progress that names the unit, so that after a throw the engine knows what to quarantine.

import type { QuarantinedUnit } from "../protocol/owner-record.ts";
import type { Ledger } from "./ledger.ts";
import type { RecordAnswers } from "./shard-record.ts";

/** A unit that is never quarantined: when it throws, the shard halts with `completion_failed`. */
export interface CompletionUnit {
  readonly kind: "completion";
  /** `frame` is the acknowledgement and the hashes of a peer frame. */
  readonly of: "result" | "commit" | "abort" | "epoch" | "frame";
  /** The item's number in its pair; 0 for epoch and frame. */
  readonly number: number;
}

/** Always names the unit that is being applied; null before the first one and after the last. */
export interface ApplyProgress {
  unit: QuarantinedUnit | CompletionUnit | null;
}

/** What every part of the apply is given. */
export interface Applying {
  readonly ledger: Ledger;
  /** Units of this record that must not be applied. */
  readonly quarantined: readonly QuarantinedUnit[];
  readonly progress: ApplyProgress;
  readonly answers: RecordAnswers;
}
