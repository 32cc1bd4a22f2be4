/**
 * A shard's log in memory, as the engine's own reader delivers it, and its replay into a fresh file.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogReader } from "../../cluster/log-reader.ts";
import type { LogRecord } from "../../cluster/log-record.ts";
import { QuarantineList } from "../../engine/quarantine-list.ts";
import { decodeRecord } from "../../engine/record-decoder.ts";
import { recordDigest } from "../../engine/record-digest.ts";
import { runTurn } from "../../engine/turn.ts";
import { shardStream } from "../../protocol/subject.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { clusterOf } from "./engine.ts";
import { shardPrint } from "./shard-files.ts";
import type { Site } from "./site.ts";

/** The first `count` records of a shard's log; `count` is at least 1, and they are there. */
export async function readLog(site: Site, shard: number, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const { connection } = site.client;
  await new Promise<void>((resolve, reject) => {
    const reader = new LogReader({
      connection,
      stream: shardStream(shard),
      fromSequence: 1,
      onRecord: (record) => {
        if (records.length < count) records.push(record);
        if (records.length === count) void reader.stop().then(resolve);
      },
      onError: reject,
    });
    reader.start();
  });
  return records;
}

/** Where a replay ended. */
export type ReplayEnd = Omit<ReturnType<typeof shardPrint>, "dump">;

/** Applies the first `count` records of a shard's log to a fresh file, record by record. */
export async function replayLog(
  site: Site,
  shard: number,
  count: number,
  options: { readonly withoutQuarantine?: boolean } = {},
): Promise<ReplayEnd> {
  const directory = mkdtempSync(join(tmpdir(), "coffer-replay-"));
  const scope = { cluster: clusterOf(site.dataDir), shard, shards: site.shards };
  const path = join(directory, "replay.db");
  const file = ShardFile.open({ ...scope, path });
  try {
    const list = new QuarantineList();
    if (options.withoutQuarantine !== true) await list.load(site.client.connection, scope);
    for (const log of await readLog(site, shard, count)) {
      const record = { ...decodeRecord(log, scope), digest: recordDigest(log) };
      runTurn(file, [record], list.at, { position: 0, unit: null });
    }
    file.close();
    const { position, log, state } = shardPrint(path);
    return { position, log, state };
  } finally {
    file.close();
    rmSync(directory, { recursive: true });
  }
}
