// What operators see of a shard: its state and its counters, read by `coffer status` over NATS. All but the
// counts of what is open is O(1) to take, so that asking often costs little.

import type { PhaseCounters } from "../protocol/phases.ts";
import type { OpenCounts, ShardCounters } from "../storage/shard-file.ts";

/** Modes of a shard; see shard-runner. */
export type ShardState = "attaching" | "recovering" | "active" | "halted" | "stopped";

/** State and counters of one shard at one moment. */
export interface ShardStatus extends ShardCounters, OpenCounts {
  readonly shard: number;
  readonly state: ShardState;
  /** Fault code of a halted shard, else null. */
  readonly reason: string | null;
  readonly detail: string | null;
  readonly epoch: number;
  /** Records read and not applied yet. */
  readonly queueRecords: number;
  readonly lagRecords: number;
  /** Positions with quarantined units. */
  readonly quarantined: number;
  readonly callsWaiting: number;
  /** Whether this engine publishes events. */
  readonly events: boolean;
  readonly eventsPending: number;
  readonly turns: number;
  /** Where the time of commands went since the shard became active; null before, and when it is not measured. */
  readonly phases: PhaseCounters | null;
}
