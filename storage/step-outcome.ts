// What a step says about the command that it settled. A command that settles in the record of its last step, with the
// wallets of that step, stores the step's number as its outcome: this gives back the outcome that was answered.

import type { WalletName } from "../protocol/names.ts";
import type { Balances, Outcome } from "../protocol/outcome.ts";
import { STATUSES } from "../protocol/outcome.ts";
import type { StepEntry, StepRow } from "./step-row.ts";

/** The part of an outcome that its step tells. */
export type StepOutcome = Pick<Outcome, "op" | "status" | "balances">;

/** A wallet's name by its number. */
type NameOf = (wallet: number) => WalletName;

/** A wallet's balances after a step. */
export function balancesOfEntry(entry: StepEntry, nameOf: NameOf): Balances {
  const { wallet, posted, held, incoming, min, version } = entry;
  const available = min === "unlimited" ? min : posted - held - min;
  return { wallet: nameOf(wallet), posted, held, incoming, available, version };
}

/** @returns what a step told, or undefined when it settled nothing. */
export function outcomeOfStep({ op, status, entries }: StepRow, nameOf: NameOf): StepOutcome | undefined {
  const settled = STATUSES.find((each) => each === status);
  if (settled === undefined || settled === "refused") return undefined;
  return { op, status: settled, balances: entries.map((entry) => balancesOfEntry(entry, nameOf)) };
}
