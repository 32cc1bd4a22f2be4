// What can be known of a claim before it is sent: that the campaign takes none now, that the wallet which receives is
// missing or shut, that the wallet which pays is spent. Such a claim is turned away without a trace, so that it can be
// made again; only the engine refuses for good.
//
// Owns: these judgements, and finding what became of a claim that was made before something stood in its way.
// Invariant: nobody is granted anything because of what is decided here.

import type { ClientClock } from "../../client/clock.ts";
import type { Coffer } from "../../client/mod.ts";
import { assert } from "../../protocol/assert.ts";
import type { CommandId } from "../../protocol/command-id.ts";
import type { WalletView } from "../../protocol/entry.ts";
import { parseWallet, type WalletName } from "../../protocol/names.ts";
import type { GatewayCache } from "../cache/gateway-cache.ts";
import type { DeskAnswer } from "../command-desk.ts";
import { Problem } from "../problem.ts";
import { BudgetCount } from "./budget-count.ts";
import { CLAIM_READ_MS, type FoundClaim, foundUnder } from "./claim-attempt.ts";
import type { Claim } from "./claim-id.ts";

/** How old a cached wallet may be that says yes, ms: a wallet that is there stays there. One that says no is read anew. */
const RECEIVER_AGE_MS = 60_000;
/** How long after a campaign's end a claim may still be on its way to the log, ms. */
const DOUBT_MS = 60_000;
/** Questions about earlier claims of those who are turned away; beyond it nobody is asked, and the answer passes. */
const LOOKS_MAX = 8;

/** See the file header. */
export class ClaimGate {
  readonly #cache: GatewayCache;
  readonly #clock: Pick<ClientClock, "wallMs" | "steadyMs">;
  readonly #budgets: BudgetCount;
  #looks = 0;

  constructor(cache: GatewayCache, clock: Pick<ClientClock, "wallMs" | "steadyMs">) {
    this.#cache = cache;
    this.#clock = clock;
    this.#budgets = new BudgetCount(cache, () => clock.steadyMs());
  }

  /** Why a claim need not be sent, or null; then `onAnswer` must follow. Errors: those of reads. */
  async obstacle(client: Coffer, claim: Claim, id: CommandId): Promise<Problem | null> {
    const closed = this.#closed(claim);
    if (closed !== null) return closed;
    // First what costs nothing: in a burst most end here.
    if (!(await this.#budgets.admits(client, claim, id)))
      return new Problem("campaign_exhausted", { detail: `campaign ${claim.campaign.id}`, id });
    try {
      const obstacle = await this.#receiver(client, claim);
      if (obstacle !== null) this.#budgets.unsent(claim, id);
      return obstacle;
    } catch (thrown) {
      this.#budgets.unsent(claim, id);
      throw thrown;
    }
  }

  /**
   * What the engine has under the id of a claim that met an obstacle: whoever was granted is told so, whatever stands in
   * the way of others. Errors: the obstacle when there is nothing, and, where too many ask, an answer that passes.
   */
  async earlier(client: Coffer, claim: Claim, id: CommandId, obstacle: Problem): Promise<FoundClaim> {
    if (this.#looks >= LOOKS_MAX)
      throw obstacle.status === 503 ? obstacle : new Problem("busy", { detail: obstacle.code });
    this.#looks += 1;
    try {
      const found = await foundUnder(client, claim, id);
      if (found === null) throw obstacle;
      return found;
    } finally {
      this.#looks -= 1;
    }
  }

  /** What became of a claim that was sent. Never throws. */
  onAnswer(claim: Claim, id: CommandId, answer: DeskAnswer): void {
    const outcome = answer.kind === "settled" ? answer.outcome : null;
    if (answer.kind === "busy") this.#budgets.unsent(claim, id);
    else if (outcome === null || outcome.refusal === null) this.#budgets.settled(claim);
    else {
      const isNews = !outcome.replayed && outcome.refusal.code === "insufficient_funds";
      this.#budgets.refused(claim, id, isNews);
    }
  }

  #closed({ campaign: { closedMs, fromMs, toMs } }: Claim): Problem | null {
    const nowMs = this.#clock.wallMs();
    if (fromMs !== null && nowMs < fromMs)
      return new Problem("campaign_closed", { detail: "it has not begun", final: false });
    const endMs = Math.min(closedMs ?? Infinity, toMs ?? Infinity);
    if (closedMs === null && nowMs < endMs) return null;
    return new Problem("campaign_closed", { detail: "it has ended", final: nowMs >= endMs + DOUBT_MS });
  }

  /** The wallet that would receive. */
  async #receiver(client: Coffer, claim: Claim): Promise<Problem | null> {
    const { tenant } = claim.campaign;
    const name = receiverOf(claim);
    const cached = await this.#cache.wallet(tenant, name, RECEIVER_AGE_MS);
    if (cached !== null && receiverProblem(cached.wallet, claim) === null) return null;
    const sentMs = this.#clock.steadyMs();
    const read = await client.wallet(name, { deadlineMs: CLAIM_READ_MS });
    if (read === null) return new Problem("wallet_not_found", { detail: name, final: false });
    const { asOf, ...wallet } = read;
    await this.#cache.keepWallet(tenant, { wallet, asOf }, this.#clock.steadyMs() - sentMs);
    return receiverProblem(wallet, claim);
  }
}

/** The wallet that a claim pays into. */
export function receiverOf({ owner, campaign: { purse } }: Claim): WalletName {
  const wallet = parseWallet(`${owner}:${purse}`);
  assert(wallet !== undefined, "an owner and a purse are a wallet");
  return wallet;
}

function receiverProblem({ wallet, asset, status }: WalletView, { campaign }: Claim): Problem | null {
  if (asset !== campaign.asset) return new Problem("asset_mismatch", { detail: wallet });
  if (status === "closed") return new Problem("wallet_closed", { detail: wallet });
  return status === "frozen" ? new Problem("wallet_frozen", { detail: wallet, final: false }) : null;
}
