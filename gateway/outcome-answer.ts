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

/** Outcomes as JSON, and elements that are JSON already, in order, joined by commas. Outcomes side by side cost a third. */
export function outcomesText(elements: readonly (Outcome | string)[]): string {
  const parts: string[] = [];
  let together: Outcome[] = [];
  for (const element of elements) {
    if (typeof element !== "string") {
      together.push(element);
      continue;
    }
    if (together.length > 0) parts.push(bracketless(encodeOutcomesJson(together)));
    together = [];
    parts.push(element);
  }
  if (together.length > 0) parts.push(bracketless(encodeOutcomesJson(together)));
  return parts.join(",");
}

function bracketless({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset + 1, length - 2).toString("utf8");
}

/** The last text made: an outcome is kept in the cache and answered in the same breath. */
let last: { readonly outcome: Outcome | null; readonly text: string } = { outcome: null, text: "" };

/** One outcome as JSON: a reply's array without its brackets. As text, it leaves in one write with the headers. */
export function outcomeText(outcome: Outcome): string {
  if (outcome !== last.outcome) last = { outcome, text: bracketless(encodeOutcomesJson([outcome])) };
  return last.text;
}
