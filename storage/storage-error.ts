// Errors of storage, in the two kinds that callers tell apart: refusals at the door (StorageRefused: this file
// is not for you) and faults of the environment (StorageFault: disk, corruption, a lost lock). Broken
// invariants are assertions. Only assertions and ordinary exceptions may ever lead to a quarantine.

import Database from "better-sqlite3";

/** Why a file or directory was not opened. */
export type StorageRefusal =
  | "sqlite_too_old"
  | "not_a_shard_file"
  | "older_version"
  | "newer_version"
  | "wrong_cluster"
  | "wrong_shard"
  | "wrong_shards"
  | "locked"
  | "not_found";

/** The file is not opened; nothing was changed in it. Terminal: a retry meets the same refusal. */
export class StorageRefused extends Error {
  override readonly name = "StorageRefused";
  readonly code: StorageRefusal;

  constructor(code: StorageRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What went wrong in the environment. */
export type StorageFaultCode = "corrupt" | "full" | "io" | "busy" | "unusable";

/** The environment failed: the shard stops, says why, and never tries the same fsync again. */
export class StorageFault extends Error {
  override readonly name = "StorageFault";
  readonly code: StorageFaultCode;

  constructor(code: StorageFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Another engine moved the file's position, epoch or generation: this one rolled back and must stop. */
export class StaleOwner extends Error {
  override readonly name = "StaleOwner";
}

/** The first parts of SQLite's codes that mean the environment; others are bugs of ours. */
const FAULTS: readonly (readonly [string, StorageFaultCode])[] = [
  ["SQLITE_FULL", "full"],
  ["SQLITE_IOERR", "io"],
  ["SQLITE_CANTOPEN", "io"],
  ["SQLITE_READONLY", "io"],
  ["SQLITE_NOMEM", "io"],
  ["SQLITE_PERM", "io"],
  ["SQLITE_AUTH", "io"],
  ["SQLITE_CORRUPT", "corrupt"],
  ["SQLITE_NOTADB", "corrupt"],
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
];

/**
 * Tells a fault of the environment from a bug.
 * @returns the fault, wrapping what SQLite threw, or `undefined` when the error is none of the environment's
 */
export function storageFaultOf(error: unknown): StorageFault | undefined {
  if (error instanceof StorageFault) return error;
  if (!(error instanceof Database.SqliteError)) return undefined;
  const code = FAULTS.find(([prefix]) => error.code.startsWith(prefix))?.[1];
  return code && new StorageFault(code, `${error.code}: ${error.message}`, { cause: error });
}
