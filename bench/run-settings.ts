// The options of a run with the scenario's defaults filled in: what a scenario and the generator read.

import { BenchFailure } from "./bench-failure.ts";
import type { BenchOptions } from "./report.ts";
import type { ScenarioDefaults } from "./scenario.ts";

/** Ways to choose wallets; see wallet-choice.ts. */
export const DISTRIBUTIONS = ["uniform", "zipfian", "hot"] as const;
/** Ways to send single commands: JSON on `coffer.cmd`, or frames of one. */
export const ENCODINGS = ["json", "msgpack"] as const;

/** See the file header. */
export interface RunSettings {
  readonly seconds: number;
  /** Ends the run instead of `seconds`; null = the time does. */
  readonly commands: number | null;
  readonly wallets: number;
  readonly distribution: (typeof DISTRIBUTIONS)[number];
  /** null = whatever the scenario gives. */
  readonly crossShare: number | null;
  readonly frameCommands: number;
  /** Messages. */
  readonly inFlight: number;
  readonly ratePerSecond: number | null;
  readonly encoding: (typeof ENCODINGS)[number];
  /** null = all shards take turns. */
  readonly shard: number | null;
  readonly seed: number;
}

/** Seconds of a schedule that may be under way when nothing else bounds them: an open loop does not wait for answers. */
const OPEN_LOOP_SECONDS = 30;

/** Fills in what was left out. Errors: BenchFailure for a share that is none. */
export function runSettings(options: BenchOptions, defaults: ScenarioDefaults): RunSettings {
  const { crossShare = null } = options;
  if (crossShare !== null && !(crossShare >= 0 && crossShare <= 1))
    throw new BenchFailure("the share of transfers over two shards is a number from 0 to 1");
  const { ratePerSecond = null, frameCommands = defaults.frameCommands } = options;
  const scheduled = ((ratePerSecond ?? 0) * OPEN_LOOP_SECONDS) / frameCommands;
  return {
    seconds: options.seconds ?? defaults.seconds,
    commands: options.commands ?? null,
    wallets: options.wallets ?? defaults.wallets,
    distribution: options.distribution ?? "uniform",
    crossShare,
    frameCommands,
    inFlight: options.inFlight ?? Math.max(defaults.inFlight, Math.ceil(scheduled)),
    ratePerSecond,
    encoding: options.encoding ?? "json",
    shard: options.shard ?? null,
    seed: options.seed ?? 1,
  };
}
