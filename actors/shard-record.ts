// What the apply is given and what it gives back: a decoded record of the shard's log, and the answers that
// become due when its turn commits. Everything else that a record does goes into the ledger.

import type { DecodedCommand, RefusedShape } from "../protocol/decoded-command.ts";
import type { TenantName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { EpochStart, QuarantinedUnit, Tick } from "../protocol/owner-record.ts";
import type { PeerFrame } from "../protocol/peer-frame.ts";

export type { DecodedCommand, RefusedShape };

/** A decoded record. */
export type ShardRecord = {
  /** Stream sequence = the shard's position. */
  readonly position: number;
  /** The server's stamp, in ms since 1970. */
  readonly stampMs: number;
} & RecordBody;

/** What a record holds. `ignored` ones move only the position and the clock. */
export type RecordBody =
  | {
      readonly kind: "commands";
      readonly tenant: TenantName;
      readonly commands: readonly (DecodedCommand | RefusedShape)[];
    }
  | { readonly kind: "peer"; readonly frame: PeerFrame }
  | { readonly kind: "epoch"; readonly start: EpochStart }
  | { readonly kind: "tick"; readonly tick: Tick }
  | { readonly kind: "ignored" };

/** What becomes due when the record's turn has committed. */
export interface RecordAnswers {
  /** Commands of this record that have an outcome now, by their index in it. */
  readonly answered: { readonly index: number; readonly outcome: Outcome }[];
  /** Commands of this record that are still open, and copies of open ones (`replayed`), by command number. */
  readonly waiting: { readonly index: number; readonly number: number; readonly replayed: boolean }[];
  /** Commands that this record settled after they had been open, in order. */
  readonly settled: { readonly number: number; readonly outcome: Outcome }[];
  /** Peers whose frame was dropped because it started too far ahead; they are to be told. */
  readonly resend: number[];
}

/** Units that must not be applied in a position, from the Quarantine records. */
export type QuarantineLookup = (position: number) => readonly QuarantinedUnit[];

/** A pair or a record that cannot be applied without risking money: the shard halts and names the reason. */
export class ShardHalt extends Error {
  override readonly name = "ShardHalt";
  readonly reason: "pair_diverged" | "unknown_version" | "completion_failed";

  constructor(reason: ShardHalt["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
