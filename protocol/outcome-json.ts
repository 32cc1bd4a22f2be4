// Outcomes as JSON, as services see them: amounts, versions and positions as decimal text, the shard as a
// number, the time in ISO 8601. Absent is absent: no nulls but for an id or op that could not be echoed.

import type { JsonFields } from "./json-fields.ts";
import { readJsonFields } from "./json-fields.ts";
import { boundText } from "./money.ts";
import { parseWallet } from "./names.ts";
import type { Balances, Outcome, Refusal } from "./outcome.ts";
import { isRefusalCode, refusal, STATUSES } from "./outcome.ts";
import type { Result } from "./result.ts";
import { timeText } from "./time-text.ts";

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

/** A reply: the array of outcomes as UTF-8 JSON. */
export function encodeOutcomesJson(outcomes: readonly Outcome[]): Uint8Array {
  return Buffer.from(JSON.stringify(outcomes.map(outcomeToJson)), "utf8");
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
