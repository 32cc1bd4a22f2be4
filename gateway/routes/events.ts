// The route of live events: a stream for as long as its reader stays. Who may open it is decided here, and how it looks to
// whoever may not; everything else is live-events.ts's.
//
// Invariant: a foreign owner is answered like one without wallets, in a list of owners, too.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { OwnerName } from "../../protocol/names.ts";
import { mayTouch } from "../authorize.ts";
import { STREAM_OWNERS_MAX } from "../live/live-settings.ts";
import { parseOwners } from "../live/ticket-office.ts";
import type { Principal } from "../principal.ts";
import { Problem } from "../problem.ts";
import { callerOf, parameterOf, type Route, type RouteContext } from "../route.ts";
import { schemas, streamSchema } from "../schemas.ts";
import { missing } from "./reads.ts";

/** See the file header. */
export const eventRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/events",
    access: "read",
    schema: streamSchema({
      summary: "Follow the wallets of owners: a snapshot, then every change",
      tags: ["events"],
      querystring: schemas.eventsQuery,
    }),
    guest: ({ tickets }, request) => {
      const ticket = parameterOf(request.query, "ticket");
      return ticket === undefined ? null : tickets.principalOf(ticket);
    },
    handler: openEvents,
  },
];

async function openEvents(
  { live }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const principal = callerOf(request);
  const owners = ownersIn(request, principal);
  const foreign = owners.find((owner) => !mayTouch(principal, owner));
  if (foreign !== undefined) throw missing(foreign);
  const { raw } = reply;
  const takeOver = () => {
    request.routeCount?.add(200);
    reply.hijack();
    raw.setHeader("x-request-id", request.id);
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) raw.setHeader(name, value);
    // A ticket, unlike a cookie, is sent by nobody who does not know it, so every page that has one may read.
    if (request.headers.authorization === undefined) raw.setHeader("access-control-allow-origin", "*");
  };
  const answer = { raw, takeOver, isHeadOnly: request.method === "HEAD" };
  await live.open({ principal, owners, lastEventId: lastEventIdOf(request), answer });
}

/** What a browser sends by itself is newer than what the address says. */
function lastEventIdOf({ headers, query }: FastifyRequest): string | null {
  const header = headers["last-event-id"];
  return typeof header === "string" ? header : (parameterOf(query, "lastEventId") ?? null);
}

/** The owners that are asked for, sorted; without one those that the caller is bound to. Errors: Problem `malformed`. */
function ownersIn({ query }: FastifyRequest, principal: Principal): OwnerName[] {
  const asked: unknown =
    typeof query === "object" && query !== null ? Reflect.get(query, "owner") : undefined;
  const owners = asked === undefined ? principal.owners : parseOwners(Array.isArray(asked) ? asked : [asked]);
  if (!owners) throw new Problem("malformed", { detail: `owner: 1 to ${STREAM_OWNERS_MAX} owners` });
  return [...owners].sort();
}
