// A service as the contract knows it: a bare NATS connection, JSON in and JSON out. Knows nothing of the engine but
// the subjects and the placement hash, both written down here once more, from the contract. Every answer that passes
// through is checked for its exact shape.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { connect, headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import {
  assertEntry,
  assertFields,
  assertHold,
  assertOutcome,
  assertWallet,
  type EntryJson,
  type HoldJson,
  isObject,
  type OutcomeJson,
  type WalletJson,
} from "./json-shape.ts";

const ANSWER_MS_MAX = 30_000;

/** Pause between a read that was busy and the next, ms. */
const BUSY_PAUSE_MS = 20;

/** A command or read as a service writes it. */
export type Json = Readonly<Record<string, unknown>>;

/** What a shard's stream answers to a publisher. */
export interface PubAck {
  readonly stream: string;
  readonly seq: number;
}

/** A page of entries or holds. */
export interface PageJson<Row> {
  readonly rows: readonly Row[];
  readonly next: string | undefined;
}

let ids = 0;

/** A fresh command id. */
export function newId(): string {
  ids += 1;
  return `0190a000-0000-7000-8000-${ids.toString(16).padStart(12, "0")}`;
}

/** FNV-1a 32 over tenant and owner, modulo the number of shards. */
export function placeOf(tenant: string, owner: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (const unit of Buffer.from(tenant + owner)) hash = Math.imul(hash ^ unit, 0x01000193) >>> 0;
  return hash % shards;
}

/** The first name that starts like `name` and lives on `shard`. */
export function ownerOn(shard: number, name: string, { tenant = "demo", shards = 4 } = {}): string {
  for (let number = 0; ; number += 1) {
    const owner = `${name}-${number}`;
    if (placeOf(tenant, owner, shards) === shard) return owner;
  }
}

/** The owner that a command is addressed to. */
function addressee(command: Json): string {
  const { legs } = command;
  const leg: unknown = Array.isArray(legs) ? legs[0] : command;
  const wallet = isObject(leg) ? (leg["from"] ?? command["wallet"]) : undefined;
  assert(typeof wallet === "string", `name the owner of ${JSON.stringify(command)}`);
  return wallet.slice(0, wallet.indexOf(":"));
}

/** See the file header. */
export class OutsideCaller {
  readonly nc: NatsConnection;
  readonly tenant: string;
  /** Every owner that was addressed by a command. */
  readonly owners = new Set<string>();
  readonly #inbox: string;
  #replies = 0;

  private constructor(nc: NatsConnection, tenant: string) {
    this.nc = nc;
    this.tenant = tenant;
    this.#inbox = `coffer.res.${tenant}.test.${newId()}`;
  }

  /** Connects as a service of a tenant. */
  static async connect(url: string, tenant = "demo"): Promise<OutsideCaller> {
    return new OutsideCaller(await connect({ servers: url, noAsyncTraces: true }), tenant);
  }

  async close(): Promise<void> {
    await this.nc.close();
  }

  /** A literal result subject that nobody has used. */
  resultSubject(): string {
    this.#replies += 1;
    return `${this.#inbox}.${this.#replies}`;
  }

  /** Publishes a message for an owner, without waiting for outcomes. @returns the PubAck */
  async append(
    owner: string,
    body: unknown,
    { reply, more = {} }: { reply?: string | undefined; more?: Record<string, string> } = {},
  ): Promise<PubAck> {
    this.owners.add(owner);
    return await this.appendTo(`coffer.cmd.${this.tenant}.${owner}`, body, { reply, more });
  }

  /** Publishes to any subject of a stream. @returns the PubAck */
  async appendTo(
    subject: string,
    body: unknown,
    { reply, more = {} }: { reply?: string | undefined; more?: Record<string, string> } = {},
  ): Promise<PubAck> {
    const fields = headers();
    if (reply !== undefined) fields.set("Coffer-Reply", reply);
    for (const [name, value] of Object.entries(more)) fields.set(name, value);
    const data = body instanceof Uint8Array ? body : JSON.stringify(body);
    const message = await this.nc.request(subject, data, { headers: fields, timeout: ANSWER_MS_MAX });
    const ack: unknown = message.json();
    assert(isObject(ack), "a PubAck is an object");
    const { stream, seq } = ack;
    assert(typeof stream === "string" && typeof seq === "number", `no PubAck: ${message.string()}`);
    return { stream, seq };
  }

  /** Publishes commands in one message and waits for as many outcomes, in the order in which they leave. */
  async send(owner: string, commands: readonly Json[]): Promise<OutcomeJson[]> {
    const reply = this.resultSubject();
    const outcomes = this.collect(reply, commands.length);
    await this.append(owner, commands.map(withId), { reply });
    return await outcomes;
  }

  /** Publishes bytes as they are and waits for `count` outcomes. */
  async sendRaw(owner: string, body: Uint8Array, count: number): Promise<OutcomeJson[]> {
    const reply = this.resultSubject();
    const outcomes = this.collect(reply, count);
    await this.append(owner, body, { reply });
    return await outcomes;
  }

  /** The same, with the outcomes in the order of the commands (by id). */
  async sendInOrder(owner: string, commands: readonly Json[]): Promise<OutcomeJson[]> {
    const withIds = commands.map(withId);
    const outcomes = await this.send(owner, withIds);
    return withIds.map(({ id }) => {
      const outcome = outcomes.find((each) => each.id === id);
      assert(outcome, `no outcome of ${String(id)}`);
      return outcome;
    });
  }

