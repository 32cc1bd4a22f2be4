// A claim's way through HTTP. The gateway makes the transfer itself: the campaign, which an admin made, is the
// permission to take money out of its wallet, and the body says only who claims and which of his claims it is.
//
//   owner, ordinal ► campaign ► may touch ► id ► obstacles ► transfer ► answer
//                                            │        └ asked again: what the engine has under the id, else the obstacle
//                                            └ an earlier round's outcome ► answer
//
// Invariant: asked again, however often and wherever, a claim is granted once: (campaign, owner, ordinal) is its
// identity, and no other id or key is taken.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Coffer } from "../../client/mod.ts";
import { isJsonObject } from "../../protocol/canonical-json.ts";
import { type OwnerName, ownerOf, parseOwner } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { outcomeToJson } from "../../protocol/outcome-json.ts";
import { mayTouch } from "../authorize.ts";
import { isKeepable } from "../cache/keepable.ts";
import { type AnswerForm, type CallFacts, carryOut, keyOf } from "../command-call.ts";
import type { CommandJson, DeskAnswer } from "../command-desk.ts";
import { shownTo } from "../outcome-answer.ts";
import { parsePreference } from "../preference.ts";
import type { Principal } from "../principal.ts";
import { Problem, problemOfRefusal } from "../problem.ts";
import { callerOf, parameterOf, type RouteContext, sendJson } from "../route.ts";
import { type Campaign, parseCampaignId, parseOrdinal, ROUNDS_MAX } from "./campaign.ts";
import { attemptOf, type ClaimAttempt, type FoundClaim, isSettled } from "./claim-attempt.ts";
import { receiverOf } from "./claim-gate.ts";
import type { Claim } from "./claim-id.ts";

/** Sends the claim of a request and answers it, now or later. Errors: Problem, those of reads. */
export async function callClaim(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const principal = callerOf(request);
  if (keyOf(request) !== null)
    throw new Problem("id_invalid", { detail: "owner and ordinal are a claim's id; Idempotency-Key is not" });
  const claim = await claimIn(context, request, principal);
  const client = await context.clients.of(principal.tenant);
  const attempt = await attemptOf(client, claim);
  try {
    await new ClaimCall(context, { request, reply }, claim, attempt).run(client);
  } finally {
    // Its place, unless the transfer has it.
    context.admission.leave(request);
  }
}

/** The claim that a body names. Errors: Problem. */
async function claimIn(context: RouteContext, request: FastifyRequest, caller: Principal): Promise<Claim> {
  const body: unknown = request.body;
  if (!isJsonObject(body)) throw new Problem("malformed", { detail: "not an object" });
  const unknown = Object.keys(body).find((field) => field !== "owner" && field !== "ordinal");
  if (unknown !== undefined) throw new Problem("malformed", { detail: unknown.slice(0, 64) });
  const owner = parseOwner(body["owner"]);
  if (owner === undefined) throw new Problem("malformed", { detail: "owner" });
  const given = body["ordinal"];
  if (given !== undefined && parseOrdinal(given) === undefined)
    throw new Problem("malformed", { detail: "ordinal" });
  const campaign = await campaignInPath(context, request);
  const claim = claimOf(campaign, owner, given === undefined ? null : Number(given));
  if (!mayTouch(caller, owner))
    throw new Problem("wallet_not_found", { detail: receiverOf(claim), final: false });
  if (claim.ordinal > campaign.capPerOwner)
    throw new Problem("campaign_cap", { detail: `at most ${campaign.capPerOwner} for an owner` });
  return claim;
}

/** Which of an owner's claims it is must be said where there are several: a repeat must not become another one. */
function claimOf(campaign: Campaign, owner: OwnerName, ordinal: number | null): Claim {
  if (ordinal === null && campaign.capPerOwner > 1)
    throw new Problem("malformed", { detail: `ordinal: 1..${campaign.capPerOwner}` });
  return { campaign, owner, ordinal: ordinal ?? 1 };
}

