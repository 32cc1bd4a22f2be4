// Outcomes as answers: the bytes, and what of them a caller may see.

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

/** One outcome as UTF-8 JSON, bytes of its own: a reply's array without its brackets. */
export function encodeOutcome(outcome: Outcome): Uint8Array {
  const array = encodeOutcomesJson([outcome]);
  return array.subarray(1, array.length - 1);
}
