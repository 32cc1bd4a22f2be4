// Routes of transfers and of what happens to them later: capture, release, reverse, and the outcome by its id.
// Holds are transfers with `hold`; the id of a hold is the id of its transfer.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Op } from "../../protocol/command.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { parseOwner } from "../../protocol/names.ts";
import { mayTouch } from "../authorize.ts";
import { type CommandPlan, callCommand, commandLocation } from "../command-call.ts";
import { outcomeText, shownTo } from "../outcome-answer.ts";
import { Problem } from "../problem.ts";
import { READ_DEADLINE_MS } from "../read-answer.ts";
import { callerOf, parameterOf, type Route, type RouteContext, sendJson } from "../route.ts";
import { commandSchema, readSchema, schemas } from "../schemas.ts";

const TRANSFER_PLAN: CommandPlan = {
  op: "transfer",
  fields: {},
  created: (_command, { id }, owner) => ({ status: 201, location: commandLocation(id ?? "", owner ?? "") }),
};

const tags = ["transfers"];

/** See the file header. */
export const transferRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/transfers",
    access: "write",
    sendsCommands: true,
    schema: commandSchema({
      summary: "Move money, all legs or none; with `hold` reserve it",
      tags,
      body: schemas.transfer,
      created: true,
    }),
    handler: (context, request, reply) => callCommand(context, request, reply, TRANSFER_PLAN),
  },
  laterRoute("capture", "hold", "Take money out of a hold"),
  laterRoute("release", "hold", "End a hold and give back what is left"),
  laterRoute("reverse", "transfer", "Move a settled transfer back"),
  {
    method: "GET",
    path: "/v1/transfers/:id",
    access: "read",
    schema: readSchema({
      summary: "What became of a command: its outcome, or `pending`",
      tags,
      params: schemas.idParams,
      querystring: schemas.ownerQuery,
      answer: schemas.outcomeOrPending,
    }),
    handler: readOutcome,
  },
];

function laterRoute(
  op: Op & ("capture" | "release" | "reverse"),
  names: "hold" | "transfer",
  summary: string,
): Route {
  return {
    method: "POST",
    path: `/v1/transfers/:id/${op}`,
    access: "write",
    sendsCommands: true,
    schema: commandSchema({
      summary,
      tags,
      params: schemas.idParams,
      querystring: schemas.ownerQuery,
      body: schemas[op],
      created: false,
    }),
    handler: (context, request, reply) => {
      const id = parameterOf(request.params, "id");
      const owner = parameterOf(request.query, "owner");
      return callCommand(context, request, reply, { op, fields: { owner, [names]: id }, created: null });
    },
  };
}

async function readOutcome(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const principal = callerOf(request);
  const id = parseCommandId(parameterOf(request.params, "id"));
  const owner = parseOwner(parameterOf(request.query, "owner"));
  if (id === undefined) throw new Problem("id_invalid", { detail: "id" });
  if (owner === undefined) throw new Problem("malformed", { detail: "owner" });
  const missing = new Problem("transfer_not_found", { detail: id, id, final: false });
  if (!mayTouch(principal, owner)) throw missing;
  const client = await context.clients.of(principal.tenant);
  const found = await client.resolve(id, owner, { deadlineMs: READ_DEADLINE_MS });
  if (found.status === "not_found") throw missing;
  reply.header("cache-control", "private, no-cache");
  const isPending = found.status === "pending";
  if (isPending) reply.header("retry-after", "1");
  sendJson(reply, 200, isPending ? JSON.stringify(found) : outcomeText(shownTo(principal, found)));
}
