// Which id a claim has now. A refusal is recorded for ever under its id; so that an owner who came when the campaign's
// wallet was empty can come again, each round of a campaign gives every claim one more id.
//
//   round 1: refused for good ──► round 2: refused for good ──► round 3: not sent yet ──► this one
//              │                            └ settled, pending ──► that one, whatever the round is
//
// Invariant: of all ids of a claim at most one is ever granted. The id of a round is used only after the engine itself,
// asked strongly, has told those of all earlier rounds as refused for good. No cache is asked.

import type { Coffer, Resolution } from "../../client/mod.ts";
import type { CommandId } from "../../protocol/command-id.ts";
import { ownerOf } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { isKeepable } from "../cache/keepable.ts";
import { type Claim, claimId } from "./claim-id.ts";

/** How long a read for a claim is tried before the claim is answered `busy`, ms. */
export const CLAIM_READ_MS = 5_000;

/** What the engine knows of a claim: its outcome, or that it is under way. */
export type FoundClaim = Exclude<Resolution, { readonly status: "not_found" }>;

/** A claim's id, and what was found under it on the way; null = it was not looked at, or there is nothing. */
export interface ClaimAttempt {
  readonly id: CommandId;
  readonly round: number;
  readonly found: FoundClaim | null;
}

/** See the file header. A read for each earlier round. Errors: those of reads. */
export async function attemptOf(client: Coffer, claim: Claim): Promise<ClaimAttempt> {
  const { round: last } = claim.campaign;
  for (let round = 1; round < last; round += 1) {
    const id = claimId(claim, round);
    const found = await foundUnder(client, claim, id);
    if (found === null || !isOver(found)) return { id, round, found };
  }
  return { id: claimId(claim, last), round: last, found: null };
}

/** What the engine knows under a claim's id, null for nothing. Errors: those of reads. */
export async function foundUnder(client: Coffer, claim: Claim, id: CommandId): Promise<FoundClaim | null> {
  const payer = ownerOf(claim.campaign.wallet);
  const found = await client.resolve(id, payer, { deadlineMs: CLAIM_READ_MS });
  return found.status === "not_found" ? null : found;
}

/** Whether what was found can never become a grant. */
function isOver(found: FoundClaim): boolean {
  return isSettled(found) && found.status === "refused" && isKeepable(found);
}

/** Whether a claim has its outcome. */
export function isSettled(found: FoundClaim): found is Outcome {
  return found.status !== "pending";
}
