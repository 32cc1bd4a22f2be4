// Commands as callers write them: the contract's JSON form, amounts as bigint or decimal text, the id optional.
// Capture, release and reverse name no wallet, so they say whose hold or transfer it is in `owner`.
//
// Does not own the shape rules: those are the engine's own validator, run here first, so that a command that would be
// refused for its shape is refused with the same code without a journey.

import { isJsonObject } from "../protocol/canonical-json.ts";
import type { CommandId } from "../protocol/command-id.ts";
import { decodeCommandValue } from "../protocol/command-json.ts";
import { type DecodedCommandOrRefusal, isRefusedShape } from "../protocol/decoded-command.ts";
import { type OwnerName, parseOwner, type TenantName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { shardOf } from "../protocol/shard-map.ts";
import type { PreparedCommand } from "./pending.ts";

/** Minor units, 1..2^63-1: a bigint, or a decimal string without sign or leading zero. Never a number. */
export type AmountInput = bigint | string;
/** A bound in minor units (may be negative for `min`), or `unlimited`. */
export type BoundInput = bigint | "unlimited" | (string & {});
/** Any JSON object, at most 2,048 bytes in canonical form. */
export type MetaInput = Readonly<Record<string, unknown>>;

interface WithId {
  /** UUID text; a UUIDv7 is made when it is left out. Keep it, to ask again after `unknown`. */
  readonly id?: string | undefined;
}

/** Opens a wallet. `min` defaults to 0, `max` to unlimited. */
export interface OpenInput extends WithId {
  readonly op: "open";
  /** `owner:purse` */
  readonly wallet: string;
  /** Such as `USD/2`. */
  readonly asset: string;
  readonly min?: BoundInput | undefined;
  readonly max?: BoundInput | undefined;
  readonly meta?: MetaInput | undefined;
}

/** One leg of a transfer. */
export interface LegInput {
  readonly from: string;
  readonly to: string;
  readonly amount: AmountInput;
}

interface TransferFields extends WithId {
  readonly op: "transfer";
  /** With it the money is reserved for that time and moves at capture. */
  readonly hold?: { readonly ttlMs: number } | undefined;
  readonly code?: string | undefined;
  readonly ref?: string | undefined;
  readonly meta?: MetaInput | undefined;
  /** Versions that wallets of the legs must have. */
  readonly ifVersion?: Readonly<Record<string, string | number | bigint>> | undefined;
}

/** Moves money, all legs or none. */
export type TransferInput = TransferFields & (LegInput | { readonly legs: readonly LegInput[] });

/** Takes money out of a hold; all that is left unless `amount` says less. */
export interface CaptureInput extends WithId {
  readonly op: "capture";
  /** The owner whose hold it is. */
  readonly owner: string;
  readonly hold: string;
  readonly amount?: AmountInput | undefined;
  readonly final?: boolean | undefined;
}

/** Ends a hold. */
export interface ReleaseInput extends WithId {
  readonly op: "release";
  /** The owner whose hold it is. */
  readonly owner: string;
  readonly hold: string;
}

/** Moves a settled transfer back; all that is left unless `amount` says less. */
export interface ReverseInput extends WithId {
  readonly op: "reverse";
  /** The owner that the transfer was addressed to. */
  readonly owner: string;
  readonly transfer: string;
  readonly amount?: AmountInput | undefined;
}

/** Changes a wallet's status. */
export interface StatusInput extends WithId {
  readonly op: "freeze" | "unfreeze" | "close";
  readonly wallet: string;
  readonly reason: string;
}

/** Changes a wallet's bounds. */
export interface LimitInput extends WithId {
  readonly op: "limit";
  readonly wallet: string;
  readonly min?: BoundInput | undefined;
  readonly max?: BoundInput | undefined;
}

/** Any command. */
export type CommandInput =
  | OpenInput
  | TransferInput
  | CaptureInput
  | ReleaseInput
  | ReverseInput
  | StatusInput
  | LimitInput;

/** What a frame adds to a command's content and owner: two headers and the id. */
const FRAMING_BYTES = 24;

/** Fields that may be given as bigint. */
const AMOUNT_FIELDS: ReadonlySet<string> = new Set(["amount", "min", "max"]);

/** Where commands go, and how ids and times are made. */
export interface PrepareContext {
  readonly tenant: TenantName;
  readonly shards: number;
  newId(): CommandId;
  wallMs(): number;
}

/**
 * Validates a command and finds its shard.
 * @returns what can be sent, or the refusal that the engine would give. Never throws, whatever `input` is
 * (unless a getter of its own does).
 */
export function prepareCommand(input: unknown, context: PrepareContext): PreparedCommand | Outcome {
  const { json, owner } = addressed(jsonOf(input, context));
  const { tenant, shards } = context;
  const decoded = decodeCommandValue(json, { tenant, owner, shard: null, shards });
  if (isRefusedShape(decoded)) return refusedOutcome(decoded, context.wallMs());
  const { command, content } = decoded;
  const shard = shardOf(tenant, command.owner, shards);
  return { command, shard, bytes: content.length + command.owner.length + FRAMING_BYTES };
}

/** Whether a prepared command is a refusal already. */
export function isRefused(prepared: PreparedCommand | Outcome): prepared is Outcome {
  return "status" in prepared;
}

function refusedOutcome(
  refused: Extract<DecodedCommandOrRefusal, { shape: unknown }>,
  timeMs: number,
): Outcome {
  const { id, op, shape } = refused;
  return {
    id,
    op,
    status: "refused",
    refusal: shape,
    replayed: false,
    shard: 0,
    position: 0,
    timeMs,
    balances: null,
  };
}

/** Takes `owner` off the operations whose fields do not imply it; on others it stays, as a field nobody knows. */
function addressed(json: unknown): { json: unknown; owner: OwnerName | null } {
  const op = isJsonObject(json) ? json["op"] : undefined;
  if (!isJsonObject(json) || (op !== "capture" && op !== "release" && op !== "reverse"))
    return { json, owner: null };
  const { owner, ...rest } = json;
  return { json: rest, owner: parseOwner(owner) ?? null };
}

/** The JSON form: bigints as decimal text, absent fields left out, a fresh id where there is none. About 1 µs. */
function jsonOf(input: unknown, context: PrepareContext): unknown {
  if (!isJsonObject(input) || isJsonForm(input)) return input;
  const json: Record<string, unknown> = { ...input };
  for (const [field, value] of Object.entries(json)) {
    if (value === undefined) delete json[field];
    else if (typeof value === "bigint" && AMOUNT_FIELDS.has(field)) json[field] = value.toString();
  }
  if (Array.isArray(json["legs"])) json["legs"] = json["legs"].map(legJson);
  if (isJsonObject(json["ifVersion"])) json["ifVersion"] = versionsJson(json["ifVersion"]);
  if (json["id"] === undefined) json["id"] = context.newId();
  return json;
}

/** Whether a command is in its JSON form already, as one that came as JSON is: then it is not copied. */
function isJsonForm(input: Readonly<Record<string, unknown>>): boolean {
  if (input["id"] === undefined) return false;
  for (const field in input) {
    const value = input[field];
    if (value === undefined || typeof value === "bigint" || field === "legs" || field === "ifVersion")
      return false;
  }
  return true;
}

function legJson(leg: unknown): unknown {
  if (!isJsonObject(leg) || typeof leg["amount"] !== "bigint") return leg;
  return { ...leg, amount: leg["amount"].toString() };
}

function versionsJson(versions: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(versions).map(([wallet, version]) => [wallet, versionJson(version)]),
  );
}

function versionJson(version: unknown): unknown {
  return typeof version === "number" || typeof version === "bigint" ? version.toString() : version;
}
