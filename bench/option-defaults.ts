// Fills in what the options of a run leave out: the scenario's defaults, and what a schedule needs.
// Does not own the words of the command line (cli/bench/bench-flags.ts).
// Invariant: a schedule is not held back by what is in flight, unless the caller bounds it; a run of a given number of
// commands is these commands, unless the caller asks for a warm-up too.

import { BenchFailure } from "./bench-failure.ts";
import type { BenchOptions } from "./report.ts";
import type { RunSettings } from "./run-settings.ts";
import type { ScenarioDefaults } from "./scenario.ts";

/** Seconds of a schedule that may be under way when nothing else bounds them: an open loop does not wait for answers. */
const OPEN_LOOP_SECONDS = 30;

/** The settings of a run. Errors: BenchFailure for a share that is none, or a warm-up where there can be none. */
export function runSettings(options: BenchOptions, defaults: ScenarioDefaults): RunSettings {
  const { crossShare = null } = options;
  if (crossShare !== null && !(crossShare >= 0 && crossShare <= 1))
    throw new BenchFailure("the share of transfers over two shards is a number from 0 to 1");
  const warmUpSeconds =
    options.warmUpSeconds ?? (options.commands === undefined ? defaults.warmUpSeconds : 0);
  if (warmUpSeconds > 0 && defaults.warmUpSeconds === 0)
    throw new BenchFailure("this scenario has no warm-up: it measures from the first moment");
  const { ratePerSecond = defaults.ratePerSecond ?? null, frameCommands = defaults.frameCommands } = options;
  const scheduled = ((ratePerSecond ?? 0) * OPEN_LOOP_SECONDS) / frameCommands;
  return {
    seconds: options.seconds ?? defaults.seconds,
    warmUpSeconds,
    commands: options.commands ?? null,
    rows: options.rows ?? null,
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
