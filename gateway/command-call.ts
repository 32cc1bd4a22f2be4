// A command's way through HTTP: who may send it, which id it has, how long its caller waits, and the answer.
// Routes say which operation it is and which fields the path gives; everything else is the same for all of them.
//
//   body ► fields ► owner ► may touch ► id ► claim ► desk ► outcome ► answer
//
// Does not own the shape of commands: the engine's own rules judge it, in the client, so that HTTP and NATS refuse with
// the same codes.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Coffer } from "../client/mod.ts";
import { isJsonObject } from "../protocol/canonical-json.ts";
import type { Op } from "../protocol/command.ts";
import { type CommandId, parseCommandId } from "../protocol/command-id.ts";
import type { OwnerName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { outcomeToJson } from "../protocol/outcome-json.ts";
import { addressedOwner, forbiddenIn } from "./command-access.ts";
import { type CommandJson, type CommandTimes, codeOfAnswer, type DeskAnswer } from "./command-desk.ts";
import { idOfKey, parseIdempotencyKey } from "./idempotency.ts";
import { outcomeText, shownTo } from "./outcome-answer.ts";
import { type Preference, parsePreference } from "./preference.ts";
import type { Principal } from "./principal.ts";
import { Problem, problemOfRefusal } from "./problem.ts";
import { callerOf, type RouteContext, sendJson } from "./route.ts";
import { answerShed } from "./shed-answer.ts";

/** What a route adds to the body. */
export interface CommandPlan {
  readonly op: Op;
  /** Fields that the path and the query give; the body may not name them. */
  readonly fields: CommandJson;
  /** Status of a settled command, and where the thing is that it made; null = 200 and nothing new. */
  readonly created:
    | ((command: CommandJson, outcome: Outcome, owner: OwnerName | null) => Created | Promise<Created>)
    | null;
  /** How answers look that are more than the command's outcome. */
  readonly form?: AnswerForm;
}

/** What a route adds to the answers of a command that the gateway made for it. */
export interface AnswerForm {
  /** Where the outcome can be read. */
  readonly location: string;
  /** Fields in front of those of the outcome. */
  readonly shown: Readonly<Record<string, unknown>>;
  /** Called once, before the answer leaves. Must not throw. */
  onAnswer(answer: DeskAnswer): void;
  /** The problem that a refusal is. */
  refused(outcome: Outcome): Problem;
}

/** How the answer to a command that made something looks. */
export interface Created {
  readonly status: 200 | 201;
  readonly location: string;
}

/**
 * Sends the command of a request and answers it, now or later.
 * Errors: Problem, before anything was sent.
 */
export function callCommand(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  plan: CommandPlan,
): void | Promise<void> {
  const principal = callerOf(request);
  if (request.headers["if-match"] !== undefined)
    throw new Problem("malformed", { detail: "If-Match: commands take ifVersion in place of it" });
  const fields = fieldsOf(request.body, plan);
  const owner = addressedOwner(fields) ?? null;
  const named = identified(request, fields["id"], { tenant: principal.tenant, owner: owner ?? "" });
  const command = { ...fields, id: named };
  const forbidden = forbiddenIn(principal, command);
  if (forbidden !== null) throw forbidden;
  const preference = parsePreference(request.headers["prefer"]);
  const id = parseCommandId(named) ?? null;
  const facts = { plan, principal, command, owner, id, preference };
  return carryOut(context, request, reply, facts);
}

/** Tenant, owner and id of a command as one text, null when one of them cannot be read. */
export function commandScope(
  { tenant }: Principal,
  owner: OwnerName | null,
  id: CommandId | null,
): string | null {
  return owner === null || id === null ? null : `${tenant} ${owner} ${id}`;
}

/** Sends a command that its caller may send, or that the gateway made for him, and answers it, now or later. */
export function carryOut(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  facts: CallFacts,
): void | Promise<void> {
  const { principal, id } = facts;
  request.commandId = id;
  const call = new CommandCall(context, request, reply, facts);
  const client = context.clients.ready(principal.tenant);
  if (client === null) return context.clients.of(principal.tenant).then((opened) => call.send(opened));
  call.send(client);
  return undefined;
}

/** What is sent, and for whom. */
export interface CallFacts {
  readonly plan: CommandPlan;
  readonly principal: Principal;
  readonly command: CommandJson;
  /** The addressed owner; null when the command names none. */
  readonly owner: OwnerName | null;
  /** The command's; null when it is none. */
  readonly id: CommandId | null;
  readonly preference: Preference;
}

/** One request that waits for its command. */
class CommandCall {
  readonly #context: RouteContext;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #facts: CallFacts;
  #admittedMs = Number.NaN;

  constructor(context: RouteContext, request: FastifyRequest, reply: FastifyReply, facts: CallFacts) {
    this.#context = context;
    this.#request = request;
    this.#reply = reply;
    this.#facts = facts;
  }

  /** Sends the command, or answers that it is shed. A command without an owner is refused for its shape unsent. */
  send(client: Coffer): void {
    const { admission, desk } = this.#context;
    const { principal, owner, command, id, preference } = this.#facts;
    const shed = owner === null ? null : admission.claim(this.#request, principal, owner, command);
    if (shed !== null) {
      admission.leave(this.#request);
      answerShed(this.#request, this.#reply, shed);
      return;
    }
    this.#admittedMs = admission.nowMs();
    const ticket = admission.handOver(this.#request);
    const scope = commandScope(principal, owner, id);
    const onAnswer = (answer: DeskAnswer): void => this.#answer(answer);
    desk.send({ client, command, scope, waitMs: preference.waitMs, isKept: true, ticket, onAnswer });
  }

  #answer(answer: DeskAnswer): void {
    const reply = this.#reply;
    this.#context.metrics.onOutcome(codeOfAnswer(answer));
    this.#facts.plan.form?.onAnswer(answer);
    const { applied } = this.#facts.preference;
    if (applied !== null) reply.header("preference-applied", applied);
    if (answer.kind === "settled") {
      this.#settled(answer.outcome, answer.times);
      return;
    }
    if (answer.kind === "pending") this.#pending();
    else reply.send(new Problem(answer.kind, { detail: answer.detail, id: this.#facts.id, final: false }));
  }

  #settled(outcome: Outcome, times: CommandTimes): void {
    const reply = this.#reply;
    if (outcome.replayed) reply.header("idempotent-replayed", "true");
    if (outcome.status === "refused") {
      reply.send(this.#problemOf(outcome));
      this.#replied(times);
      return;
    }
    const { plan, command, owner } = this.#facts;
    const created = plan.created?.(command, outcome, owner) ?? null;
    if (created instanceof Promise) {
      created.then(
        (known) => this.#created(outcome, times, known),
        (thrown: unknown) => reply.send(thrown),
      );
    } else this.#created(outcome, times, created);
  }

  /** The reply is on its way: all phases of the command are known. */
  #replied({ sentMs, acceptedMs, settledMs }: CommandTimes): void {
    const { admission, metrics } = this.#context;
    const { startedMs } = this.#request;
    const repliedMs = admission.nowMs();
    metrics.onReplied({
      startedMs,
      admittedMs: this.#admittedMs,
      sentMs,
      acceptedMs,
      settledMs,
      repliedMs,
    });
  }

  #created(outcome: Outcome, times: CommandTimes, created: Created | null): void {
    if (created?.status === 201) this.#reply.header("location", created.location);
    const shown = shownTo(this.#facts.principal, outcome);
    const form = this.#facts.plan.form;
    const text =
      form === undefined ? outcomeText(shown) : JSON.stringify({ ...form.shown, ...outcomeToJson(shown) });
    sendJson(this.#reply, created?.status ?? 200, text);
    this.#replied(times);
  }

  #problemOf(outcome: Outcome): Problem {
    const form = this.#facts.plan.form;
    if (form !== undefined) return form.refused(outcome);
    return problemOfRefusal(this.#facts.owner === null ? { ...outcome, id: this.#givenId } : outcome);
  }

  #pending(): void {
    const { id, owner, plan } = this.#facts;
    const { op, form } = plan;
    const location = form?.location ?? commandLocation(id ?? "", owner ?? "");
    this.#reply.header("location", location).header("retry-after", "1");
    sendJson(this.#reply, 202, JSON.stringify({ ...form?.shown, id, op, status: "pending" }));
  }

  /** The id that the body named: one that was derived without an owner names nothing. */
  get #givenId(): string | null {
    const body = this.#request.body;
    const id = isJsonObject(body) ? body["id"] : undefined;
    return typeof id === "string" && id.length <= 64 ? id : null;
  }
}

/** Where a command's outcome can be read. */
export function commandLocation(id: string, owner: string): string {
  return `/v1/transfers/${id}?owner=${owner}`;
}

/** The command of a body. Errors: Problem `malformed`. */
function fieldsOf(body: unknown, { op, fields }: CommandPlan): Readonly<Record<string, unknown>> {
  const given = body === undefined ? {} : body;
  if (!isJsonObject(given)) throw new Problem("malformed", { detail: "not an object" });
  if (Object.hasOwn(given, "op")) throw new Problem("malformed", { detail: "op" });
  for (const field of Object.keys(fields)) {
    if (Object.hasOwn(given, field)) throw new Problem("malformed", { detail: field });
  }
  return { ...given, ...fields, op };
}

/** The id that the body names, or that the key stands for. Errors: Problem `id_invalid` for both, neither, a bad key. */
function identified(request: FastifyRequest, id: unknown, to: { tenant: string; owner: string }): unknown {
  const key = keyOf(request);
  if (key === null) {
    if (id === undefined) throw new Problem("id_invalid", { detail: "id or Idempotency-Key must be given" });
    return id;
  }
  if (id !== undefined)
    throw new Problem("id_invalid", { detail: "id and Idempotency-Key exclude each other" });
  return idOfKey(key, to);
}

/** The idempotency key of a request, or null. Errors: Problem `id_invalid`. */
export function keyOf(request: FastifyRequest): string | null {
  const header = request.headers["idempotency-key"];
  if (header === undefined) return null;
  const isTwice = typeof header !== "string" || isRepeated(request, header);
  const key = isTwice ? undefined : parseIdempotencyKey(header);
  if (key === undefined)
    throw new Problem("id_invalid", { detail: "Idempotency-Key: 1-255 printable characters, once" });
  return key;
}

function isRepeated(request: FastifyRequest, header: string): boolean {
  return header.includes(", ") && (request.raw.headersDistinct["idempotency-key"]?.length ?? 0) > 1;
}
