// The route of batches: many commands in one request, each on its own. One that refuses does not stop the others.
// Invariant: an element for each command, in order; 200 says nothing about any of them.

import type { FastifyReply, FastifyRequest } from "fastify";
import { isJsonObject } from "../../protocol/canonical-json.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { COMMANDS_PER_MESSAGE_MAX } from "../../protocol/limits.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import type { Shed } from "../admission/shed.ts";
import { addressedOwner, forbiddenIn } from "../command-access.ts";
import { commandScope, keyOf } from "../command-call.ts";
import { type CommandJson, codeOfAnswer, type DeskAnswer } from "../command-desk.ts";
import { idOfKey } from "../idempotency.ts";
import { outcomesText, shownTo } from "../outcome-answer.ts";
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
  const batch = new Batch(principal, commands);
  const owners = commands.map((command) => addressedOwner(command) ?? null);
  for (const [index, owner] of owners.entries()) {
    const unsent =
      problems[index] ?? (owner === null ? null : admission.claimPart(request, principal, owner));
    if (unsent !== null) batch.put(index, unsent);
  }
  if (batch.open === 0) admission.leave(request);
  const ticket = admission.handOver(request, Math.max(1, batch.open));
  for (const [index, command] of commands.entries()) {
    if (batch.has(index)) continue;
    const onAnswer = (answer: DeskAnswer): void => {
      metrics.onOutcome(codeOfAnswer(answer));
      batch.answer(index, answer);
    };
    const id = parseCommandId(command["id"]) ?? null;
    const scope = commandScope(principal, owners[index] ?? null, id);
    context.desk.send({ client, command, scope, waitMs: preference.waitMs, ticket, onAnswer });
  }
  await batch.whole;
  if (preference.applied !== null) reply.header("preference-applied", preference.applied);
  sendJson(reply, 200, `{"outcomes":[${batch.text}]}`);
}

/** The elements of an answer as they come in: outcomes, which become text together, and what is text already. */
class Batch {
  readonly #principal: Principal;
  readonly #commands: readonly CommandJson[];
  readonly #elements: (Outcome | string)[] = [];
  readonly #isWhole = Promise.withResolvers<void>();
  #open: number;

  constructor(principal: Principal, commands: readonly CommandJson[]) {
    this.#principal = principal;
    this.#commands = commands;
    this.#open = commands.length;
  }

  /** Commands without an element. */
  get open(): number {
    return this.#open;
  }

  /** Resolves when no command is without one. */
  get whole(): Promise<void> {
    return this.#isWhole.promise;
  }

  /** All elements, joined by commas; once it is whole. */
  get text(): string {
    return outcomesText(this.#elements);
  }

  has(index: number): boolean {
    return this.#elements[index] !== undefined;
  }

  /** Puts in what is said of a command that is not sent. */
  put(index: number, unsent: Problem | Shed): void {
    const status = unsent instanceof Problem ? "refused" : "unknown";
    this.#put(index, this.#textOf(index, { status, code: unsent.code, detail: unsent.detail }));
  }

  /** Puts in what became of a command. */
  answer(index: number, answer: DeskAnswer): void {
    if (answer.kind === "settled") this.#put(index, shownTo(this.#principal, answer.outcome));
    else if (answer.kind === "pending") this.#put(index, this.#textOf(index, { status: "pending" }));
    else
      this.#put(index, this.#textOf(index, { status: "unknown", code: answer.kind, detail: answer.detail }));
  }

  #textOf(index: number, said: object): string {
    const { id, op } = this.#commands[index] ?? {};
    return JSON.stringify({ id, op, ...said });
  }

  #put(index: number, element: Outcome | string): void {
    this.#elements[index] = element;
    this.#open -= 1;
    if (this.#open === 0) this.#isWhole.resolve();
  }
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
