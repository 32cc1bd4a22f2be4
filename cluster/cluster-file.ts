// coffer.json in the data directory: which cluster the files belong to, and what was chosen when it was
// initialised. Written once and never changed: another number of shards would send owners to other shards.
//
// Owns: reading, checking and creating that one file. Does not own: the shard files, lock.db and nats/ beside it.
// Invariant: the file appears whole or not at all, and creating never replaces one that is there.
// Guards against: a half-written file after a power cut, two starts that both initialise, another number of
// shards or another durability profile on existing data.

import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Durability } from "../protocol/info.ts";
import type { TenantName } from "../protocol/names.ts";
import { parseTenant } from "../protocol/names.ts";
import type { Result } from "../protocol/result.ts";
import { failed, ok } from "../protocol/result.ts";

/** The file's name inside the data directory. */
export const CLUSTER_FILE_NAME = "coffer.json";
/** The most shards that a cluster can be initialised with; more is `cluster_file_invalid`. */
export const SHARDS_MAX = 256;
/** How many copies of a log there may be: an even number would survive no more servers than the odd one before it. */
export const REPLICAS = [1, 3, 5] as const;
/** See REPLICAS. */
export type Replicas = (typeof REPLICAS)[number];
/** What the file holds, checked. */
export interface ClusterFile {
  readonly format: 1;
  /** A lower-case UUID, the same in every record that a node of this cluster writes. */
  readonly cluster: string;
  /** 1..SHARDS_MAX, never changed. */
  readonly shards: number;
  readonly durability: Durability;
  /** Copies of each log, each on a nats-server of its own; a file without it means 1. Never changed. */
  readonly replicas: Replicas;
  /** The tenant of a developer's machine. */
  readonly tenant: TenantName;
}

/** What a start wants of existing data; undefined takes what is there. */
export interface ClusterWishes {
  readonly shards?: number | undefined;
  readonly durability?: Durability | undefined;
  readonly replicas?: Replicas | undefined;
}