  /** Waits for `count` outcomes on a result subject. */
  async collect(subject: string, count: number, msMax = ANSWER_MS_MAX): Promise<OutcomeJson[]> {
    const outcomes: OutcomeJson[] = [];
    const subscription = this.nc.subscribe(subject);
    const timer = setTimeout(() => subscription.unsubscribe(), msMax);
    for await (const message of subscription) {
      const list: unknown = message.json();
      assert(Array.isArray(list) && list.length > 0, "a reply is an array of outcomes");
      for (const outcome of list) {
        assertOutcome(outcome);
        outcomes.push(outcome);
      }
      if (outcomes.length >= count) break;
    }
    clearTimeout(timer);
    assert.equal(outcomes.length, count, `${outcomes.length} of ${count} outcomes came on ${subject}`);
    return outcomes;
  }

  /** One command by request/reply; gives it an id, and finds its owner, when it names none. */
  async do(command: Json, owner = addressee(command)): Promise<OutcomeJson> {
    const answer = await this.ask("call", owner, withId(command));
    assertOutcome(answer);
    return answer;
  }

  /** The same, and it must come to this status or refusal code. */
  async must(status: string, command: Json, owner = addressee(command)): Promise<OutcomeJson> {
    const outcome = await this.do(command, owner);
    assert.equal(outcome.code ?? outcome.status, status, `${JSON.stringify(command)}: ${outcome.detail}`);
    return outcome;
  }

  /** A request to any subject, also of the server's own API. The client library's own bound is one second. */
  async request(subject: string, data: string | Uint8Array = ""): Promise<Msg> {
    return await this.nc.request(subject, data, { timeout: ANSWER_MS_MAX });
  }

  /** A request, JSON in and JSON out. */
  async ask(kind: "call" | "get", owner: string, body: unknown): Promise<unknown> {
    if (kind === "call") this.owners.add(owner);
    const data = body instanceof Uint8Array ? body : JSON.stringify(body);
    const answer: unknown = (await this.request(`coffer.${kind}.${this.tenant}.${owner}`, data)).json();
    return answer;
  }

  /** A read that must succeed. While it is busy it is asked again, as the contract says. @returns the whole answer */
  async read(owner: string, request: Json): Promise<Record<string, unknown>> {
    const deadline = AbortSignal.timeout(ANSWER_MS_MAX);
    let answer = await this.ask("get", owner, request);
    while (isObject(answer) && answer["code"] === "busy" && !deadline.aborted) {
      await delay(BUSY_PAUSE_MS);
      answer = await this.ask("get", owner, request);
    }
    assert(
      isObject(answer) && answer["ok"] === true,
      `${JSON.stringify(request)}: ${JSON.stringify(answer)}`,
    );
    assertFields(answer["asOf"], "shard position time");
    return answer;
  }

  /** A read that must fail. @returns its code */
  async readFailure(owner: string, request: unknown): Promise<string> {
    const answer = await this.ask("get", owner, request);
    assertFields(answer, "ok code detail?");
    assert.equal(answer["ok"], false);
    assert(typeof answer["code"] === "string");
    return answer["code"];
  }

  async wallet(name: string, more: Json = {}): Promise<WalletJson> {
    const owner = name.slice(0, name.indexOf(":"));
    const { wallet } = await this.read(owner, { get: "wallet", wallet: name, ...more });
    assertWallet(wallet);
    return wallet;
  }

  /** Posted, held and incoming of a wallet, in short. */
  async balance(name: string): Promise<string> {
    const { posted, held, incoming } = await this.wallet(name);
    return `${posted} ${held} ${incoming}`;
  }

  async wallets(owner: string): Promise<WalletJson[]> {
    const { wallets } = await this.read(owner, { get: "owner" });
    assert(Array.isArray(wallets));
    return wallets.map((wallet: unknown) => {
      assertWallet(wallet);
      return wallet;
    });
  }

  async holds(owner: string, more: Json = {}): Promise<PageJson<HoldJson>> {
    const { holds, next } = await this.read(owner, { get: "holds", ...more });
    assert(Array.isArray(holds) && (next === undefined || typeof next === "string"));
    const rows = holds.map((hold: unknown) => {
      assertHold(hold);
      return hold;
    });
    return { rows, next };
  }

  async entries(wallet: string, more: Json = {}): Promise<PageJson<EntryJson>> {
    const owner = wallet.slice(0, wallet.indexOf(":"));
    const { entries, next } = await this.read(owner, { get: "entries", wallet, ...more });
    assert(Array.isArray(entries) && (next === undefined || typeof next === "string"));
    const rows = entries.map((entry: unknown) => {
      assertEntry(entry);
      return entry;
    });
    return { rows, next };
  }

  /** What the engine says of an id: a settled outcome. */
  async outcome(owner: string, id: unknown): Promise<OutcomeJson> {
    const { outcome } = await this.read(owner, { get: "outcome", id });
    assertOutcome(outcome);
    return outcome;
  }
}

/** The command itself when it has an id, else with a new one. */
export function withId(command: Json): Json {
  return Object.hasOwn(command, "id") ? command : { ...command, id: newId() };
}
