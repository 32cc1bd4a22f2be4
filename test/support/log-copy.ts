/**
 * A shard's log in memory, as the engine's own reader delivers it: for replays.
 */
import { LogReader } from "../../cluster/log-reader.ts";
import type { LogRecord } from "../../cluster/log-record.ts";
import { shardStream } from "../../protocol/subject.ts";
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
