// Records that a shard's owner writes into its own log: EpochStart (the fence), Tick (time passes, timers
// fire) and Quarantine (what must not be applied). Nothing is trusted for being in the log: each carries
// version, cluster, shard and epoch, and whatever does not match is ignored. Codecs: owner-record-codec.

import type { OwnerName, TenantName } from "./names.ts";

/** Fields of every owner record. */
export interface OwnerStamp {
  /** Cluster id. */
  readonly cluster: string;
  readonly shard: number;
  readonly epoch: number;
}

/** A node takes the shard; higher epochs win, others are ignored. */
export interface EpochStart extends OwnerStamp {
  readonly kind: "epoch";
  readonly node: string;
  /** Behaviour version of the code that owns the shard from here on. */
  readonly codeVersion: number;
}

/** Gives the shard a timestamp, so that timers which are due fire; those of `touches` first. */
export interface Tick extends OwnerStamp {
  readonly kind: "tick";
  /** Owners whose reads wait for their due timers; at most 1,000. */
  readonly touches: readonly { readonly tenant: TenantName; readonly owner: OwnerName }[];
}

/** What a quarantine names inside its record. */
export type QuarantinedUnit =
  | { readonly kind: "command"; readonly index: number }
  | { readonly kind: "item"; readonly number: number }
  | { readonly kind: "timer"; readonly id: number };

/** A unit that threw and is skipped by every start, replay and follower. */
export interface Quarantine extends OwnerStamp {
  readonly kind: "quarantine";
  /** The record that the owner stopped before. */
  readonly position: number;
  readonly unit: QuarantinedUnit;
  readonly codeVersion: number;
}

/** Any owner record. */
export type OwnerRecord = EpochStart | Tick | Quarantine;
