// Answers to reads, as JSON: wallets, entries, holds, outcomes, and the instant that they show. Owns both
// directions, so that client, CLI and gateway read what the engine wrote. Amounts, versions and positions are
// decimal text; absent is absent, never null.

import { canonicalJson, isJsonObject, parseJson } from "./canonical-json.ts";
import type { CommandId } from "./command-id.ts";
import type { Entry, HoldLegView, HoldView, WalletView } from "./entry.ts";
import { STEP_KINDS } from "./entry.ts";
import type { JsonFields } from "./json-fields.ts";
import { readJsonFields } from "./json-fields.ts";
import { boundText } from "./money.ts";
import { parseAsset } from "./names.ts";
import type { Outcome } from "./outcome.ts";
import { outcomeToJson, readOutcome } from "./outcome-json.ts";
import type { Result } from "./result.ts";
import { failed } from "./result.ts";
import { timeText } from "./time-text.ts";

export { decodeCursor, encodeCursor } from "./cursor.ts";

/** The instant that an answer shows: everything up to this position of the shard is in it. */
export interface AsOf {
  readonly shard: number;
  readonly position: number;
  readonly timeMs: number;
}

/** A command that was accepted and is not settled. */
export interface PendingOutcome {
  readonly id: CommandId;
  readonly status: "pending";
}

/** What a read that succeeded shows. `next` = the opaque cursor of the page after, null at the end. */
export type ReadSuccess = { readonly asOf: AsOf } & (
  | { readonly kind: "wallet"; readonly wallet: WalletView }
  | { readonly kind: "owner"; readonly wallets: readonly WalletView[] }
  | { readonly kind: "outcome"; readonly outcome: Outcome | PendingOutcome }
  | { readonly kind: "holds"; readonly holds: readonly HoldView[]; readonly next: string | null }
  | { readonly kind: "entries"; readonly entries: readonly Entry[]; readonly next: string | null }
);

/** Any answer to a read. */
export type ReadAnswer = ReadSuccess | ReadFailure;

/** Codes of reads that failed. */
export const READ_FAILURE_CODES = ["wallet_not_found", "outcome_not_found", "malformed", "busy"] as const;

/** A read that failed; `busy` may be asked again. */
export interface ReadFailure {
  readonly kind: "failed";
  readonly code: (typeof READ_FAILURE_CODES)[number];
  readonly detail: string | null;
}

const STATUSES = ["open", "frozen", "closed"] as const;
const HOLD_STATUSES = ["open", "captured", "released", "expired"] as const;

/** The whole answer as UTF-8 JSON. */
export function encodeReadAnswer(answer: ReadAnswer): Uint8Array {
  return Buffer.from(JSON.stringify(readAnswerToJson(answer)), "utf8");
}

/** The whole answer as the object that JSON shows. Answers to `owner` leave out `meta`. */
export function readAnswerToJson(answer: ReadAnswer): Record<string, unknown> {
  if (answer.kind === "failed") {
    return { ok: false, code: answer.code, ...(answer.detail === null ? {} : { detail: answer.detail }) };
  }
  return { ok: true, ...shownToJson(answer), asOf: asOfToJson(answer.asOf) };
}

/** Reads what {@link encodeReadAnswer} gave. @returns the answer, or what does not fit. Never throws. */
export function decodeReadAnswer(bytes: Uint8Array): Result<ReadAnswer, string> {
  const parsed = parseJson(bytes);
  return parsed.ok ? readJsonFields(parsed.value, readAnswer) : failed(parsed.error);
}

/** A wallet as the object that JSON shows. */
export function walletToJson(wallet: WalletView, { withMeta = true } = {}): Record<string, unknown> {
  return {
    wallet: wallet.wallet,
    asset: wallet.asset,
    posted: wallet.posted.toString(),
    held: wallet.held.toString(),
    incoming: wallet.incoming.toString(),
    available: boundText(wallet.available),
    min: boundText(wallet.min),
    max: boundText(wallet.max),
    status: wallet.status,
    version: wallet.version.toString(),
    ...(withMeta ? metaField(wallet.meta) : {}),
  };
}

/** An entry as the object that JSON shows. */
export function entryToJson(entry: Entry): Record<string, unknown> {
  const { posted, held, incoming } = entry.balance;
  return {
    version: entry.version.toString(),
    kind: entry.kind,
    amount: entry.amount.toString(),
    held: entry.held.toString(),
    balance: { posted: posted.toString(), held: held.toString(), incoming: incoming.toString() },
    command: entry.command,
    ...present("transfer", entry.transfer),
    ...present("leg", entry.leg),
    ...present("counterparty", entry.counterparty),
    ...present("code", entry.code),
    ...present("ref", entry.ref),
    position: entry.position.toString(),
    time: timeText(entry.timeMs),
  };
}

