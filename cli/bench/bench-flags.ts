// The flags of `coffer bench`, and what they ask for.
// Does not own what a scenario takes when a flag is left out (bench/option-defaults.ts).
// Invariant: what the table cannot express as choices is refused here, before anything is started.

import type { BenchOptions } from "../../bench/report.ts";
import { DISTRIBUTIONS, ENCODINGS } from "../../bench/run-settings.ts";
import type { Scenario } from "../../bench/scenario.ts";
import { SCENARIOS } from "../../bench/scenario-table.ts";
import type { ClusterFile } from "../../cluster/cluster-file.ts";
import type { FlagSpec } from "../command.ts";
import { CLUSTER_FLAGS, newCluster } from "../data-directory.ts";
import { NO_EVENTS_FLAG } from "../dev/engine-process.ts";
import { usageFailure } from "../failure.ts";
import type { Parsed } from "../parsed.ts";
import type { Surroundings } from "../surroundings.ts";
import { durationMsIn, wholeIn } from "../value.ts";

const COUNT_MAX = 1_000_000_000;
/** Wallets that a run may have: their book is kept in memory, and what one source gives them stays below 2^53. */
const WALLETS_MAX = 5_000_000;
const FRAME_MAX = 1_000;
const IN_FLIGHT_MAX = 100_000;
const SECONDS_MAX = 604_800;
const SCENARIO_DEFAULT = "frames";
const SHARE = /^(?:0(?:\.[0-9]{1,6})?|1(?:\.0{1,6})?|\.[0-9]{1,6})$/;
const BARE_NUMBER = /^[0-9]{1,6}$/;

/** The table of flags. */
export const BENCH_FLAGS: readonly FlagSpec[] = [
  {
    name: "--scenario",
    value: "NAME",
    summary: `what to send (default: ${SCENARIO_DEFAULT})`,
    choices: [...SCENARIOS.keys()],
  },
  {
    name: "--duration",
    value: "S",
    summary: "seconds of what is measured (default: the scenario's, mostly 20)",
  },
  {
    name: "--warm-up",
    value: "S",
    summary: "seconds of the same load before it (default: 3; none with --commands, growth and idle)",
  },
  { name: "--commands", value: "N", summary: "end after this many commands instead" },
  { name: "--rows", value: "N", summary: "rows of the journal that growth ends with (default: 1500000)" },
  { name: "--wallets", value: "N", summary: "wallets over all shards (default: the scenario's)" },
  {
    name: "--distribution",
    value: "NAME",
    summary: "how wallets are chosen; zipfian has theta 0.99 (default: uniform)",
    choices: DISTRIBUTIONS,
  },
  {
    name: "--cross",
    value: "SHARE",
    summary: "share of transfers over two shards, 0 to 1 (default: the scenario's)",
  },
  { name: "--frame", value: "N", summary: "commands in a frame (default: the scenario's)" },
  {
    name: "--in-flight",
    value: "N",
    summary: "messages without all outcomes at once (default: the scenario's)",
  },
  {
    name: "--rate",
    value: "N",
    summary:
      "offer N commands a second on a fixed schedule; latency counts from it (default: what --in-flight lets through)",
  },
  {
    name: "--encoding",
    value: "NAME",
    summary: "how single commands are sent (default: json)",
    choices: ENCODINGS,
  },
  { name: "--shard", value: "K", summary: "load one shard alone (default: all take turns)" },
  { name: "--seed", value: "N", summary: "the same seed sends the same transfers (default: 1)" },
  { name: "--csv", value: "FILE", summary: "write the samples of each second to FILE" },
  { name: "--plot", value: "DIR", summary: "draw them as SVG files into DIR" },
  { name: "--no-reference", value: null, summary: "leave out what the machine could do at best" },
  { name: "--no-deep", value: null, summary: "leave out the walk through every journal entry afterwards" },
  {
    name: "--shards",
    value: "N",
    summary: "shards of its own installation (default: what suits the scenario)",
  },
  ...CLUSTER_FLAGS.filter(({ name }) => name === "--durability"),
  ...CLUSTER_FLAGS.filter(({ name }) => name === "--replicas").map((flag) => ({
    ...flag,
    summary:
      "copies of each log of its own installation, each on a nats-server of its own (default: the scenario's)",
  })),
  NO_EVENTS_FLAG,
  {
    name: "--data",
    value: "DIR",
    summary: "where to make its own directory (default: the system's temporary one)",
  },
];

/** What to run, but for where. */
export type RunOptions = Omit<BenchOptions, "servers" | "tenant">;

/** The options of the flags. Errors: CliFailure `usage`. */
export function benchOptions(parsed: Parsed): RunOptions {
  const count = (flag: `--${string}`, min: number, max = COUNT_MAX): number | undefined => {
    const text = parsed.text(flag);
    return text === null ? undefined : wholeIn(text, { min, max });
  };
  const given = {
    scenario: parsed.text("--scenario") ?? undefined,
    seconds: secondsOf(parsed, "--duration"),
    warmUpSeconds: secondsOf(parsed, "--warm-up"),
    commands: count("--commands", 1),
    rows: count("--rows", 1),
    wallets: count("--wallets", 2, WALLETS_MAX),
    distribution: parsed.text("--distribution") ?? undefined,
    crossShare: shareOf(parsed),
    frameCommands: count("--frame", 1, FRAME_MAX),
    inFlight: count("--in-flight", 1, IN_FLIGHT_MAX),
    ratePerSecond: count("--rate", 1),
    encoding: parsed.text("--encoding") ?? undefined,
    shard: count("--shard", 0),
    seed: count("--seed", 0),
  };
  const present: RunOptions = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  return { ...present, reference: !parsed.has("--no-reference") };
}

/** The scenario of the flags; the parser allows only those there are. */
export function scenarioOf(parsed: Parsed): Scenario {
  const name = parsed.text("--scenario") ?? SCENARIO_DEFAULT;
  const scenario = SCENARIOS.get(name);
  if (scenario === undefined) throw usageFailure(`There is no scenario ${name}.`);
  return scenario;
}

/** What the bench's own installation is made as. Errors: CliFailure `usage`. */
export function benchCluster(parsed: Parsed, surroundings: Surroundings): ClusterFile {
  const cluster = newCluster(parsed, surroundings);
  const { durability } = cluster;
  const { shards, replicas } = scenarioOf(parsed).defaults;
  return {
    ...cluster,
    shards: parsed.has("--shards") ? cluster.shards : shards[durability],
    replicas: parsed.has("--replicas") ? cluster.replicas : (replicas?.[durability] ?? 1),
  };
}

function secondsOf(parsed: Parsed, flag: "--duration" | "--warm-up"): number | undefined {
  const word = parsed.text(flag);
  if (word === null) return undefined;
  const seconds = durationMsIn(BARE_NUMBER.test(word) ? `${word}s` : word) / 1000;
  if ((seconds > 0 || flag === "--warm-up") && seconds <= SECONDS_MAX) return seconds;
  const least = flag === "--warm-up" ? "0 seconds" : "1 ms";
  throw usageFailure(`"${word}" is not a duration from ${least} to 7 days, such as 20, 90s or 30m.`);
}

function shareOf(parsed: Parsed): number | undefined {
  const word = parsed.text("--cross");
  if (word === null) return undefined;
  if (SHARE.test(word)) return Number(word);
  throw usageFailure(`"${word}" is not a share from 0 to 1, such as 0.25.`);
}
