// The route of a wallet's entries: pages newest first, with filters, as JSON or as a table.
//
// A page that is filtered looks at no more than `PAGES_MAX` pages of entries; it may hold fewer elements than asked for,
// also none, and still name the one after.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Coffer } from "../../client/mod.ts";
import type { Entry } from "../../protocol/entry.ts";
import { PAGE_DEFAULT } from "../../protocol/limits.ts";
import type { WalletName } from "../../protocol/names.ts";
import { type AsOf, entryToJson } from "../../protocol/read-answer.ts";
import { entriesCsv } from "../entries-csv.ts";
import { Problem } from "../problem.ts";
import { READ_DEADLINE_MS, showInstant } from "../read-answer.ts";
import { callerOf, parameterOf, type Route, type RouteContext, sendJson } from "../route.ts";
import { readSchema, schemas } from "../schemas.ts";
import { limitIn, missing, walletInPath } from "./reads.ts";

/** Pages of entries that one filtered page may look at. */
const PAGES_MAX = 20;

/** See the file header. */
export const entryRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/wallets/:wallet/entries",
    access: "read",
    schema: readSchema({
      summary: "What changed a wallet, newest first",
      tags: ["reads"],
      params: schemas.walletParams,
      querystring: schemas.entriesQuery,
      answer: schemas.entries,
      csv: true,
    }),
    handler: readEntries,
  },
];

interface EntryFilter {
  readonly fromMs: number;
  readonly toMs: number;
  readonly ref: string | undefined;
}

interface FilteredPage {
  readonly entries: readonly Entry[];
  readonly next: string | null;
  readonly asOf: AsOf;
}

async function readEntries(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const wallet = walletInPath(request);
  const isTable = acceptsTable(request.headers.accept);
  const filter = filterOf(request.query);
  const limit = limitIn(request.query) ?? PAGE_DEFAULT;
  const cursor = parameterOf(request.query, "cursor") ?? null;
  const client = await context.clients.of(callerOf(request).tenant);
  const page = await filteredPage(client, wallet, { filter, limit, cursor });
  if (page === null) throw missing(wallet);
  showInstant(reply, page.asOf);
  reply.header("vary", "accept, authorization");
  if (page.next !== null) reply.header("link", `<${nextUrl(request.url, page.next)}>; rel="next"`);
  if (isTable) reply.header("content-type", "text/csv; charset=utf-8").send(entriesCsv(page.entries));
  else {
    const next = page.next === null ? {} : { next: page.next };
    sendJson(reply, 200, JSON.stringify({ data: page.entries.map(entryToJson), ...next }));
  }
}

/** Asks for no more than is missing, so that a page never ends in the middle of one of the engine's. */
async function filteredPage(
  client: Coffer,
  wallet: WalletName,
  { filter, limit, cursor }: { filter: EntryFilter; limit: number; cursor: string | null },
): Promise<FilteredPage | null> {
  const entries: Entry[] = [];
  let next = cursor;
  for (let looked = 1; ; looked += 1) {
    const at = next === null ? {} : { cursor: next };
    const pages = client.entries(wallet, {
      limit: limit - entries.length,
      deadlineMs: READ_DEADLINE_MS,
      ...at,
    });
    const page = await pages.next();
    if (page.done === true) return null;
    const { elements, asOf } = page.value;
    entries.push(...elements.filter((entry) => fits(entry, filter)));
    const isPast = (elements.at(-1)?.timeMs ?? filter.fromMs) < filter.fromMs;
    next = isPast ? null : page.value.next;
    if (next === null || entries.length >= limit || looked >= PAGES_MAX) return { entries, next, asOf };
  }
}

function fits({ timeMs, ref }: Entry, filter: EntryFilter): boolean {
  return timeMs >= filter.fromMs && timeMs < filter.toMs && (filter.ref === undefined || ref === filter.ref);
}

function filterOf(query: unknown): EntryFilter {
  return {
    fromMs: timeIn(query, "from") ?? Number.NEGATIVE_INFINITY,
    toMs: timeIn(query, "to") ?? Number.POSITIVE_INFINITY,
    ref: parameterOf(query, "ref"),
  };
}

function timeIn(query: unknown, name: string): number | undefined {
  const text = parameterOf(query, name);
  if (text === undefined) return undefined;
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw new Problem("malformed", { detail: name });
  return timeMs;
}

/** Whether the caller wants a table. Errors: Problem `not_acceptable` when neither form would do. */
function acceptsTable(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const kinds = accept.split(",").flatMap((each) => {
    const [kind = "", ...parameters] = each.trim().toLowerCase().split(";");
    return parameters.some((text) => /^\s*q=0(?:\.0*)?\s*$/.test(text)) ? [] : [kind.trim()];
  });
  const json = ["application/json", "application/*", "*/*"].some((kind) => kinds.includes(kind));
  const table = ["text/csv", "text/*"].some((kind) => kinds.includes(kind));
  if (!json && !table) throw new Problem("not_acceptable", { detail: "application/json or text/csv" });
  return table && !kinds.includes("application/json");
}

function nextUrl(url: string, cursor: string): string {
  const [path = "", query = ""] = url.split("?", 2);
  const parameters = new URLSearchParams(query);
  parameters.set("cursor", cursor);
  return `${path}?${parameters}`;
}