/** A hold as the object that JSON shows. */
export function holdToJson(hold: HoldView): Record<string, unknown> {
  return {
    id: hold.id,
    status: hold.status,
    legs: hold.legs.map((leg) => ({
      from: leg.from,
      to: leg.to,
      amount: leg.amount.toString(),
      remaining: leg.remaining.toString(),
      captured: leg.captured.toString(),
    })),
    expires: timeText(hold.expiresMs),
    ...present("code", hold.code),
    ...present("ref", hold.ref),
    ...metaField(hold.meta),
  };
}

/** The instant of an answer as the object that JSON shows. */
export function asOfToJson({ shard, position, timeMs }: AsOf): Record<string, unknown> {
  return { shard, position: position.toString(), time: timeText(timeMs) };
}

function shownToJson(answer: ReadSuccess): Record<string, unknown> {
  switch (answer.kind) {
    case "wallet":
      return { wallet: walletToJson(answer.wallet) };
    case "owner":
      return { wallets: answer.wallets.map((wallet) => walletToJson(wallet, { withMeta: false })) };
    case "outcome":
      return {
        outcome: answer.outcome.status === "pending" ? answer.outcome : outcomeToJson(answer.outcome),
      };
    case "holds":
      return { holds: answer.holds.map(holdToJson), ...present("next", answer.next) };
    case "entries":
      return { entries: answer.entries.map(entryToJson), ...present("next", answer.next) };
  }
}

function readAnswer(fields: JsonFields): ReadAnswer {
  if (!fields.bool("ok")) {
    return {
      kind: "failed",
      code: fields.oneOf("code", READ_FAILURE_CODES),
      detail: fields.textOrNull("detail"),
    };
  }
  const asOf = readAsOf(fields.object("asOf"));
  if (fields.has("wallet")) return { kind: "wallet", wallet: readWallet(fields.object("wallet")), asOf };
  if (fields.has("wallets")) return { kind: "owner", wallets: fields.list("wallets", readWallet), asOf };
  if (fields.has("outcome")) return { kind: "outcome", outcome: readSettled(fields.object("outcome")), asOf };
  const next = fields.textOrNull("next");
  if (fields.has("holds")) return { kind: "holds", holds: fields.list("holds", readHold), next, asOf };
  return { kind: "entries", entries: fields.list("entries", readEntry), next, asOf };
}

function readSettled(fields: JsonFields): Outcome | PendingOutcome {
  return fields.raw("status") === "pending"
    ? { id: fields.id("id"), status: "pending" }
    : readOutcome(fields);
}

function readAsOf(fields: JsonFields): AsOf {
  return { shard: fields.count("shard"), position: fields.decimal("position"), timeMs: fields.time("time") };
}

function readWallet(fields: JsonFields): WalletView {
  return {
    wallet: fields.wallet("wallet"),
    asset: fields.parsed("asset", parseAsset),
    posted: fields.money("posted"),
    held: fields.money("held"),
    incoming: fields.money("incoming"),
    available: fields.available("available"),
    min: fields.bound("min"),
    max: fields.bound("max"),
    status: fields.oneOf("status", STATUSES),
    version: fields.decimal("version"),
    meta: fields.parsedOrNull("meta", metaText),
  };
}

function readEntry(fields: JsonFields): Entry {
  const balance = fields.object("balance");
  return {
    version: fields.decimal("version"),
    kind: fields.oneOf("kind", STEP_KINDS),
    amount: fields.money("amount"),
    held: fields.money("held"),
    balance: {
      posted: balance.money("posted"),
      held: balance.money("held"),
      incoming: balance.money("incoming"),
    },
    command: fields.id("command"),
    transfer: fields.has("transfer") ? fields.id("transfer") : null,
    leg: fields.has("leg") ? fields.count("leg") : null,
    counterparty: fields.has("counterparty") ? fields.wallet("counterparty") : null,
    code: fields.textOrNull("code"),
    ref: fields.textOrNull("ref"),
    position: fields.decimal("position"),
    timeMs: fields.time("time"),
  };
}

function readHold(fields: JsonFields): HoldView {
  return {
    id: fields.id("id"),
    status: fields.oneOf("status", HOLD_STATUSES),
    legs: fields.list("legs", readHoldLeg),
    expiresMs: fields.time("expires"),
    code: fields.textOrNull("code"),
    ref: fields.textOrNull("ref"),
    meta: fields.parsedOrNull("meta", metaText),
  };
}

function readHoldLeg(fields: JsonFields): HoldLegView {
  return {
    from: fields.wallet("from"),
    to: fields.wallet("to"),
    amount: fields.money("amount"),
    remaining: fields.money("remaining"),
    captured: fields.money("captured"),
  };
}

function metaText(value: unknown): string | undefined {
  return isJsonObject(value) ? canonicalJson(value) : undefined;
}

function metaField(meta: string | null): Record<string, unknown> {
  return meta === null ? {} : { meta: JSON.parse(meta) };
}

function present(name: string, value: string | number | null): Record<string, unknown> {
  return value === null ? {} : { [name]: value };
}
