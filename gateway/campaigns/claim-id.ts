// The id of a claim's transfer. It is derived from what the claim is, so that the engine's index of commands enforces
// the cap of each owner, for ever and with nothing remembered here.
//
// Invariant: an owner has `capPerOwner` ids in a round, one for each ordinal, on every gateway the same; and the id of a
// later round is used only after the engine has refused those of all earlier rounds for good (claim-attempt.ts).

import type { CommandId } from "../../protocol/command-id.ts";
import type { OwnerName } from "../../protocol/names.ts";
import { derivedId } from "../derived-id.ts";
import type { Campaign } from "./campaign.ts";

/** Keeps these ids apart from everything else that is ever hashed. Part of the outside contract. */
const DOMAIN = "coffer/http/campaign-claim/1";

/** One grant that an owner may have. */
export interface Claim {
  readonly campaign: Campaign;
  readonly owner: OwnerName;
  /** 1..capPerOwner */
  readonly ordinal: number;
}

/** The id of a claim in a round: a UUIDv8. About 2 µs. */
export function claimId({ campaign: { tenant, id }, owner, ordinal }: Claim, round: number): CommandId {
  return derivedId(DOMAIN, [tenant, id, owner, String(ordinal), String(round)]);
}
