// Where the data is, what a directory was initialised for, and which dev serves it now.
//
// dev.json says how to reach the dev that runs on a directory, so that the other commands find it without flags.
// Invariant: it is a hint, never a lock: a stale one leads to `unreachable`, not to a wrong answer.

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ClusterFile, ClusterFileFailure, ClusterWishes } from "../cluster/cluster-file.ts";
import {
  checkClusterFile,
  createClusterFile,
  isDurability,
  isReplicas,
  REPLICAS,
  readClusterFile,
  SHARDS_MAX,
} from "../cluster/cluster-file.ts";
import { isProcessAlive } from "../cluster/process-alive.ts";
import type { FlagSpec } from "./command.ts";
import { CliFailure, usageFailure } from "./failure.ts";
import type { Parsed } from "./parsed.ts";
import type { Surroundings } from "./surroundings.ts";
import { tenantIn, wholeIn } from "./value.ts";

/** The data directory when none is named, beneath the working directory. */
export const DATA_DIRECTORY = ".coffer";
/** Shards of a developer's machine: the commands of more shards run on more cores, of fewer share more fsyncs. */
export const SHARDS_DEFAULT = 4;
const DEV_FILE = "dev.json";

/** Flag that says which directory. */
export const DATA_FLAG: FlagSpec = {
  name: "--data",
  value: "DIR",
  summary: "the data directory (default: .coffer)",
};
/** Flags that say which directory, and what it is initialised with when it is new. */
export const CLUSTER_FLAGS: readonly FlagSpec[] = [
  DATA_FLAG,
  { name: "--shards", value: "N", summary: `shards of new data, chosen once (default: ${SHARDS_DEFAULT})` },
  {
    name: "--durability",
    value: "PROFILE",
    summary: "profile of new data (default: strict)",
    choices: ["strict", "relaxed"],
  },
  {
    name: "--replicas",
    value: "N",
    summary: "copies of each log of new data, each on a nats-server of its own (default: 1)",
    choices: REPLICAS.map(String),
  },
];

/** The absolute path of `--data`. */
export function dataDirectoryOf(parsed: Parsed, surroundings: Surroundings): string {
  return resolve(surroundings.directory, parsed.text("--data") ?? DATA_DIRECTORY);
}

/** What `--shards`, `--durability` and `--replicas` ask for. Errors: CliFailure `usage`. */
export function wishesOf(parsed: Parsed): Required<ClusterWishes> {
  const shards = parsed.text("--shards");
  const durability = parsed.text("--durability");
  const replicas = Number(parsed.text("--replicas"));
  return {
    shards: shards === null ? undefined : wholeIn(shards, { min: 1, max: SHARDS_MAX }),
    durability: isDurability(durability) ? durability : undefined,
    replicas: isReplicas(replicas) ? replicas : undefined,
  };
}

/** What new data would be initialised with. Errors: CliFailure `usage`. */
export function newCluster(parsed: Parsed, surroundings: Surroundings): ClusterFile {
  const { shards, durability, replicas } = wishesOf(parsed);
  return {
    format: 1,
    cluster: surroundings.newId(),
    shards: shards ?? SHARDS_DEFAULT,
    durability: durability ?? "strict",
    replicas: replicas ?? 1,
    tenant: tenantIn(parsed.text("--tenant") ?? "demo"),
  };
}

/**
 * The directory's cluster, or null when it is not initialised.
 * Errors: CliFailure with the file's code when it is unusable or differs from what was asked for.
 */
export function existingCluster(dataDir: string, wishes: ClusterWishes): ClusterFile | null {
  const found = readClusterFile(dataDir);
  if (!found.ok) {
    if (found.error.code === "cluster_file_missing") return null;
    throw failureOf(found.error);
  }
  const checked = checkClusterFile(found.value, wishes);
  if (!checked.ok) throw failureOf(checked.error);
  return checked.value;
}

/** Initialises the directory. Errors: CliFailure with the file's code. */
export function initialise(dataDir: string, fields: ClusterFile): ClusterFile {
  const created = createClusterFile(dataDir, fields);
  if (!created.ok) throw failureOf(created.error);
  return created.value;
}

function failureOf({ code, message }: ClusterFileFailure): CliFailure {
  return code.endsWith("_mismatch") ? usageFailure(message, code) : new CliFailure(code, message);
}

/** The dev that serves a directory. */
export interface RunningDev {
  readonly pid: number;
  readonly nats: string;
  readonly tenant: string;
}

/** Says how to reach the dev that serves `dataDir`. */
export function writeRunningDev(dataDir: string, dev: RunningDev): void {
  const path = join(dataDir, DEV_FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(dev)}\n`);
  renameSync(`${path}.new`, path);
}

/** Takes the hint away. Never throws. */
export function removeRunningDev(dataDir: string): void {
  rmSync(join(dataDir, DEV_FILE), { force: true });
}

/** The dev that serves `dataDir`, or null. Never throws. */
export function readRunningDev(dataDir: string): RunningDev | null {
  try {
    const said: unknown = JSON.parse(readFileSync(join(dataDir, DEV_FILE), "utf8"));
    if (typeof said !== "object" || said === null) return null;
    const { pid, nats, tenant }: Partial<Record<keyof RunningDev, unknown>> = said;
    if (typeof pid !== "number" || typeof nats !== "string" || typeof tenant !== "string") return null;
    return isProcessAlive(pid) ? { pid, nats, tenant } : null;
  } catch {
    return null;
  }
}
