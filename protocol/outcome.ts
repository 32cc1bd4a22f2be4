// Outcomes: what a command came to, for ever. Owns the statuses, the refusal codes with their precedence,
// and the shape that replies, reads and storage share. Text and binary forms live in the outcome codecs.

import type { CommandId } from "./command-id.ts";
import type { Bound } from "./money.ts";
import type { WalletName } from "./names.ts";

/** Terminal statuses of a command. */
export const STATUSES = [
  "open",
  "posted",
  "held",
  "captured",
  "released",
  "reversed",
  "done",
  "refused",
] as const;

/** One terminal status. */
export type Status = (typeof STATUSES)[number];

/**
 * Every refusal code in its precedence: of all that apply, the first in this table is returned.
 * Stage 1 is shape (never recorded, the id stays free); the table only grows.
 */
export const REFUSALS = [
  { code: "malformed", stage: 1, meaning: "not JSON, not an object or array, unknown or duplicate field" },
  { code: "unknown_op", stage: 1, meaning: "the operation does not exist" },
  { code: "id_invalid", stage: 1, meaning: "an id is missing or is no UUID" },
  { code: "wrong_owner", stage: 1, meaning: "a wallet that must be the addressed owner's is not" },
  { code: "wrong_shard", stage: 1, meaning: "the addressed owner lives on another shard" },
  { code: "wallet_invalid", stage: 1, meaning: "a wallet's name is missing or malformed" },
  { code: "asset_invalid", stage: 1, meaning: "an asset's name is missing or malformed" },
  { code: "amount_invalid", stage: 1, meaning: "an amount or bound is missing, malformed or out of range" },
  { code: "legs_invalid", stage: 1, meaning: "legs are missing, too many, or do not fit the operation" },
  { code: "same_wallet", stage: 1, meaning: "a leg's two wallets are the same" },
  { code: "ttl_invalid", stage: 1, meaning: "a hold's time to live is missing or out of range" },
  { code: "too_large", stage: 1, meaning: "a text, the metadata or the message exceeds its limit" },
  { code: "id_conflict", stage: 2, meaning: "the id was used before with other content" },
  { code: "wallet_exists", stage: 3, meaning: "the wallet was opened with other fields" },
  { code: "too_many_wallets", stage: 3, meaning: "the owner has as many wallets as allowed" },
  { code: "wallet_not_found", stage: 3, meaning: "the wallet does not exist" },
  { code: "asset_mismatch", stage: 3, meaning: "the two wallets of a leg hold different assets" },
  { code: "hold_not_found", stage: 4, meaning: "the hold is unknown, was refused, or is not settled yet" },
  { code: "hold_settled", stage: 4, meaning: "the hold was captured or released" },
  { code: "hold_expired", stage: 4, meaning: "the hold's time to live has passed" },
  { code: "capture_exceeds_hold", stage: 4, meaning: "the hold has less left than asked, or nothing" },
  {
    code: "transfer_not_found",
    stage: 4,
    meaning: "the transfer is unknown, was refused, or is not settled yet",
  },
  { code: "reverse_exceeds", stage: 4, meaning: "less is left to reverse than asked" },
  { code: "already_reversed", stage: 4, meaning: "nothing is left to reverse" },
  { code: "wallet_closed", stage: 5, meaning: "the wallet is closed" },
  { code: "wallet_frozen", stage: 5, meaning: "the wallet is frozen" },
  { code: "wallet_not_empty", stage: 5, meaning: "posted, held and incoming are not all zero" },
  { code: "version_mismatch", stage: 6, meaning: "a wallet has another version than expected" },
  { code: "overflow", stage: 7, meaning: "a balance would leave the range of int64" },
  { code: "max_exceeded", stage: 7, meaning: "a balance would exceed the wallet's max" },
  { code: "insufficient_funds", stage: 7, meaning: "less is available than asked" },
  { code: "peer_timeout", stage: 8, meaning: "a shard did not vote in time" },
  { code: "internal_error", stage: 9, meaning: "the command could not be applied and was quarantined" },
] as const;

/** One refusal code. */
export type RefusalCode = (typeof REFUSALS)[number]["code"];

/** A refusal as a value: the code and what in the command caused it, or null. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly detail: string | null;
}

/** A wallet's balances as outcomes and events show them. */
export interface Balances {
  readonly wallet: WalletName;
  readonly posted: bigint;
  readonly held: bigint;
  readonly incoming: bigint;
  /** posted - held - min */
  readonly available: Bound;
  readonly version: number;
}

/** The terminal answer to a command. */
export interface Outcome {
  /** A command id; for shape refusals whatever id text was sent (at most 64 characters), or null. */
  readonly id: CommandId | string | null;
  /** The operation; for shape refusals whatever op text was sent (at most 64 characters), or null. */
  readonly op: string | null;
  readonly status: Status;
  readonly refusal: Refusal | null;
  readonly replayed: boolean;
  readonly shard: number;
  /** The record that settled it; 0 when it never reached the log. */
  readonly position: number;
  /** That record's shard time, in ms since 1970. */
  readonly timeMs: number;
  /** Wallets of the answering shard after the command, in the order first named; null when refused. */
  readonly balances: readonly Balances[] | null;
}

const RANKS: ReadonlyMap<string, number> = new Map(REFUSALS.map(({ code }, rank) => [code, rank]));

/** A code's place in the precedence, 0 = first. Never throws. */
export function precedenceOf(code: RefusalCode): number {
  return RANKS.get(code) ?? REFUSALS.length;
}

/** Whether text is a refusal code. */
export function isRefusalCode(text: unknown): text is RefusalCode {
  return typeof text === "string" && RANKS.has(text);
}

/** A refusal without or with a detail. */
export function refusal(code: RefusalCode, detail: string | null = null): Refusal {
  return { code, detail };
}

/** The refusal that comes first in the precedence; of equal ones the earlier argument. */
export function firstRefusal(left: Refusal | null, right: Refusal | null): Refusal | null {
  if (!left || !right) return left ?? right;
  return precedenceOf(right.code) < precedenceOf(left.code) ? right : left;
}
