// Routes that read wallets and holds. An owner without wallets is told to be missing, and so is a foreign one.
// Does not own entries, which have filters and a second form (entries.ts).

import type { FastifyReply, FastifyRequest } from "fastify";
import { type OwnerName, ownerOf, parseOwner, parseWallet, type WalletName } from "../../protocol/names.ts";
import { holdToJson, walletToJson } from "../../protocol/read-answer.ts";
import { mayTouch } from "../authorize.ts";
import { Problem } from "../problem.ts";
import { READ_DEADLINE_MS, sendTagged, showInstant } from "../read-answer.ts";
import { callerOf, parameterOf, type Route, type RouteContext, sendJson } from "../route.ts";
import { readSchema, schemas } from "../schemas.ts";

const tags = ["reads"];
const deadlineMs = READ_DEADLINE_MS;

/** See the file header. */
export const readRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/owners/:owner",
    access: "read",
    schema: readSchema({
      summary: "All wallets of an owner at one instant, without their meta",
      tags,
      params: schemas.ownerParams,
      answer: schemas.owner,
      isTagged: true,
    }),
    handler: readOwner,
  },
  {
    method: "GET",
    path: "/v1/wallets/:wallet",
    access: "read",
    schema: readSchema({
      summary: "One wallet",
      tags,
      params: schemas.walletParams,
      answer: schemas.wallet,
      isTagged: true,
    }),
    handler: readWallet,
  },
  {
    method: "GET",
    path: "/v1/owners/:owner/holds",
    access: "read",
    schema: readSchema({
      summary: "An owner's holds, newest first",
      tags,
      params: schemas.ownerParams,
      querystring: schemas.holdsQuery,
      answer: schemas.holds,
    }),
    handler: readHolds,
  },
];

/** The wallet that the path names. Errors: Problem `wallet_invalid`, and `wallet_not_found` for a foreign one. */
export function walletInPath(request: FastifyRequest): WalletName {
  const wallet = parseWallet(parameterOf(request.params, "wallet"));
  if (wallet === undefined) throw new Problem("wallet_invalid", { detail: "wallet" });
  if (!mayTouch(callerOf(request), ownerOf(wallet))) throw missing(wallet);
  return wallet;
}

/** What is said of a wallet or owner that does not exist for the caller. It may come to exist. */
export function missing(name: string): Problem {
  return new Problem("wallet_not_found", { detail: name, final: false });
}

/** The size of a page that the query asks for. */
export function limitIn(query: unknown): number | undefined {
  if (typeof query !== "object" || query === null) return undefined;
  const limit: unknown = Reflect.get(query, "limit");
  return typeof limit === "number" ? limit : undefined;
}

function ownerInPath(request: FastifyRequest): OwnerName {
  const owner = parseOwner(parameterOf(request.params, "owner"));
  if (owner === undefined) throw new Problem("malformed", { detail: "owner" });
  if (!mayTouch(callerOf(request), owner)) throw missing(owner);
  return owner;
}

async function readOwner(context: RouteContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const owner = ownerInPath(request);
  const client = await context.clients.of(callerOf(request).tenant);
  const { wallets, asOf } = await client.owner(owner, { deadlineMs });
  if (wallets.length === 0) throw missing(owner);
  showInstant(reply, asOf);
  const shown = wallets.map((wallet) => walletToJson(wallet, { withMeta: false }));
  sendTagged(request, reply, { owner, wallets: shown });
}

async function readWallet(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const name = walletInPath(request);
  const client = await context.clients.of(callerOf(request).tenant);
  const wallet = await client.wallet(name, { deadlineMs });
  if (wallet === null) throw missing(name);
  showInstant(reply, wallet.asOf);
  sendTagged(request, reply, walletToJson(wallet));
}

async function readHolds(context: RouteContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const owner = ownerInPath(request);
  const cursor = parameterOf(request.query, "cursor");
  const limit = limitIn(request.query);
  const client = await context.clients.of(callerOf(request).tenant);
  const pages = client.holds(owner, {
    deadlineMs,
    ...(cursor === undefined ? {} : { cursor }),
    ...(limit === undefined ? {} : { limit }),
  });
  const page = await pages.next();
  if (page.done === true) throw missing(owner);
  const { elements, next, asOf } = page.value;
  showInstant(reply, asOf);
  sendJson(
    reply,
    200,
    JSON.stringify({ data: elements.map(holdToJson), ...(next === null ? {} : { next }) }),
  );
}
