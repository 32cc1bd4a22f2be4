// Routes of promotions: making a campaign, its end, its rounds, and claims of owners.
// A campaign is its wallet's owner's: for keys that may not touch that owner it does not exist. Claims are the claimant's.

import type { FastifyReply, FastifyRequest } from "fastify";
import { isJsonObject } from "../../protocol/canonical-json.ts";
import { ownerOf, parseOwner } from "../../protocol/names.ts";
import { outcomeToJson } from "../../protocol/outcome-json.ts";
import { mayTouch } from "../authorize.ts";
import {
  type Campaign,
  type CampaignTerms,
  campaignToJson,
  parseCampaignId,
  parseRound,
} from "../campaigns/campaign.ts";
import { campaignTermsIn } from "../campaigns/campaign-body.ts";
import { attemptOf, foundUnder, isSettled } from "../campaigns/claim-attempt.ts";
import { callClaim, campaignInPath, claimShown } from "../campaigns/claim-call.ts";
import { keyOf } from "../command-call.ts";
import { idOfKey } from "../idempotency.ts";
import { shownTo } from "../outcome-answer.ts";
import { Problem } from "../problem.ts";
import { READ_DEADLINE_MS } from "../read-answer.ts";
import { callerOf, parameterOf, type Route, type RouteContext, sendJson } from "../route.ts";
import { campaignSchema, claimSchema, readSchema, schemas } from "../schemas.ts";
import { missing } from "./reads.ts";

const tags = ["campaigns"];
const params = schemas.campaignParams;

/** See the file header. */
export const campaignRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/campaigns",
    access: "admin",
    schema: campaignSchema({ summary: "Make a campaign", tags, body: schemas.campaign, created: true }),
    handler: makeCampaign,
  },
  {
    method: "GET",
    path: "/v1/campaigns/:id",
    access: "read",
    schema: readSchema({
      summary: "One campaign",
      tags,
      params,
      querystring: schemas.noQuery,
      answer: schemas.campaignView,
    }),
    handler: async (context, request, reply) => {
      const campaign = await ownCampaign(context, request);
      sendJson(reply, 200, JSON.stringify(campaignToJson(campaign)));
    },
  },
  {
    method: "POST",
    path: "/v1/campaigns/:id/close",
    access: "admin",
    schema: campaignSchema({ summary: "End a campaign for good", tags, params, created: false }),
    handler: (context, request, reply) =>
      change(context, request, reply, (campaign) =>
        campaign.closedMs === null ? { ...campaign, closedMs: context.campaigns.nowMs() } : campaign,
      ),
  },
  {
    method: "POST",
    path: "/v1/campaigns/:id/rounds",
    access: "admin",
    schema: campaignSchema({
      summary: "Begin the next round: claims that were refused may be made again",
      tags,
      params,
      body: schemas.round,
      created: false,
    }),
    handler: (context, request, reply) => change(context, request, reply, nextRound(request.body)),
  },
  {
    method: "POST",
    path: "/v1/campaigns/:id/claims",
    access: "write",
    sendsCommands: true,
    schema: claimSchema({ summary: "Claim for an owner", tags, params, body: schemas.claim }),
    handler: callClaim,
  },
  {
    method: "GET",
    path: "/v1/campaigns/:id/claims/:ordinal",
    access: "read",
    schema: readSchema({
      summary: "What became of an owner's claim",
      tags,
      params: schemas.claimParams,
      querystring: schemas.ownerQuery,
      answer: schemas.claimOutcomeOrPending,
    }),
    handler: readClaim,
  },
];

async function makeCampaign(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const principal = callerOf(request);
  const { tenant } = principal;
  const body: unknown = request.body;
  if (!isJsonObject(body)) throw new Problem("malformed", { detail: "not an object" });
  const terms = campaignTermsIn(body);
  const id = idIn(request, body["id"], terms, tenant);
  if (!mayTouch(principal, ownerOf(terms.wallet))) throw missing(terms.wallet);
  const client = await context.clients.of(tenant);
  const wallet = await client.wallet(terms.wallet, { deadlineMs: READ_DEADLINE_MS });
  if (wallet === null) throw missing(terms.wallet);
  const { asset } = wallet;
  const wish = {
    ...terms,
    tenant,
    id,
    asset,
    createdMs: context.campaigns.nowMs(),
    closedMs: null,
    round: 1,
  };
  const { campaign, isNew } = await context.campaigns.store.make(wish);
  if (isNew) reply.header("location", `/v1/campaigns/${id}`);
  sendJson(reply, isNew ? 201 : 200, JSON.stringify(campaignToJson(campaign)));
}

/** The id that the body names, or that the key stands for. Errors: Problem `id_invalid`. */
function idIn(request: FastifyRequest, named: unknown, { wallet }: CampaignTerms, tenant: string): string {
  const key = keyOf(request);
  if ((key === null) === (named === undefined))
    throw new Problem("id_invalid", { detail: "either id or Idempotency-Key must be given" });
  if (key !== null) return idOfKey(key, { tenant, owner: ownerOf(wallet) });
  const id = parseCampaignId(named);
  if (id === undefined) throw new Problem("id_invalid", { detail: "id" });
  return id;
}

/** The campaign of the path, if the caller may touch the owner of its wallet. Errors: Problem. */
async function ownCampaign(context: RouteContext, request: FastifyRequest): Promise<Campaign> {
  const campaign = await campaignInPath(context, request);
  if (mayTouch(callerOf(request), ownerOf(campaign.wallet))) return campaign;
  throw new Problem("campaign_not_found", { detail: campaign.id, final: false });
}

async function change(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  changed: (campaign: Campaign) => Campaign,
): Promise<void> {
  const { tenant, id } = await ownCampaign(context, request);
  const campaign = await context.campaigns.store.change(tenant, id, changed);
  sendJson(reply, 200, JSON.stringify(campaignToJson(campaign)));
}

/** The change that a body asks for; a round that has begun already is left as it is. Errors: Problem. */
function nextRound(body: unknown): (campaign: Campaign) => Campaign {
  const isAlone = isJsonObject(body) && Object.keys(body).length === 1;
  const round = isAlone ? parseRound(body["round"]) : undefined;
  if (round === undefined) throw new Problem("malformed", { detail: "round" });
  return (campaign) => {
    if (round === campaign.round) return campaign;
    if (round === campaign.round + 1) return { ...campaign, round };
    throw new Problem("campaign_round", { detail: `it is in round ${campaign.round}`, final: false });
  };
}

async function readClaim(context: RouteContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const principal = callerOf(request);
  const owner = parseOwner(parameterOf(request.query, "owner"));
  if (owner === undefined) throw new Problem("malformed", { detail: "owner" });
  if (!mayTouch(principal, owner)) throw unclaimed(owner);
  const campaign = await campaignInPath(context, request);
  const claim = { campaign, owner, ordinal: Number(parameterOf(request.params, "ordinal")) };
  if (claim.ordinal > campaign.capPerOwner) throw unclaimed(owner);
  const client = await context.clients.of(principal.tenant);
  const { id, found } = await attemptOf(client, claim);
  const known = found ?? (await foundUnder(client, claim, id));
  if (known === null) throw unclaimed(owner);
  reply.header("cache-control", "private, no-cache");
  const outcome = isSettled(known) ? outcomeToJson(shownTo(principal, known)) : known;
  sendJson(reply, 200, JSON.stringify({ ...claimShown(claim), ...outcome }));
}

function unclaimed(owner: string): Problem {
  return new Problem("transfer_not_found", { detail: `no claim of ${owner}`, final: false });
}
