// The JSON that comes out of Coffer, checked field by field as the contract spells it: which fields there are,
// which are text and which are numbers, what may be absent. Nothing here is taken from the engine's own codecs.
//
// Guards against: a field that changes its form unnoticed because reader and writer share one definition.
import assert from "node:assert/strict";

/** Balances of one wallet in an outcome or event. */
export interface BalanceJson {
  readonly posted: string;
  readonly held: string;
  readonly incoming: string;
  readonly available: string;
  readonly version: string;
}

/** One outcome. */
export interface OutcomeJson {
  readonly id: string | null;
  readonly op: string | null;
  readonly status: string;
  readonly code?: string;
  readonly detail?: string;
  readonly replayed: boolean;
  readonly shard: number;
  readonly position: string;
  readonly time: string;
  readonly balances?: Readonly<Record<string, BalanceJson>>;
}

/** A wallet as reads show it. */
export interface WalletJson extends BalanceJson {
  readonly wallet: string;
  readonly asset: string;
  readonly min: string;
  readonly max: string;
  readonly status: string;
  readonly meta?: unknown;
}

/** One entry of a wallet. */
export interface EntryJson {
  readonly version: string;
  readonly kind: string;
  readonly amount: string;
  readonly held: string;
  readonly balance: { readonly posted: string; readonly held: string; readonly incoming: string };
  readonly command: string;
  readonly transfer?: string;
  readonly leg?: number;
  readonly counterparty?: string;
  readonly code?: string;
  readonly ref?: string;
  readonly position: string;
  readonly time: string;
}

/** One hold. */
export interface HoldJson {
  readonly id: string;
  readonly status: string;
  readonly legs: readonly {
    readonly from: string;
    readonly to: string;
    readonly amount: string;
    readonly remaining: string;
    readonly captured: string;
  }[];
  readonly expires: string;
}

/** One event. */
export interface EventJson {
  readonly id: string;
  readonly command: string;
  readonly op: string;
  readonly status: string;
  readonly ref?: string;
  readonly wallets: Readonly<Record<string, BalanceJson>>;
  readonly time: string;
}

/** One message of the event stream. */
export interface EventMessageJson {
  readonly from: string;
  readonly to: string;
  readonly previous: string;
  readonly events: readonly EventJson[];
}

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;
const SIGNED = /^(?:0|-?[1-9][0-9]*)$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const EVENT_ID = /^\d+:\d+:\d+$/;
const STATUSES = ["open", "posted", "held", "captured", "released", "reversed", "done", "refused"];

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fails unless the value is an object with exactly these fields; those with `?` may be absent. */
export function assertFields(value: unknown, fields: string): asserts value is Record<string, unknown> {
  assert(isObject(value), `${JSON.stringify(value)} is no object`);
  const names = fields.split(" ");
  const known = names.map((name) => name.replace("?", ""));
  const needed = names.filter((name) => !name.endsWith("?"));
  const text = JSON.stringify(value);
  for (const name of Object.keys(value)) assert(known.includes(name), `unexpected field ${name} in ${text}`);
  for (const name of needed) assert(Object.hasOwn(value, name), `no field ${name} in ${text}`);
}

function assertText(value: unknown, form: RegExp, what: string): asserts value is string {
  assert(typeof value === "string" && form.test(value), `${what} is ${JSON.stringify(value)}`);
}

function assertTextOrAbsent(value: unknown, what: string): void {
  assert(value === undefined || typeof value === "string", `${what} is ${JSON.stringify(value)}`);
}

function assertBalance(value: unknown): asserts value is BalanceJson {
  assertFields(value, "posted held incoming available version");
  assertAmounts(value);
}

function assertAmounts(value: Record<string, unknown>): void {
  for (const name of ["posted", "held", "incoming"]) assertText(value[name], SIGNED, name);
  assertText(value["available"], /^(?:unlimited|0|-?[1-9][0-9]*)$/, "available");
  assertText(value["version"], DECIMAL, "version");
}

function assertBalances(value: unknown): asserts value is Record<string, BalanceJson> {
  assert(isObject(value), "balances are an object");
  for (const balance of Object.values(value)) assertBalance(balance);
}

