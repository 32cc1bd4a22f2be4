// Routes that read wallets and holds. An owner without wallets is told to be missing, and so is a foreign one.
// Does not own entries, which have filters and a second form (entries.ts).

import type { FastifyReply, FastifyRequest } from "fastify";
import { type OwnerName, ownerOf, parseOwner, parseWallet, type WalletName } from "../../protocol/names.ts";
import { holdToJson, walletToJson } from "../../protocol/read-answer.ts";
import { mayTouch } from "../authorize.ts";
import { pastBalance } from "../past-balance.ts";
import { Problem } from "../problem.ts";
import { maxAgeIn, READ_DEADLINE_MS, sendShown, showInstant, shownValue } from "../read-answer.ts";
import { callerOf, parameterOf, type Route, type RouteContext, sendJson } from "../route.ts";
import { readSchema, schemas } from "../schemas.ts";
import type { FoundWallet } from "../wallet-reads.ts";

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
      summary: "One wallet, now, from the cache, or as it was at a time",
      tags,
      params: schemas.walletParams,
      querystring: schemas.walletQuery,
      headers: schemas.cacheHeaders,
      answer: schemas.walletOrPast,
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

/** Strong, also for who would take an old answer: an owner's wallets are cached one by one, not at one instant. */
async function readOwner(context: RouteContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const owner = ownerInPath(request);
  const client = await context.clients.of(callerOf(request).tenant);
  const { wallets, asOf } = await client.owner(owner, { deadlineMs });
  if (wallets.length === 0) throw missing(owner);
  const shown = wallets.map((wallet) => walletToJson(wallet, { withMeta: false }));
  sendShown(request, reply, shownValue({ owner, wallets: shown }, asOf), 0);
}

/** No promise where the near copy will do: most reads of a busy gateway are these. */
function readWallet(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): void | Promise<void> {
  const name = walletInPath(request);
  const { tenant } = callerOf(request);
  const { walletReads } = context;
  const at = parameterOf(request.query, "at");
  const isCached = parameterOf(request.query, "consistency") === "cached";
  if (at !== undefined) return readPast(context, request, reply, { name, at, isCached });
  const maxAgeMs = isCached ? maxAgeIn(request.headers["cache-control"]) : 0;
  const sent = { request, reply, name };
  if (maxAgeMs === 0) return walletReads.strong(tenant, name).then((found) => sendWallet(sent, found));
  const found = walletReads.peek(tenant, name, maxAgeMs);
  if (found === null)
    return walletReads.cached(tenant, name, maxAgeMs).then((fetched) => sendWallet(sent, fetched));
  sendWallet(sent, found);
  return undefined;
}

interface WalletRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly name: WalletName;
}

function sendWallet({ request, reply, name }: WalletRequest, found: FoundWallet | null): void {
  if (found === null) throw missing(name);
  const { near, ageMs } = found;
  near.shown ??= shownValue(walletToJson(near.wallet), near.asOf);
  sendShown(request, reply, near.shown, ageMs);
}

async function readPast(
  { clients, walletReads }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { name, at, isCached }: { readonly name: WalletName; readonly at: string; readonly isCached: boolean },
): Promise<void> {
  const atMs = Date.parse(at);
  if (isCached) throw new Problem("malformed", { detail: "at: excludes consistency=cached" });
  if (Number.isNaN(atMs)) throw new Problem("malformed", { detail: "at" });
  if (atMs > walletReads.wallMs()) throw new Problem("malformed", { detail: "at: lies in the future" });
  const past = await pastBalance(await clients.of(callerOf(request).tenant), name, atMs);
  if (past === null) throw missing(name);
  sendShown(request, reply, shownValue(past.json, past.asOf), 0);
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
  // Nobody's list of holds is empty, too.
  if (elements.length === 0 && (await client.owner(owner, { deadlineMs })).wallets.length === 0)
    throw missing(owner);
  showInstant(reply, asOf);
  sendJson(
    reply,
    200,
    JSON.stringify({ data: elements.map(holdToJson), ...(next === null ? {} : { next }) }),
  );
}
