// The route of tickets: what a service gives to a browser, so that it can open a stream of live events without the key.
// Does not own: what a ticket is made of, nor when it is good (ticket-office.ts).
// Invariant: a ticket is asked for with a key; nobody gets one for owners whose wallets the key may not see.

import type { FastifyReply, FastifyRequest } from "fastify";
import { isJsonObject } from "../../protocol/canonical-json.ts";
import type { OwnerName } from "../../protocol/names.ts";
import { timeText } from "../../protocol/time-text.ts";
import { mayTouch } from "../authorize.ts";
import { parseOwners } from "../live/ticket-office.ts";
import type { Principal } from "../principal.ts";
import { Problem } from "../problem.ts";
import { callerOf, type Route, type RouteContext, sendJson } from "../route.ts";
import { schemas, ticketSchema } from "../schemas.ts";
import { missing } from "./reads.ts";

/** See the file header. */
export const ticketRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/tickets",
    access: "read",
    schema: ticketSchema({
      summary: "A ticket that opens streams of live events for a minute",
      tags: ["events"],
      body: schemas.ticketOrder,
    }),
    handler: issueTicket,
  },
];

function issueTicket({ tickets }: RouteContext, request: FastifyRequest, reply: FastifyReply): void {
  const principal = callerOf(request);
  const { ticket, endMs } = tickets.issue(principal, ownersOf(request.body, principal));
  reply.header("cache-control", "no-store");
  sendJson(reply, 201, JSON.stringify({ ticket, expires: timeText(endMs) }));
}

/** The owners that a ticket is for; null = all of the tenant. Errors: Problem `malformed`, `wallet_not_found`. */
function ownersOf(body: unknown, principal: Principal): OwnerName[] | null {
  const fields = body === undefined ? {} : body;
  if (!isJsonObject(fields)) throw new Problem("malformed", { detail: "not an object" });
  const unknown = Object.keys(fields).find((name) => name !== "owners");
  if (unknown !== undefined) throw new Problem("malformed", { detail: unknown.slice(0, 64) });
  const asked = fields["owners"];
  const owners = asked === undefined ? principal.owners : parseOwners(asked);
  if (owners === undefined) throw new Problem("malformed", { detail: "owners" });
  if (owners === null) return null;
  const foreign = [...owners].find((owner) => !mayTouch(principal, owner));
  if (foreign !== undefined) throw missing(foreign);
  return [...owners].sort();
}
