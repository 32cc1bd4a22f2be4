// The route of batches: many commands in one request, each on its own. One that refuses does not stop the others.
// Invariant: an element for each command, in order; 200 says nothing about any of them.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Coffer } from "../../client/mod.ts";
import { isJsonObject } from "../../protocol/canonical-json.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { COMMANDS_PER_MESSAGE_MAX } from "../../protocol/limits.ts";
import { outcomeToJson } from "../../protocol/outcome-json.ts";
import { addressedOwner, forbiddenIn } from "../command-access.ts";
import { keyOf } from "../command-call.ts";
import type { CommandJson, DeskAnswer } from "../command-desk.ts";
import { idOfKey } from "../idempotency.ts";
import { shownTo } from "../outcome-answer.ts";
import { parsePreference } from "../preference.ts";
import type { Principal } from "../principal.ts";
import { Problem } from "../problem.ts";
import { callerOf, type Route, type RouteContext, sendJson } from "../route.ts";
import { batchSchema, schemas } from "../schemas.ts";

/** See the file header. */
export const batchRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/batches",
    access: "write",
    schema: batchSchema({
      summary: "Send up to 1,000 commands, each on its own",
      tags: ["batches"],
      body: schemas.batch,
    }),
    handler: sendBatch,
  },
];

async function sendBatch(context: RouteContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const principal = callerOf(request);
  const commands = commandsIn(request, principal);
  const problems = commands.map((command) => forbiddenIn(principal, command));
  const forbidden = problems.find((problem) => problem?.code === "forbidden");
  if (forbidden) throw forbidden;
  const preference = parsePreference(request.headers["prefer"]);
  const client = await context.clients.of(principal.tenant);
  const send = sender(context, { client, principal, waitMs: preference.waitMs });
  const outcomes = await Promise.all(
    commands.map((command, index) => problemElement(command, problems[index]) ?? send(command)),
  );
  if (preference.applied !== null) reply.header("preference-applied", preference.applied);
  sendJson(reply, 200, JSON.stringify({ outcomes }));
}

interface Sending {
  readonly client: Coffer;
  readonly principal: Principal;
  readonly waitMs: number;
}

function sender(
  { desk }: RouteContext,
  { client, principal, waitMs }: Sending,
): (command: CommandJson) => Promise<object> {
  return (command) => {
    const { promise, resolve } = Promise.withResolvers<object>();
    const owner = addressedOwner(command);
    const id = parseCommandId(command["id"]);
    const scope = owner === undefined || id === undefined ? null : `${principal.tenant} ${owner} ${id}`;
    const onAnswer = (answer: DeskAnswer): void => resolve(elementOf(answer, command, principal));
    desk.send({ client, command, scope, waitMs, onAnswer });
    return promise;
  };
}

function elementOf(answer: DeskAnswer, command: CommandJson, principal: Principal): object {
  if (answer.kind === "settled") return outcomeToJson(shownTo(principal, answer.outcome));
  const { id, op } = command;
  if (answer.kind === "pending") return { id, op, status: "pending" };
  return { id, op, status: "unknown", code: answer.kind, detail: answer.detail };
}

function problemElement({ id, op }: CommandJson, problem: Problem | null | undefined): object | null {
  if (!problem) return null;
  return { id, op, status: "refused", code: problem.code, detail: problem.detail };
}

/** The commands of the body with their ids. Errors: Problem `malformed`, `too_large`, `id_invalid`. */
function commandsIn(request: FastifyRequest, { tenant }: Principal): CommandJson[] {
  const key = keyOf(request);
  const body: unknown = request.body;
  const list = isJsonObject(body) && Object.keys(body).length === 1 ? body["commands"] : undefined;
  if (!Array.isArray(list) || list.length === 0) throw new Problem("malformed", { detail: "commands" });
  if (list.length > COMMANDS_PER_MESSAGE_MAX) throw new Problem("too_large", { detail: "commands" });
  return list.map((command: unknown, index) => {
    if (!isJsonObject(command)) throw new Problem("malformed", { detail: `commands[${index}]` });
    const isNamed = command["id"] !== undefined;
    if (isNamed === (key !== null)) throw new Problem("id_invalid", { detail: `commands[${index}].id` });
    if (key === null) return command;
    return { ...command, id: idOfKey(key, { tenant, owner: addressedOwner(command) ?? "", index }) };
  });
}