/** Fails unless the value is an outcome as the contract spells it. */
export function assertOutcome(value: unknown): asserts value is OutcomeJson {
  assertFields(value, "id op status code? detail? replayed shard position time balances?");
  const { id, op, status, code, detail, replayed, shard, position, time, balances } = value;
  assert(id === null || (typeof id === "string" && id.length <= 64), `id is ${JSON.stringify(id)}`);
  assert(op === null || typeof op === "string", `op is ${JSON.stringify(op)}`);
  assert(
    STATUSES.some((known) => known === status),
    `status is ${JSON.stringify(status)}`,
  );
  assert.equal(typeof code === "string", status === "refused", "a code belongs to a refusal and only there");
  assertTextOrAbsent(detail, "detail");
  assert(detail === undefined || status === "refused", "only refusals have a detail");
  assert.equal(typeof replayed, "boolean");
  assert(Number.isInteger(shard), `shard is ${JSON.stringify(shard)}`);
  assertText(position, DECIMAL, "position");
  assertText(time, TIME, "time");
  assert.equal(
    balances === undefined,
    status === "refused",
    "balances are absent when refused, and only then",
  );
  if (balances !== undefined) assertBalances(balances);
}

/** Fails unless the value is a wallet as reads show it. */
export function assertWallet(value: unknown): asserts value is WalletJson {
  assertFields(value, "wallet asset posted held incoming available min max status version meta?");
  assertAmounts(value);
  assertText(value["wallet"], /^[A-Za-z0-9_-]{1,64}:[a-z0-9_-]{1,32}$/, "wallet");
  assertText(value["asset"], /^[A-Z][A-Z0-9]{0,11}\/\d{1,2}$/, "asset");
  for (const bound of ["min", "max"]) assertText(value[bound], /^(?:unlimited|0|-?[1-9][0-9]*)$/, bound);
  assertText(value["status"], /^(?:open|frozen|closed)$/, "status");
}

/** Fails unless the value is an entry. */
export function assertEntry(value: unknown): asserts value is EntryJson {
  assertFields(
    value,
    "version kind amount held balance command transfer? leg? counterparty? code? ref? position time",
  );
  assertText(value["version"], DECIMAL, "version");
  assertText(value["kind"], /^[a-z]+$/, "kind");
  for (const name of ["amount", "held"]) assertText(value[name], SIGNED, name);
  const { balance, command, transfer, leg } = value;
  assertFields(balance, "posted held incoming");
  for (const amount of Object.values(balance)) assertText(amount, SIGNED, "balance");
  assertText(command, UUID, "command");
  if (transfer !== undefined) assertText(transfer, UUID, "transfer");
  assert(leg === undefined || Number.isInteger(leg), "leg is a number");
  for (const name of ["counterparty", "code", "ref"]) assertTextOrAbsent(value[name], name);
  assertText(value["position"], DECIMAL, "position");
  assertText(value["time"], TIME, "time");
}

/** Fails unless the value is a hold. */
export function assertHold(value: unknown): asserts value is HoldJson {
  assertFields(value, "id status legs expires code? ref? meta?");
  const { id, status, legs, expires } = value;
  assertText(id, UUID, "id");
  assertText(status, /^(?:open|captured|released|expired)$/, "status");
  assertText(expires, TIME, "expires");
  assert(Array.isArray(legs));
  for (const leg of legs) {
    assertFields(leg, "from to amount remaining captured");
    for (const name of ["amount", "remaining", "captured"]) assertText(leg[name], DECIMAL, name);
  }
}

/** Fails unless the value is a message of the event stream. */
export function assertEventMessage(value: unknown): asserts value is EventMessageJson {
  assertFields(value, "from to previous events");
  const { from, to, previous, events } = value;
  for (const id of [from, to]) assertText(id, EVENT_ID, "event id");
  assertText(previous, /^(?:0|\d+:\d+:\d+)$/, "previous");
  assert(Array.isArray(events) && events.length > 0, "a message has events");
  for (const event of events) assertEvent(event);
  assert.equal(events[0]?.id, from);
  assert.equal(events.at(-1)?.id, to);
}

function assertEvent(value: unknown): asserts value is EventJson {
  assertFields(value, "id command op status ref? wallets time");
  assertText(value["id"], EVENT_ID, "id");
  assertText(value["command"], UUID, "command");
  assertText(
    value["op"],
    /^(?:open|transfer|capture|release|reverse|freeze|unfreeze|close|limit|expire)$/,
    "op",
  );
  assertText(value["status"], /^[a-z]+$/, "status");
  assertTextOrAbsent(value["ref"], "ref");
  assertText(value["time"], TIME, "time");
  assertBalances(value["wallets"]);
  const isSettled = STATUSES.some((status) => status === value["status"]);
  assert(
    Object.keys(value["wallets"]).length > 0 || isSettled,
    "an event changed a wallet or settles a command",
  );
}
