// What may be kept, and the checks of arguments that both kinds of cache make.
// Owns no state.
//
// Guards against: an answer that is kept although the engine could still give another one to the same command.

import { assert } from "../../protocol/assert.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { REFUSALS } from "../../protocol/outcome.ts";
import type { BucketSpending, Claim } from "./gateway-cache.ts";
import { CLAIMS_PER_OWNER_MAX } from "./gateway-cache.ts";

/** The declared age in ms: no cached read shows a wallet that was current longer ago. Callers may ask for less. */
export const CACHED_AGE_MS_MAX = 5_000;
/** How long in ms a wallet is kept after it was known to be current; look-ups ask for seconds. */
export const WALLET_KEEP_MS = 60_000;
/** How long in ms a settled outcome is kept: longer than callers repeat a command. */
export const OUTCOME_KEEP_MS = 600_000;
/** How long in ms a campaign's counts are kept after their last change. */
export const CAMPAIGN_KEEP_MS = 24 * 3_600_000;

/** Stage 1 leaves the id free, a conflict is about another command's id, and an operator may retry a quarantined one. */
const NOT_FINAL: ReadonlySet<string> = new Set([
  ...REFUSALS.filter(({ stage }) => stage === 1).map(({ code }) => code),
  "id_conflict",
  "internal_error",
]);

/** Whether an outcome is the answer to its id and content for ever. Never throws. */
export function isKeepable(outcome: Outcome): boolean {
  return outcome.position > 0 && (outcome.refusal === null || !NOT_FINAL.has(outcome.refusal.code));
}

/** Asserts the ranges of {@link BucketSpending}. */
export function assertSpending({ spent, perSecond, burst, debtMax }: BucketSpending): void {
  assert(Number.isFinite(spent) && spent > 0, "something was spent");
  assert(Number.isFinite(perSecond) && perSecond > 0, "a bucket refills");
  assert(Number.isFinite(burst) && burst > 0, "a bucket holds something");
  assert(Number.isFinite(debtMax) && debtMax > 0, "a debt has its bound");
}

/** Asserts the ranges of {@link Claim}. */
export function assertClaim({ amount, perOwnerMax, budget }: Claim): void {
  assert(amount >= 1n && amount <= INT64_MAX, "a claim's amount is a positive int64");
  assert(budget === null || (budget >= 0n && budget <= INT64_MAX), "a budget is an int64 from 0 on");
  assert(
    Number.isInteger(perOwnerMax) && perOwnerMax >= 1 && perOwnerMax <= CLAIMS_PER_OWNER_MAX,
    "an owner's cap lies within its bound",
  );
}
