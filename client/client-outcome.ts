// What a command came to, as callers of this library see it: the contract's outcome, or `unknown`.
// Invariant: `unknown` is never a failure in disguise; it says that the answer has to be asked for again.

import type { CommandId } from "../protocol/command-id.ts";
import type { Outcome } from "../protocol/outcome.ts";

/** No answer before the deadline. The command may have been carried out: ask again with the same id. */
export interface UnknownOutcome {
  readonly id: CommandId;
  readonly op: string;
  readonly status: "unknown";
  /** What was last seen of it, for people. */
  readonly detail: string;
}

/** The terminal answer to a command, or `unknown`. Branch on `status`. */
export type ClientOutcome = Outcome | UnknownOutcome;

/** What `resolve` finds under an id: the outcome, a command that is under way, or nothing. */
export type Resolution =
  | Outcome
  | { readonly id: CommandId; readonly status: "pending" }
  | { readonly id: CommandId; readonly status: "not_found" };
