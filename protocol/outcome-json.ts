// Outcomes as JSON, as services see them: amounts, versions and positions as decimal text, the shard as a
// number, the time in ISO 8601. Absent is absent: no nulls but for an id or op that could not be echoed.

import { constantOf, JsonBytes } from "./json-bytes.ts";
import type { JsonFields } from "./json-fields.ts";
import { readJsonFields } from "./json-fields.ts";
import { boundText } from "./money.ts";
import { parseWallet } from "./names.ts";
import type { Balances, Outcome, Refusal } from "./outcome.ts";
import { isRefusalCode, refusal, STATUSES } from "./outcome.ts";
import type { Result } from "./result.ts";
import { timeText } from "./time-text.ts";

/** Text without escapes: ids and operations, unless a caller made them up. */
const PLAIN = /^[0-9a-z-]{0,64}$/;
/** Bytes of everything in an outcome but its id, refusal and balances. */
const OUTCOME_ROOM = 512;
const QUOTE = 0x22;
const ID = constantOf('{"id":');
const FIRST = constantOf(',"replayed":false,"shard":');
const REPLAYED = constantOf(',"replayed":true,"shard":');
const POSITION = constantOf(',"position":"');
const TIME = constantOf('","time":"');
const TIME_END = constantOf('"');
const BALANCES = constantOf(',"balances":{');

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
  return writer.outcomes(outcomes);
}

/** Writes outcomes as text: a third of the time of joined strings that are encoded. */
class OutcomeWriter extends JsonBytes {
  /** A reply in bytes of its own. */
  outcomes(outcomes: readonly Outcome[]): Uint8Array {
    this.room(OUTCOME_ROOM);
    this.byte(0x5b);
    for (let index = 0; index < outcomes.length; index += 1) {
      const outcome = outcomes[index];
      if (index > 0) this.comma();
      if (outcome) this.#outcome(outcome);
    }
    this.room(OUTCOME_ROOM);
    this.byte(0x5d);
    return this.finish();
  }

  #outcome(outcome: Outcome): void {
    this.room(OUTCOME_ROOM);
    this.constant(ID);
    this.#head(outcome);
    this.room(OUTCOME_ROOM);
    this.constant(outcome.replayed ? REPLAYED : FIRST);
    this.number(outcome.shard);
    this.constant(POSITION);
    this.number(outcome.position);
    this.constant(TIME);
    this.time(outcome.timeMs);
    this.constant(TIME_END);
    if (outcome.balances !== null) {
      this.constant(BALANCES);
      this.wallets(outcome.balances);
      this.room(OUTCOME_ROOM);
    }
    this.byte(0x7d);
  }

  /** What comes before `replayed`. Only what a caller sent needs escapes, and it comes back only when it is refused. */
  #head({ id, op, status, refusal: refused }: Outcome): void {
    if (refused !== null || id === null || op === null || !PLAIN.test(id) || !PLAIN.test(op)) {
      const code = refused === null ? "" : `,${refusalText(refused)}`;
      this.text(`${JSON.stringify(id)},"op":${JSON.stringify(op)},"status":"${status}"${code}`);
      return;
    }
    this.byte(QUOTE);
    this.text(id, OUTCOME_ROOM);
    this.kind(op, status);
  }
}

const writer = new OutcomeWriter();

function refusalText({ code, detail }: Refusal): string {
  return detail === null ? `"code":"${code}"` : `"code":"${code}","detail":${JSON.stringify(detail)}`;
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
