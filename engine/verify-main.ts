// The entry of the verifying worker: opens read-only snapshots of the live shard files, sweeps them, and says
// what it found. A cut that caught a moment between two snapshots is taken again, a few times.

import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { openCut, retakeUntilConclusive, type VerifyReport, verifyShards } from "../storage/read-only.ts";
import type { VerifyMessage, VerifyOrder } from "./verify-order.ts";

/** Cuts before the sweep is given up as inconclusive. */
const CUTS_MAX = 10;

function sweep({ dataDir, shards, deep }: VerifyOrder): VerifyReport {
  const paths = Array.from({ length: shards }, (_, shard) => join(dataDir, "shards", `${shard}.db`));
  const doors = openCut(paths);
  try {
    retakeUntilConclusive(doors, CUTS_MAX);
    return verifyShards(doors, { deep, running: true, onProgress: tellProgress });
  } finally {
    for (const door of doors) door.close();
  }
}

function tellProgress(progress: string, done: number): void {
  tell({ progress, done });
}

function tellReport({ clean, inconclusive, violations, violationCount, summary }: VerifyReport): void {
  const money = summary.money.map(({ asset, wallets, inFlight }) => ({
    asset,
    wallets: wallets.toString(),
    inFlight: inFlight.toString(),
  }));
  tell({
    done: true,
    clean,
    inconclusive,
    violations,
    summary: { violationCount, shards: summary.shards, money },
  });
}

function tell(message: VerifyMessage): void {
  parentPort?.postMessage(message);
}

tellReport(sweep(workerData as VerifyOrder));
