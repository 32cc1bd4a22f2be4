// Outcomes as JSON, as services see them: amounts, versions and positions as decimal text, the shard as a
// number, the time in ISO 8601. Absent is absent: no nulls but for an id or op that could not be echoed.

import type { JsonFields } from "./json-fields.ts";
import { readJsonFields } from "./json-fields.ts";
import { amountText, boundText } from "./money.ts";
import { parseWallet } from "./names.ts";
import type { Balances, Outcome, Refusal } from "./outcome.ts";
import { isRefusalCode, refusal, STATUSES } from "./outcome.ts";
import type { Result } from "./result.ts";
import { timeText } from "./time-text.ts";

const PLAIN = /^[0-9a-z-]*$/;

/** One outcome as the object that JSON shows. Never throws for a valid outcome. */
export function outcomeToJson(outcome: Outcome): Record<string, unknown> {
  const { id, op, status, replayed, shard, balances } = outcome;
  return {
    id,
    op,
    status,
    ...refusalToJson(outcome.refusal),
    replayed,
    shard,
    position: outcome.position.toString(),
    time: timeText(outcome.timeMs),
    ...(balances === null ? {} : { balances: balancesToJson(balances) }),
  };
}

/** A reply: the array of outcomes as UTF-8 JSON, each as {@link outcomeToJson} shows it. */
export function encodeOutcomesJson(outcomes: readonly Outcome[]): Uint8Array {
  let text = "";
  for (const outcome of outcomes) text += `${text && ","}${outcomeText(outcome)}`;
  return Buffer.from(`[${text}]`, "utf8");
}

/** Names, codes and numbers need no escapes; what a caller sent does. */
function outcomeText(outcome: Outcome): string {
  const { id, op, status, refusal: refused, replayed, shard, position, timeMs, balances } = outcome;
  const code = refused === null ? "" : `,${refusalText(refused)}`;
  const wallets = balances === null ? "" : `,"balances":${balancesText(balances)}`;
  return `{"id":${echoedJson(id)},"op":${echoedJson(op)},"status":"${status}"${code},"replayed":${replayed},"shard":${shard},"position":"${position}","time":"${timeText(timeMs)}"${wallets}}`;
}

/** Ids and operations need no escapes either, unless a caller made them up. */
function echoedJson(text: string | null): string {
  return text !== null && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

function refusalText({ code, detail }: Refusal): string {
  return detail === null ? `"code":"${code}"` : `"code":"${code}","detail":${JSON.stringify(detail)}`;
}

/** The JSON text of balances by wallet, in their order. Built from parts: JSON.stringify takes three times as long. */
export function balancesText(balances: readonly Balances[]): string {
  let text = "{";
  for (let index = 0; index < balances.length; index += 1) {
    const each = balances[index];
    if (each) text += balanceText(index === 0 ? '"' : ',"', each);
  }
  return `${text}}`;
}

function balanceText(quote: string, balances: Balances): string {
  const { wallet, posted, held, incoming, available, version } = balances;
  const free = available === "unlimited" ? available : amountText(available);
  if (held === 0n && incoming === 0n)
    return `${quote}${wallet}":{"posted":"${amountText(posted)}","held":"0","incoming":"0","available":"${free}","version":"${version}"}`;
  return `${quote}${wallet}":{"posted":"${amountText(posted)}","held":"${amountText(held)}","incoming":"${amountText(incoming)}","available":"${free}","version":"${version}"}`;
}

/**
 * Reads what {@link outcomeToJson} gives; unknown fields are passed over.
 * @returns the outcome, or the path of what does not fit. Never throws.
 */
export function outcomeFromJson(value: unknown): Result<Outcome, string> {
  return readJsonFields(value, readOutcome);
}

/** Balances by wallet, in their order. */
export function balancesToJson(balances: readonly Balances[]): Record<string, unknown> {
  return Object.fromEntries(
    balances.map(({ wallet, posted, held, incoming, available, version }) => [
      wallet,
      {
        posted: posted.toString(),
        held: held.toString(),
        incoming: incoming.toString(),
        available: boundText(available),
        version: version.toString(),
      },
    ]),
  );
}

/** Reads balances by wallet. */
export function readBalances(wallets: JsonFields): Balances[] {
  return wallets.names().map((name) => {
    const fields = wallets.object(name);
    const wallet = wallets.parsed(name, () => parseWallet(name));
    return {
      wallet,
      posted: fields.money("posted"),
      held: fields.money("held"),
      incoming: fields.money("incoming"),
      available: fields.available("available"),
      version: fields.decimal("version"),
    };
  });
}

/** Reads one outcome from its fields. */
export function readOutcome(fields: JsonFields): Outcome {
  return {
    id: fields.parsed("id", echoed),
    op: fields.parsed("op", echoed),
    status: fields.oneOf("status", STATUSES),
    refusal: readRefusal(fields),
    replayed: fields.bool("replayed"),
    shard: fields.count("shard"),
    position: fields.decimal("position"),
    timeMs: fields.time("time"),
    balances: fields.has("balances") ? readBalances(fields.object("balances")) : null,
  };
}

function readRefusal(fields: JsonFields): Refusal | null {
  if (!fields.has("code")) return null;
  const code = fields.parsed("code", (value) => (isRefusalCode(value) ? value : undefined));
  return refusal(code, fields.textOrNull("detail"));
}

function refusalToJson(refused: Refusal | null): Record<string, unknown> {
  if (!refused) return {};
  return refused.detail === null ? { code: refused.code } : { code: refused.code, detail: refused.detail };
}

function echoed(value: unknown): string | null | undefined {
  return value === null || typeof value === "string" ? value : undefined;
}
