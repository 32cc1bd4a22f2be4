/**
 * What the shard files of a data directory hold, read from the files themselves: what is still open, and whether
 * every invariant holds. Also used while the engine runs: SQLite gives a snapshot.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { dumpHash } from "../../storage/dump.ts";
import { openCut, ReadOnlyShard } from "../../storage/read-only.ts";
import { verifyShards } from "../../storage/verify.ts";
import { until } from "./condition.ts";

/** The path of one shard's file. */
export function shardPath(dataDir: string, shard: number): string {
  return join(dataDir, "shards", `${shard}.db`);
}

/** Commands, sagas and prepared moves that have no end yet, and items that no peer has acknowledged. */
export interface OpenMoves {
  readonly commands: number;
  readonly sagas: number;
  readonly prepared: number;
  readonly items: number;
}

/** What is open over all shards. */
export function openMoves(dataDir: string): OpenMoves {
  const open = { commands: 0, sagas: 0, prepared: 0, items: 0 };
  withDoors(dataDir, (doors) => {
    for (const door of doors) {
      for (const { outcome } of door.commands()) open.commands += outcome === null ? 1 : 0;
      for (const _ of door.sagas()) open.sagas += 1;
      for (const _ of door.prepared()) open.prepared += 1;
      for (const { peer } of door.pairs()) for (const _ of door.outbox(peer)) open.items += 1;
    }
  });
  return open;
}

/** The status of the outcome that a shard's file holds for a command; undefined while it holds none. */
export function storedStatus(path: string, id: string): string | undefined {
  const door = ReadOnlyShard.open(path);
  try {
    for (const command of door.commands()) if (command.id === id) return command.outcome?.status;
    return undefined;
  } finally {
    door.close();
  }
}

/** Waits until no command, saga or prepared move is open; acknowledgements may still be on their way. */
export async function untilAllEnded(dataDir: string, withinMs?: number): Promise<void> {
  await until(
    "no command, saga or prepared move is open",
    () => {
      const { commands, sagas, prepared } = openMoves(dataDir);
      return commands + sagas + prepared === 0;
    },
    withinMs,
  );
}

/** Requires that the deep verification of a data directory finds nothing. */
export function requireClean(dataDir: string, running = false): void {
  withDoors(dataDir, (doors) => {
    const report = verifyShards(doors, { deep: true, running });
    assert.deepEqual(report.violations, []);
    assert.ok(report.clean || (running && report.inconclusive), "the verification is clean");
  });
}

/** The sum over all wallets of all shards, per asset. */
export function walletSums(dataDir: string): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  withDoors(dataDir, (doors) => {
    for (const door of doors) {
      for (const { asset, posted } of door.wallets()) sums.set(asset, (sums.get(asset) ?? 0n) + posted);
    }
  });
  return sums;
}

/** Changes one row behind the engine's back, as a fault of the machine or a bug would. The engine must not run. */
export function tamper(path: string, sql: string, ...values: readonly (string | number | Buffer)[]): void {
  const database = new Database(path);
  try {
    assert.equal(database.prepare(sql).run(...values).changes, 1, `${sql} changes one row`);
  } finally {
    database.close();
  }
}

/** Position, chains and the hash of the canonical dump of a shard's file. */
export function shardPrint(path: string): { position: number; log: string; state: string; dump: string } {
  const door = ReadOnlyShard.open(path);
  try {
    const { position, logChain, stateChain } = door.meta;
    return {
      position,
      log: Buffer.from(logChain).toString("hex"),
      state: Buffer.from(stateChain).toString("hex"),
      dump: dumpHash(door),
    };
  } finally {
    door.close();
  }
}

function withDoors(dataDir: string, look: (doors: readonly ReadOnlyShard[]) => void): void {
  const files = readdirSync(join(dataDir, "shards")).filter((name) => name.endsWith(".db"));
  const doors = openCut(files.sort().map((name) => join(dataDir, "shards", name)));
  try {
    look(doors);
  } finally {
    for (const door of doors) door.close();
  }
}
