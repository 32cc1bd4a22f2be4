// Counts what campaigns give, in the cache, so that most of a burst is turned away before the log. What may be given is
// what the campaign's wallet had when it was last read, strongly, and what had been counted then.
//
//   may give = counted + available - under way      read anew: at first, after a refusal for lack of money, and when the
//                                                   count says that nothing is left; at most every LOOK_MS
//
// Invariant: what is counted decides about nothing for good: "no" passes, and after "yes" the engine decides. The cache
// may forget the counts, or allow everything, at any moment.

import type { Coffer } from "../../client/mod.ts";
import type { CommandId } from "../../protocol/command-id.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import { BoundedMap } from "../cache/bounded-map.ts";
import { CLAIMS_PER_OWNER_MAX, type Claim as Counted, type GatewayCache } from "../cache/gateway-cache.ts";
import { campaignKey } from "./campaign.ts";
import { CLAIM_READ_MS } from "./claim-attempt.ts";
import type { Claim } from "./claim-id.ts";

/** A campaign's wallet is read at most once in such a time, ms. */
const LOOK_MS = 250;
/** Campaigns whose wallet is remembered; the one used longest ago is read anew. */
const BUDGETS = { entriesMax: 10_000, bytesMax: 10_000 };

interface Budget {
  /** What may be counted in all, minor units; null = no bound. Meaningless before the first look. */
  mayGive: bigint | null;
  /** Minor units of claims that were admitted and have no answer yet. */
  underWay: bigint;
  /** Whether the count is known to be wrong, or was never made. */
  isDoubtful: boolean;
  lookedAtMs: number;
  looking: Promise<void> | null;
}

/** See the file header. */
export class BudgetCount {
  readonly #cache: GatewayCache;
  readonly #steadyMs: () => number;
  readonly #budgets = new BoundedMap<Budget>(BUDGETS);

  constructor(cache: GatewayCache, steadyMs: () => number) {
    this.#cache = cache;
    this.#steadyMs = steadyMs;
  }

  /**
   * Whether a claim is worth sending. After "yes" one of `settled`, `refused`, `unsent` must follow.
   * Errors: those of reads.
   */
  async admits(client: Coffer, claim: Claim, id: CommandId): Promise<boolean> {
    const budget = this.#budgetOf(claim);
    if (budget.looking !== null || (budget.isDoubtful && this.#isOld(budget)))
      await this.#look(budget, client, claim, id);
    let isAdmitted = await this.#count(budget, claim, id);
    if (!isAdmitted && this.#isOld(budget)) {
      await this.#look(budget, client, claim, id);
      isAdmitted = await this.#count(budget, claim, id);
    }
    if (isAdmitted) budget.underWay += claim.campaign.amount;
    return isAdmitted;
  }

  /** An admitted claim has its grant, or nobody waits for it any more. */
  settled(claim: Claim): void {
    this.#budgetOf(claim).underWay -= claim.campaign.amount;
  }

  /** An admitted claim was refused. @param isSpent whether this tells that the campaign's wallet cannot pay now */
  refused(claim: Claim, id: CommandId, isSpent: boolean): void {
    if (isSpent) this.#budgetOf(claim).isDoubtful = true;
    this.unsent(claim, id);
  }

  /** An admitted claim was not sent. */
  unsent(claim: Claim, id: CommandId): void {
    this.settled(claim);
    this.#cache.unclaim(counted(claim, id, null)).catch(() => undefined);
  }

  async #count({ mayGive }: Budget, claim: Claim, id: CommandId): Promise<boolean> {
    const { allowed, reason } = await this.#cache.claim(counted(claim, id, mayGive));
    return allowed || reason !== "budget";
  }

  /** Reads the wallet; callers that come meanwhile wait for the same. */
  #look(budget: Budget, client: Coffer, claim: Claim, id: CommandId): Promise<void> {
    budget.looking ??= this.#read(budget, client, claim, id).finally(() => {
      budget.looking = null;
    });
    return budget.looking;
  }

  async #read(budget: Budget, client: Coffer, claim: Claim, id: CommandId): Promise<void> {
    // Nothing fits into nothing: this tells what is counted, and counts nothing.
    const { spent } = await this.#cache.claim(counted(claim, id, 0n));
    const { underWay } = budget;
    const wallet = await client.wallet(claim.campaign.wallet, { deadlineMs: CLAIM_READ_MS });
    const available = wallet?.available ?? 0n;
    budget.mayGive = available === "unlimited" ? null : clamped(spent + available - underWay);
    budget.isDoubtful = false;
    budget.lookedAtMs = this.#steadyMs();
  }

  #isOld({ lookedAtMs }: Budget): boolean {
    return this.#steadyMs() - lookedAtMs >= LOOK_MS;
  }

  #budgetOf({ campaign: { tenant, id } }: Claim): Budget {
    const key = campaignKey(tenant, id);
    const known = this.#budgets.get(key);
    if (known !== undefined) return known;
    const lookedAtMs = Number.NEGATIVE_INFINITY;
    const fresh: Budget = { mayGive: null, underWay: 0n, isDoubtful: true, lookedAtMs, looking: null };
    this.#budgets.set(key, fresh, 1);
    return fresh;
  }
}

/** The cap is enforced by ordinals; the cache must not, since it counts the ids of all rounds. */
function counted({ campaign, owner }: Claim, id: CommandId, budget: bigint | null): Counted {
  const { tenant, id: name, amount } = campaign;
  return { tenant, campaign: name, owner, id, amount, perOwnerMax: CLAIMS_PER_OWNER_MAX, budget };
}

function clamped(value: bigint): bigint {
  if (value < 0n) return 0n;
  return value > INT64_MAX ? INT64_MAX : value;
}
