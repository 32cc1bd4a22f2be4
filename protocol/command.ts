// Commands as the engine decides them: validated, with defaults filled in, the short transfer form as one
// leg. A value of these types has passed every shape check of the contract; nothing after the decoders
// checks shape again. Absent optional fields are null, so that equal content has one representation.

import type { CommandId } from "./command-id.ts";
import type { Bound } from "./money.ts";
import type { AssetName, OwnerName, WalletName } from "./names.ts";

/** The operations of the contract, in the order of their wire numbers 0..8. */
export const OPS = [
  "open",
  "transfer",
  "capture",
  "release",
  "reverse",
  "freeze",
  "unfreeze",
  "close",
  "limit",
] as const;

/** One operation's name. */
export type Op = (typeof OPS)[number];

interface Addressed {
  readonly id: CommandId;
  /** The owner that the command is addressed to; with tenant and id the command's scope. */
  readonly owner: OwnerName;
}

/** Makes a wallet, or confirms one that was opened with the same fields. */
export interface OpenCommand extends Addressed {
  readonly op: "open";
  readonly wallet: WalletName;
  readonly asset: AssetName;
  /** At most 0. */
  readonly min: Bound;
  /** At least 0. */
  readonly max: Bound;
  /** Canonical JSON of an object. */
  readonly meta: string | null;
}

/** One movement of a transfer; from and to differ. */
export interface Leg {
  readonly from: WalletName;
  readonly to: WalletName;
  /** 1..2^63-1 */
  readonly amount: bigint;
}

/** Moves money, or with `holdTtlMs` reserves it for a later capture. */
export interface TransferCommand extends Addressed {
  readonly op: "transfer";
  /** 1..64; the first leg's `from` belongs to the addressed owner. */
  readonly legs: readonly Leg[];
  /** 1..31,536,000,000; not null makes it a hold. */
  readonly holdTtlMs: number | null;
  readonly code: string | null;
  readonly ref: string | null;
  readonly meta: string | null;
  /** Expected versions of wallets of the legs, ordered by wallet; null when none was named. */
  readonly ifVersion: readonly (readonly [WalletName, number])[] | null;
}

/** Takes money out of a hold. */
export interface CaptureCommand extends Addressed {
  readonly op: "capture";
  readonly hold: CommandId;
  /** null = all that is left. */
  readonly amount: bigint | null;
  readonly final: boolean;
}

/** Ends a hold and gives back what is left of it. */
export interface ReleaseCommand extends Addressed {
  readonly op: "release";
  readonly hold: CommandId;
}

/** Moves a settled transfer, or what a hold's captures moved, back. */
export interface ReverseCommand extends Addressed {
  readonly op: "reverse";
  readonly transfer: CommandId;
  /** null = all that is left to reverse. */
  readonly amount: bigint | null;
}

/** Changes a wallet's status. */
export interface StatusCommand extends Addressed {
  readonly op: "freeze" | "unfreeze" | "close";
  readonly wallet: WalletName;
  readonly reason: string;
}

/** Changes a wallet's bounds; null leaves one as it is, and at least one is named. */
export interface LimitCommand extends Addressed {
  readonly op: "limit";
  readonly wallet: WalletName;
  readonly min: Bound | null;
  readonly max: Bound | null;
}

/** Any validated command. */
export type Command =
  | OpenCommand
  | TransferCommand
  | CaptureCommand
  | ReleaseCommand
  | ReverseCommand
  | StatusCommand
  | LimitCommand;
