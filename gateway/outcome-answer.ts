// Outcomes as answers: the bytes, and what of them a caller may see.
// Guards against: a payer who reads the balance of whom he pays.

import { ownerOf } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { encodeOutcomesJson } from "../protocol/outcome-json.ts";
import { mayTouch } from "./authorize.ts";
import type { Principal } from "./principal.ts";

/** An outcome as a caller may see it: balances of foreign owners are left out. */
export function shownTo(principal: Principal, outcome: Outcome): Outcome {
  if (principal.owners === null || outcome.balances === null) return outcome;
  const balances = outcome.balances.filter(({ wallet }) => mayTouch(principal, ownerOf(wallet)));
  return { ...outcome, balances };
}

/** One outcome as JSON: a reply's array without its brackets. As text, it leaves in one write with the headers. */
export function outcomeText(outcome: Outcome): string {
  const { buffer, byteOffset, length } = encodeOutcomesJson([outcome]);
  return Buffer.from(buffer, byteOffset + 1, length - 2).toString("utf8");
}
