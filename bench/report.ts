// What a run is asked for and what it reports: the interface of `coffer bench`, in JSON as it stands here.
// Fields are only added, so that figures of old and new versions can be laid side by side.
//
//   open, fund ─► warm-up ─► its last outcome ═► first publication … last publication … last outcome ═► proof
//                                                └──────── what rates, latencies, CPU and phases are of ────┘
//
// Invariant: no command of the warm-up is in a rate or a latency, and every one of it is proven like all others.

import type { Durability } from "../protocol/info.ts";
import type { PhaseSummary } from "../protocol/phases.ts";
import type { LatencySummary } from "./latency-histogram.ts";
import type { WatchedProcess } from "./process-usage.ts";
import type { Reference } from "./reference.ts";
import type { DISTRIBUTIONS, ENCODINGS } from "./run-settings.ts";
import type { Sample } from "./samples.ts";

/** How an engine ends before it is started again. */
export type RestartKind = "stop" | "kill";

/** What to run, against which server. What is left out is the scenario's own default. */
export interface BenchOptions {
  /** `nats://host:port`, one or several. */
  readonly servers: string | readonly string[];
  readonly credentials?: Uint8Array | string;
  readonly tenant: string;
  /** Name of a scenario; default `frames`. */
  readonly scenario?: string;
  /** Commands of the run, rounded up to whole messages; without it the run ends after `seconds`. */
  readonly commands?: number;
  readonly seconds?: number;
  /** Of the same load before what is measured; default: the scenario's, 0 with `commands`. */
  readonly warmUpSeconds?: number;
  /** Rows of the journal at the end, for the scenario `growth`. */
  readonly rows?: number;
  /** Wallets over all shards. */
  readonly wallets?: number;
  /** How wallets are chosen. */
  readonly distribution?: (typeof DISTRIBUTIONS)[number];
  /** Share of transfers (0..1) whose wallets lie on two shards. */
  readonly crossShare?: number;
  /** Commands in a frame. */
  readonly frameCommands?: number;
  /** Messages without all outcomes at once. */
  readonly inFlight?: number;
  /** Commands offered per second on a fixed schedule; without it, as many as `inFlight` lets through. */
  readonly ratePerSecond?: number;
  /** How single commands are sent. */
  readonly encoding?: (typeof ENCODINGS)[number];
  /** Load this shard alone; default: all take turns. */
  readonly shard?: number;
  /** The same seed sends the same transfers; default 1. */
  readonly seed?: number;
  /** A directory on the disk in question, for the reference figures; default: the system's temporary directory. */
  readonly directory?: string;
  /** Whether to measure the reference figures (about 4 s); default true. */
  readonly reference?: boolean;
  /** Copies of each log, for the report; absent when nobody knows. */
  readonly replicas?: number;
  /** Processes whose CPU and memory are reported beside the generator's own. */
  readonly processes?: readonly WatchedProcess[];
  /**
   * Ends the engine, asking it to stop or killing it, and starts it again. Returns the pid of the new process when
   * that has begun. Absent for an installation that is not the bench's own.
   */
  readonly restartEngine?: (how: RestartKind) => Promise<number>;
  /** Ends the run at once. */
  readonly signal?: AbortSignal;
}

/** How far a run is. */
export interface BenchProgress {
  readonly phase: "connect" | "open" | "fund" | "warm up" | "run" | "verify" | "reference";
  /** Commands (or wallets, in `verify`) done in this phase. */
  readonly done: number;
  /** How many there will be; null = until the time is up. */
  readonly total: number | null;
  /** Of this phase so far. */
  readonly perSecond: number;
  /** Seconds of this phase so far, and how many it lasts (null = until all is done). */
  readonly seconds: number;
  readonly ofSeconds: number | null;
}

/** What the sweep over an engine's files found (`coffer verify`). */
export interface Sweep {
  readonly clean: boolean;
  /** Whether every journal entry and command was walked too. */
  readonly deep: boolean;
  readonly seconds: number;
  /** The first few violations, as text. */
  readonly violations: readonly string[];
}

