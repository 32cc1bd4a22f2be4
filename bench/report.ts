// What a run is asked for and what it reports: the interface of `coffer bench`, in JSON as it stands here.
// Fields are only added, so that figures of old and new versions can be laid side by side.

import type { Durability } from "../protocol/info.ts";
import type { LatencySummary } from "./latency-histogram.ts";
import type { WatchedProcess } from "./process-usage.ts";
import type { Reference } from "./reference.ts";

/** What to run, against which server. */
export interface BenchOptions {
  /** `nats://host:port`, one or several. */
  readonly servers: string | readonly string[];
  readonly credentials?: Uint8Array | string;
  readonly tenant: string;
  /** Name of a scenario; default `frames`. */
  readonly scenario?: string;
  /** Commands of the run; without it the run ends after `seconds`. */
  readonly commands?: number;
  /** Default 20. */
  readonly seconds?: number;
  /** Wallets over all shards; default 10,000. */
  readonly wallets?: number;
  /** Commands in a frame; default 100. */
  readonly frameCommands?: number;
  /** Frames without all outcomes at once; default 64. */
  readonly framesInFlight?: number;
  /** `uniform` (default) = all shards take turns; a number = that shard alone. */
  readonly shard?: "uniform" | number;
  /** The same seed sends the same transfers; default 1. */
  readonly seed?: number;
  /** A directory on the disk in question, for the reference figures; default: the system's temporary directory. */
  readonly directory?: string;
  /** Whether to measure the reference figures (about 4 s); default true. */
  readonly reference?: boolean;
  /** Processes whose CPU and memory are reported beside the generator's own. */
  readonly processes?: readonly WatchedProcess[];
}

/** How far a run is. */
export interface BenchProgress {
  readonly phase: "connect" | "open" | "fund" | "run" | "verify" | "reference";
  /** Commands (or wallets, in `verify`) done in this phase. */
  readonly done: number;
  /** How many there will be; null = until the time is up. */
  readonly total: number | null;
  /** Of this phase so far. */
  readonly perSecond: number;
}

/** What was proven after the run, from outside. */
export interface Verification {
  /** Everything below is as it must be. */
  readonly ok: boolean;
  /** Commands that were published and have exactly one outcome. */
  readonly outcomesOnce: boolean;
  /** Wallets read back. */
  readonly wallets: number;
  /** Of those, how many do not hold what the outcomes say; the first few by name. */
  readonly wrongWallets: number;
  readonly wrong: readonly string[];
  /** Sum over all wallets of the run and their sources, minor units: must be "0". */
  readonly sum: string;
}

/** A run's result. */
export interface BenchReport {
  readonly scenario: string;
  readonly durability: Durability;
  readonly shards: number;
  readonly seed: number;
  /** Outcomes per second from the first publication to the last outcome. */
  readonly settledPerSecond: number;
  /** Commands in acknowledged frames per second, to the last PubAck. */
  readonly acceptedPerSecond: number;
  /** From publication to outcome, each command counted. */
  readonly latencyMs: LatencySummary;
  readonly commands: number;
  readonly refused: number;
  /** Share of transfers over two shards, 0..1. */
  readonly crossShare: number;
  readonly seconds: number;
  readonly verified: Verification;
  /** CPU seconds per second of the run, by process; `generator` is this one. */
  readonly cpu: Readonly<Record<string, number>>;
  /** Resident bytes after the run, by process. */
  readonly rss: Readonly<Record<string, number>>;
  readonly reference: Reference | null;
}
