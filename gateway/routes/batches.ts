// The route of batches: many commands in one request, each on its own. One that refuses does not stop the others.
// Invariant: an element for each command, in order; 200 says nothing about any of them.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Coffer } from "../../client/mod.ts";
import { isJsonObject } from "../../protocol/canonical-json.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { COMMANDS_PER_MESSAGE_MAX } from "../../protocol/limits.ts";
import { outcomeToJson } from "../../protocol/outcome-json.ts";
import type { Ticket } from "../admission/tickets.ts";
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
import { answerShed } from "../shed-answer.ts";

/** See the file header. */
export const batchRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/batches",
    access: "write",
    sendsCommands: true,
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
  const { admission, metrics } = context;
  const shed = admission.charge(principal, commands.length);
  if (shed !== null) {
    admission.leave(request);
    answerShed(request, reply, shed);
    return;
  }
  metrics.onBatch(commands.length);
  const refused = commands.map(
    (command, index) =>
      problemElement(command, problems[index]) ?? shedElement(context, request, principal, command),
  );
  const sent = refused.filter((element) => element === null).length;
  if (sent === 0) admission.leave(request);
  const ticket = admission.handOver(request, Math.max(1, sent));
  const send = sender(context, { client, principal, waitMs: preference.waitMs, ticket });
  const outcomes = await Promise.all(commands.map((command, index) => refused[index] ?? send(command)));
  if (preference.applied !== null) reply.header("preference-applied", preference.applied);
  sendJson(reply, 200, JSON.stringify({ outcomes }));
}

interface Sending {
  readonly client: Coffer;
  readonly principal: Principal;
  readonly waitMs: number;
  /** To be given back once for each command. */
  readonly ticket: Ticket;
}

function sender(
  { desk, metrics }: RouteContext,
  { client, principal, waitMs, ticket }: Sending,
): (command: CommandJson) => Promise<object> {
  return (command) => {
    const { promise, resolve } = Promise.withResolvers<object>();
    const owner = addressedOwner(command);
    const id = parseCommandId(command["id"]);
    const scope = owner === undefined || id === undefined ? null : `${principal.tenant} ${owner} ${id}`;
    const onAnswer = (answer: DeskAnswer): void => {
      metrics.onOutcome(codeOf(answer));
      resolve(elementOf(answer, command, principal));
    };
    desk.send({ client, command, scope, waitMs, ticket, onAnswer });
    return promise;
  };
}

function codeOf(answer: DeskAnswer): string {
  if (answer.kind !== "settled") return answer.kind;
  return answer.outcome.refusal?.code ?? answer.outcome.status;
}

/** What is said of a command that is shed; null for one that may be sent. */
function shedElement(
  { admission }: RouteContext,
  request: FastifyRequest,
  principal: Principal,
  command: CommandJson,
): object | null {
  const owner = addressedOwner(command);
  const shed = owner === undefined ? null : admission.claimPart(request, principal, owner);
  if (shed === null) return null;
  const { id, op } = command;
  return { id, op, status: "unknown", code: shed.code, detail: shed.detail };
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