/** What was proven after the run, from outside. */
export interface Verification {
  /** Everything below is as it must be. */
  readonly ok: boolean;
  /** Each command that was published has exactly one outcome, and none was a replay. */
  readonly outcomesOnce: boolean;
  /** Outcomes that are not what the scenario knows must come, and the first of them. */
  readonly unexpectedOutcomes: number;
  readonly firstUnexpected: string | null;
  /** Commands of the whole run, opening and funding included. */
  readonly commands: number;
  /** Wallets read back. */
  readonly wallets: number;
  /** Of those, how many do not hold what the outcomes say; the first few by name. */
  readonly wrongWallets: number;
  readonly wrong: readonly string[];
  /** Sum over all wallets of the run and their sources, minor units: must be "0". */
  readonly sum: string;
  /** The sweep over the files of the run's own installation; null when there was none. */
  readonly sweep: Sweep | null;
}

/** Bytes on disk: of the shards' streams, of the event stream, and of the shard files. */
export interface DiskBytes {
  readonly log: number;
  readonly events: number;
  readonly sqlite: number;
}

/**
 * A command's time as its caller sees it, mean in µs: `meanMicros` is `publishMicros` + the engine's total
 * (`phases.totalMicros`).
 */
export interface CallerTime {
  readonly meanMicros: number;
  /**
   * What the engine cannot see: published (or to be published, on a schedule) until stored by the server, and handed
   * over until received. Of a move over shards also what comes after its first record. The difference of two means.
   */
  readonly publishMicros: number;
}

/** A run's result. */
export interface BenchReport {
  readonly scenario: string;
  readonly durability: Durability;
  /**
   * Commands that were published after the warm-up had its last outcome, over the time from the first publication of
   * them to the last outcome of them. All of them are settled then: filling and draining the pipeline is included.
   */
  readonly settledPerSecond: number;
  /** Commands in acknowledged messages per second, to the last PubAck. */
  readonly acceptedPerSecond: number;
  /** From the intended moment of publication to the outcome, each command counted. */
  readonly latencyMs: LatencySummary;
  /** Those that count in `settledPerSecond`. */
  readonly commands: number;
  readonly refused: number;
  /** Share of transfers over two shards, 0..1, as they were sent. */
  readonly crossShare: number;
  /** Everything that was to be proven was. */
  readonly verified: boolean;
  /** CPU seconds per second of the run, by process; `generator` is this one. */
  readonly cpu: Readonly<Record<string, number>>;
  /** Resident bytes after the run, by process. */
  readonly rss: Readonly<Record<string, number>>;
  readonly reference: Reference | null;
  readonly shards: number;
  /** Copies of each log, each on a nats-server of its own; null when the installation is not the bench's own. */
  readonly replicas: number | null;
  readonly seed: number;
  /** From the first publication to the last outcome, the warm-up left out. */
  readonly seconds: number;
  /** Seconds of publishing before that: the same load, proven and not measured; 0 = none. */
  readonly warmUpSeconds: number;
  /** From the last publication to the last outcome. */
  readonly drainSeconds: number;
  /** What the schedule asked for; null without a schedule. */
  readonly offeredPerSecond: number | null;
  /** Commands published per second while publishing. */
  readonly publishedPerSecond: number;
  /** How late a publication was at most, ms; 0 without a schedule. */
  readonly scheduleLagMs: number;
  /** The generator kept its schedule: 99 % of what was offered was published, within the run's time. */
  readonly scheduleKept: boolean | null;
  /** CPU time of the generator for each settled command, µs. */
  readonly generatorMicrosPerCommand: number;
  readonly wallets: number;
  readonly distribution: string;
  readonly frameCommands: number;
  readonly inFlight: number;
  /** Messages on the event stream since the warm-up; null when there is none to ask. */
  readonly eventMessages: number | null;
  /** Where the time of commands went inside the engine since the warm-up; null when it does not say. */
  readonly phases: PhaseSummary | null;
  /** What the phases leave out; null where they are. */
  readonly caller: CallerTime | null;
  /** Disk bytes grown since the funding for each settled command; null for an installation that runs already. */
  readonly bytesPerCommand: DiskBytes | null;
  readonly verification: Verification;
  /** Figures that only this scenario has. */
  readonly [extra: string]: unknown;
}

/** A run: its report, and what it looked like second by second. */
export interface BenchRun {
  readonly report: BenchReport;
  readonly samples: readonly Sample[];
  /** Commands that were settled since the wallets were open and funded, baselines and warm-up included. */
  readonly settled: number;
}
