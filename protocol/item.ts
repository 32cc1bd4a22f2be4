// Items are what one shard asks of or answers to another. For each ordered pair of shards they are numbered
// 1,2,3… when the record that causes them is applied, and are never changed, dropped or overtaken.
//
//   two shards   coordinator ─ apply ─► other ─ result ─► coordinator           (the other one decides)
//   many shards  coordinator ─ prepare ─► each ─ result ─► … ─ commit|abort ─► each ─ result (of commit) ─►
//   holds        coordinator ─ check ─► each ─ result ─►                         (reserves nothing there)
//
// A saga is named by its coordinator's shard and the number of the command there.

import type { CommandId } from "./command-id.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "./names.ts";
import type { Refusal } from "./outcome.ts";

/** What kind of move an item belongs to; also the kind of the entries it makes. */
export type MoveKind = "transfer" | "capture" | "reverse";

/** One leg as another shard sees it: both wallets, of which it owns one or both. */
export interface ItemLeg {
  /** The leg's place in the command, 0-based. */
  readonly leg: number;
  readonly from: WalletName;
  readonly to: WalletName;
  readonly amount: bigint;
  /** The asset where the coordinator's shard knows it, else null. */
  readonly asset: AssetName | null;
}

/** What check, prepare and apply carry. */
export interface MoveItem {
  readonly kind: "apply" | "check" | "prepare";
  readonly saga: number;
  readonly move: MoveKind;
  readonly tenant: TenantName;
  /** The owner that the command was addressed to. */
  readonly owner: OwnerName;
  readonly command: CommandId;
  /** The transfer or hold that a reverse or capture belongs to, else null. */
  readonly transfer: CommandId | null;
  readonly code: string | null;
  readonly ref: string | null;
  /** The legs that touch the receiving shard, in the order of the command. */
  readonly legs: readonly ItemLeg[];
  /** Expected versions of the receiving shard's wallets. */
  readonly ifVersion: readonly (readonly [WalletName, number])[];
}

/** The answer to apply, check, prepare and commit: for ever the same. */
export interface ResultItem {
  readonly kind: "result";
  readonly saga: number;
  /** What is answered. */
  readonly of: "apply" | "check" | "prepare" | "commit";
  /** null = done, or reserved, or fits. */
  readonly refusal: Refusal | null;
  /** Place in the command of the leg that was refused (breaks ties between shards); 0 when not refused. */
  readonly leg: number;
  /** For check and prepare without refusal: assets of this shard's wallets in the legs. */
  readonly assets: readonly (readonly [WalletName, AssetName])[];
}

/** The decision of a many-shard move. */
export interface DecisionItem {
  readonly kind: "commit" | "abort";
  readonly saga: number;
}

/** Any item. */
export type Item = MoveItem | ResultItem | DecisionItem;

/** A net movement of money of one asset that travels with an item, in minor units (wider than int64). */
export interface ItemMoney {
  readonly asset: AssetName;
  readonly amount: bigint;
}
