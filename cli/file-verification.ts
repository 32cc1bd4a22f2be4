// Sweeps the files of a stopped engine, through storage's read-only door. The directory is locked meanwhile, so that
// no engine writes between two files and every difference counts.
//
// Does not own the sweep; a running engine sweeps itself (verification.ts).

import { join } from "node:path";
import { DataLock, openCut, type ReadOnlyShard, verifyShards } from "../storage/read-only.ts";
import { existingCluster } from "./data-directory.ts";
import { CliFailure, messageOf } from "./failure.ts";
import type { Json } from "./output.ts";
import type { VerifyReport } from "./verification.ts";
import { reportOf } from "./verification.ts";

/** How to sweep. */
export interface FileSweep {
  readonly deep: boolean;
  onProgress(text: string, share: number | null): void;
}

/**
 * Sweeps the shard files of `dataDir`.
 * Errors: CliFailure `cluster_file_missing`, `data_locked` (an engine runs on it), `files_unreadable`.
 */
export function verifyFiles(dataDir: string, sweep: FileSweep): VerifyReport {
  const cluster = existingCluster(dataDir, {});
  if (cluster === null) throw new CliFailure("cluster_file_missing", `${dataDir} is not a data directory.`);
  const lock = lockFor(dataDir);
  try {
    const paths = Array.from({ length: cluster.shards }, (_, shard) =>
      join(dataDir, "shards", `${shard}.db`),
    );
    const doors = open(paths);
    try {
      return plain(verifyShards(doors, { deep: sweep.deep, running: false, onProgress: sweep.onProgress }));
    } finally {
      for (const door of doors) door.close();
    }
  } finally {
    lock.release();
  }
}

function lockFor(dataDir: string): DataLock {
  try {
    return DataLock.take(dataDir, "coffer verify");
  } catch (cause) {
    const message = `${messageOf(cause)}. Leave --data out to ask the running engine.`;
    throw new CliFailure("data_locked", message, undefined, { cause });
  }
}

function open(paths: readonly string[]): ReadOnlyShard[] {
  try {
    return openCut(paths);
  } catch (cause) {
    throw new CliFailure(
      "files_unreadable",
      `The shard files cannot be read: ${messageOf(cause)}.`,
      undefined,
      { cause },
    );
  }
}

/** The same form that an engine's answer has: amounts as decimal text. */
function plain(report: object): VerifyReport {
  const fields: { readonly [name: string]: Json } = JSON.parse(JSON.stringify(report, decimalText));
  return reportOf(fields);
}

function decimalText(_field: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