/** The campaign that the path names. Errors: Problem `campaign_not_found`, `busy`. */
export async function campaignInPath(context: RouteContext, request: FastifyRequest): Promise<Campaign> {
  const name = parameterOf(request.params, "id");
  const id = parseCampaignId(name);
  if (id === undefined) throw new Problem("campaign_not_found", { detail: name?.slice(0, 64) ?? "" });
  const { tenant } = callerOf(request);
  return await context.campaigns.store.find(tenant, id);
}

/** What is shown of a claim beside its outcome. */
export function claimShown({ campaign, ordinal }: Claim): Readonly<Record<string, unknown>> {
  return { campaign: campaign.id, ordinal };
}

/** One request for a claim. */
class ClaimCall implements AnswerForm {
  readonly location: string;
  readonly shown: Readonly<Record<string, unknown>>;
  readonly #context: RouteContext;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #claim: Claim;
  readonly #attempt: ClaimAttempt;
  #isAdmitted = false;

  constructor(
    context: RouteContext,
    { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
    claim: Claim,
    attempt: ClaimAttempt,
  ) {
    this.#context = context;
    this.#request = request;
    this.#reply = reply;
    this.#claim = claim;
    this.#attempt = attempt;
    this.location = `/v1/campaigns/${claim.campaign.id}/claims/${claim.ordinal}?owner=${claim.owner}`;
    this.shown = claimShown(claim);
  }

  /** Errors: Problem, those of reads. */
  async run(client: Coffer): Promise<void> {
    const { id, found } = this.#attempt;
    if (found !== null) return this.#found(found);
    const { gate } = this.#context.campaigns;
    const obstacle = await gate.obstacle(client, this.#claim, id);
    if (obstacle !== null) return this.#found(await gate.earlier(client, this.#claim, id, obstacle));
    this.#isAdmitted = true;
    const { raw } = this.#reply;
    if (raw.destroyed) return this.onAnswer({ kind: "busy", detail: "the caller has gone" });
    // However the request ends, also when it is shed: nothing stays under way.
    raw.once("close", () => this.onAnswer({ kind: "pending" }));
    await carryOut(this.#context, this.#request, this.#reply, this.#facts());
  }

  onAnswer(answer: DeskAnswer): void {
    if (this.#isAdmitted) this.#context.campaigns.gate.onAnswer(this.#claim, this.#attempt.id, answer);
    this.#isAdmitted = false;
  }

  /** Another round may grant what this one refused. */
  refused(outcome: Outcome): Problem {
    const { code, detail, id, final } = problemOfRefusal(outcome);
    const isMoney = code === "insufficient_funds";
    return new Problem(code, {
      detail: isMoney ? "the campaign's wallet could not pay; refused in this round" : detail,
      id,
      final: isKeepable(outcome) ? this.#attempt.round >= ROUNDS_MAX : final,
    });
  }

  #facts(): CallFacts {
    const created = { status: 201, location: this.location } as const;
    const principal = callerOf(this.#request);
    const owner = ownerOf(this.#claim.campaign.wallet);
    return {
      plan: { op: "transfer", fields: {}, created: () => created, form: this },
      principal,
      command: this.#transfer(),
      owner,
      id: this.#attempt.id,
      preference: parsePreference(this.#request.headers["prefer"]),
    };
  }

  /** Answers with what the engine has already. Errors: Problem, when that is a refusal. */
  #found(found: FoundClaim): void {
    const reply = this.#reply.header("location", this.location);
    if (!isSettled(found)) {
      reply.header("retry-after", "1");
      sendJson(
        reply,
        202,
        JSON.stringify({ ...this.shown, id: found.id, op: "transfer", status: "pending" }),
      );
      return;
    }
    const outcome = { ...found, replayed: true };
    reply.header("idempotent-replayed", "true");
    if (found.status === "refused") throw this.refused(outcome);
    const shown = outcomeToJson(shownTo(callerOf(this.#request), outcome));
    sendJson(reply, 201, JSON.stringify({ ...this.shown, ...shown }));
  }

  #transfer(): CommandJson {
    const { wallet, amount, code, ref } = this.#claim.campaign;
    return {
      ...{ op: "transfer", id: this.#attempt.id, from: wallet, to: receiverOf(this.#claim) },
      amount: amount.toString(),
      ...(code === null ? {} : { code }),
      ...(ref === null ? {} : { ref }),
    };
  }
}
