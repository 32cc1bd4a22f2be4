// An entry is what one command or step did to one wallet: one per wallet and step, with dense versions, so
// that the entries in version order reproduce the balance.

import type { CommandId } from "./command-id.ts";
import type { Bound } from "./money.ts";
import type { WalletName } from "./names.ts";

/** What a step was. `reserve` and `return` are the two ends of money set aside for a move between shards. */
export const STEP_KINDS = [
  "open",
  "transfer",
  "reserve",
  "return",
  "hold",
  "capture",
  "release",
  "expire",
  "reverse",
  "freeze",
  "unfreeze",
  "close",
  "limit",
] as const;

/** One step's kind. */
export type StepKind = (typeof STEP_KINDS)[number];

/** One wallet's line of a step, as reads show it. */
export interface Entry {
  readonly version: number;
  readonly kind: StepKind;
  /** Signed change of posted. */
  readonly amount: bigint;
  /** Signed change of held. */
  readonly held: bigint;
  /** Balances after the step. */
  readonly balance: { readonly posted: bigint; readonly held: bigint; readonly incoming: bigint };
  readonly command: CommandId;
  /** The transfer or hold that a capture, release, expiry or reverse belongs to. */
  readonly transfer: CommandId | null;
  /** The leg and the other wallet, when exactly one leg of the step touches this wallet. */
  readonly leg: number | null;
  readonly counterparty: WalletName | null;
  readonly code: string | null;
  readonly ref: string | null;
  readonly position: number;
  readonly timeMs: number;
}

/** A wallet as reads show it. */
export interface WalletView {
  readonly wallet: WalletName;
  readonly asset: string;
  readonly posted: bigint;
  readonly held: bigint;
  readonly incoming: bigint;
  readonly available: Bound;
  readonly min: Bound;
  readonly max: Bound;
  readonly status: "open" | "frozen" | "closed";
  readonly version: number;
  /** Canonical JSON, or null. */
  readonly meta: string | null;
}

/** One leg of a hold as reads show it. */
export interface HoldLegView {
  readonly from: WalletName;
  readonly to: WalletName;
  readonly amount: bigint;
  /** Neither captured nor in a capture that is under way. */
  readonly remaining: bigint;
  /** Moved by settled captures. */
  readonly captured: bigint;
}

/** A hold as reads show it. */
export interface HoldView {
  readonly id: CommandId;
  readonly status: "open" | "captured" | "released" | "expired";
  readonly legs: readonly HoldLegView[];
  readonly expiresMs: number;
  readonly code: string | null;
  readonly ref: string | null;
  /** Canonical JSON, or null. */
  readonly meta: string | null;
}
