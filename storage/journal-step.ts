// A journal step as it is read back from the file: with names instead of numbers, and with the place of the tenant's
// step before it.

import type { Step } from "../actors/ledger.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { StepKind } from "../protocol/entry.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import type { Balances } from "../protocol/outcome.ts";

/** Where a step is: the second and third part of its event's id. */
export interface StepPlaceInLog {
  readonly position: number;
  /** 0-based, in its record. */
  readonly index: number;
}

/** See the file header. */
export interface JournalStep extends StepPlaceInLog {
  /** Dense per shard, from 1. */
  readonly number: number;
  readonly tenant: TenantName;
  /** The owner that the command was addressed to, on any shard. */
  readonly owner: OwnerName;
  readonly kind: StepKind;
  readonly op: Step["op"];
  readonly status: Step["status"];
  readonly command: CommandId;
  readonly transfer: CommandId | null;
  readonly code: string | null;
  readonly ref: string | null;
  readonly timeMs: number;
  /** The tenant's step before this one, or null. */
  readonly previous: StepPlaceInLog | null;
  /** Wallets that the step changed, after it. */
  readonly wallets: readonly Balances[];
}