/** Why a data directory cannot be used. The message tells a person what to do. */
export interface ClusterFileFailure {
  readonly code:
    | "cluster_file_missing"
    | "cluster_file_invalid"
    | "cluster_file_exists"
    | "cluster_file_unreadable"
    | "shard_count_mismatch"
    | "durability_mismatch"
    | "replicas_mismatch";
  readonly message: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const FIELDS = ["format", "cluster", "shards", "durability", "replicas", "tenant"];

/** Whether a text is the name of a durability profile. Never throws. */
export function isDurability(text: unknown): text is Durability {
  return text === "strict" || text === "relaxed";
}

/** Whether a value is a number of copies. Never throws. */
export function isReplicas(value: unknown): value is Replicas {
  return REPLICAS.some((replicas) => replicas === value);
}

/**
 * Reads and checks `<dataDir>/coffer.json`.
 * Errors: `cluster_file_missing`, `cluster_file_unreadable`, `cluster_file_invalid`. Never throws.
 */
export function readClusterFile(dataDir: string): Result<ClusterFile, ClusterFileFailure> {
  const path = join(dataDir, CLUSTER_FILE_NAME);
  try {
    return parseClusterFile(readFileSync(path, "utf8"), path);
  } catch (cause) {
    if (isCode(cause, "ENOENT")) {
      return failure(
        "cluster_file_missing",
        `There is no ${path}: initialise the data directory first (coffer init).`,
      );
    }
    return failure("cluster_file_unreadable", `${path} cannot be read: ${text(cause)}.`);
  }
}

/**
 * Creates the data directory if it must and writes the file into it. On return it is on disk, synced.
 * Errors: `cluster_file_exists` (nothing was changed), `cluster_file_invalid` (the fields are),
 * `cluster_file_unreadable` (the file system refuses). Never throws.
 */
export function createClusterFile(
  dataDir: string,
  fields: ClusterFile,
): Result<ClusterFile, ClusterFileFailure> {
  const path = join(dataDir, CLUSTER_FILE_NAME);
  const body = `${JSON.stringify(fields, FIELDS, 2)}\n`;
  const checked = parseClusterFile(body, path);
  if (!checked.ok) return checked;
  const scratch = `${path}.${process.pid}`;
  try {
    mkdirSync(dataDir, { recursive: true });
    writeSynced(scratch, body);
    // A hard link fails where a rename would replace: of two starts at once, one creates and one is told.
    linkSync(scratch, path);
    syncDirectory(dataDir);
    return checked;
  } catch (cause) {
    // A plain file in the place of the directory is EEXIST too, but of mkdir.
    const isThere = isCode(cause, "EEXIST") && isSyscall(cause, "link");
    if (isThere) return failure("cluster_file_exists", `${path} exists: the data directory is initialised.`);
    return failure("cluster_file_unreadable", `${path} cannot be written: ${text(cause)}.`);
  } finally {
    removeScratch(scratch);
  }
}

/**
 * Compares existing data with what a start asks for.
 * Errors: `shard_count_mismatch`, `durability_mismatch`, `replicas_mismatch`. Never throws.
 */
export function checkClusterFile(
  file: ClusterFile,
  wishes: ClusterWishes,
): Result<ClusterFile, ClusterFileFailure> {
  if (wishes.shards !== undefined && wishes.shards !== file.shards) {
    return failure(
      "shard_count_mismatch",
      `The data has ${file.shards} shards and ${wishes.shards} were asked for; the number is chosen once. Leave it out, or name another data directory.`,
    );
  }
  if (wishes.durability !== undefined && wishes.durability !== file.durability) {
    return failure(
      "durability_mismatch",
      `The data was initialised as ${file.durability} and ${wishes.durability} was asked for. Leave it out, or name another data directory.`,
    );
  }
  if (wishes.replicas !== undefined && wishes.replicas !== file.replicas) {
    return failure(
      "replicas_mismatch",
      `The data was initialised with ${file.replicas} copies of each log and ${wishes.replicas} were asked for. Leave it out, or name another data directory.`,
    );
  }
  return ok(file);
}

function parseClusterFile(body: string, path: string): Result<ClusterFile, ClusterFileFailure> {
  const fields = objectOf(body);
  if (fields === undefined) return failure("cluster_file_invalid", `${path} is not a JSON object.`);
  const wrong = (field: string, expected: string): Result<ClusterFile, ClusterFileFailure> =>
    failure("cluster_file_invalid", `${path}: ${field} should be ${expected}.`);
  const { format, cluster, shards, durability, replicas = 1 } = fields;
  const tenant = parseTenant(fields.tenant);
  if (format !== 1) return wrong("format", "1 (a newer version of Coffer may have written it)");
  if (typeof cluster !== "string" || !UUID.test(cluster)) return wrong("cluster", "a lower-case UUID");
  if (typeof shards !== "number" || !Number.isInteger(shards) || shards < 1 || shards > SHARDS_MAX) {
    return wrong("shards", `a whole number from 1 to ${SHARDS_MAX}`);
  }
  if (!isDurability(durability)) return wrong("durability", "strict or relaxed");
  if (!isReplicas(replicas)) return wrong("replicas", REPLICAS.join(", "));
  if (tenant === undefined) return wrong("tenant", "a tenant's name");
  const unknown = Object.keys(fields).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) return wrong(unknown, "absent: the field is not known");
  return ok({ format, cluster, shards, durability, replicas, tenant });
}

function objectOf(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function writeSynced(path: string, body: string): void {
  const file = openSync(path, "w", 0o644);
  try {
    writeSync(file, body);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function removeScratch(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The data directory is no directory: there is nothing to remove, and the failure says so already.
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function failure(code: ClusterFileFailure["code"], message: string): Result<never, ClusterFileFailure> {
  return failed({ code, message });
}

function isCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}

function isSyscall(thrown: unknown, syscall: string): boolean {
  return thrown instanceof Error && "syscall" in thrown && thrown.syscall === syscall;
}

function text(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
