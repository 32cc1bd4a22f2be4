// Which source of requests a plan asks for, with everything that all of them share.
//
// Invariant: the same plan makes the same requests in the same order, as far as answers let it.

import { ClaimRequests } from "./claim-requests.ts";
import { FUNDS } from "./http-fleet.ts";
import { LoadBook } from "./load-book.ts";
import type { LoadPlan } from "./load-plan.ts";
import { PairChoice } from "./pair-choice.ts";
import { ReadRequests } from "./read-requests.ts";
import { CommandIds } from "./request-bytes.ts";
import type { RequestSource } from "./request-lane.ts";
import { StormRequests } from "./storm-requests.ts";
import { TransferRequests } from "./transfer-requests.ts";

/** The source of a plan. */
export function requestSource(plan: LoadPlan): RequestSource {
  const book = new LoadBook(plan.wallets.length);
  const parts = { plan, book, ids: new CommandIds(plan.token), pairs: new PairChoice(plan) };
  if (plan.load === "reads") return new ReadRequests(parts);
  if (plan.load === "storm") return new StormRequests(parts);
  if (plan.load === "claims") return new ClaimRequests(parts, FUNDS);
  return new TransferRequests(parts, plan.load === "batches");
}
