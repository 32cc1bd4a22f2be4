// Bytes on disk of a data directory: the shards' streams, the event stream and the shard files apart.
// Counts what files hold, not what the file system gives them; of a shard's file, its pages as of the last commit, so
// that the size of its write-ahead log plays no part.

import { readdir, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { EVENT_STREAM } from "../protocol/subject.ts";
import type { DiskBytes } from "./report.ts";
import { shardFileBytes } from "./shard-file-size.ts";

/** Adds up the files below `directory`. Files that vanish meanwhile count nothing; never rejects. */
export async function diskBytesOf(directory: string): Promise<DiskBytes> {
  const bytes = { log: 0, events: 0, sqlite: 0 };
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  for (const name of names) {
    const kind = kindOf(name);
    const path = join(directory, name);
    if (kind === "sqlite") bytes.sqlite += await shardFileBytes(path);
    else if (kind !== null) bytes[kind] += await fileBytes(path);
  }
  return bytes;
}

/** What grew from one reading to the next, for each of `commands`; bytes, rounded. */
export function bytesPerCommand(before: DiskBytes, after: DiskBytes, commands: number): DiskBytes {
  const each = (kind: keyof DiskBytes): number =>
    commands === 0 ? 0 : Math.round((after[kind] - before[kind]) / commands);
  return { log: each("log"), events: each("events"), sqlite: each("sqlite") };
}

async function fileBytes(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() ? found.size : 0;
}

function kindOf(name: string): keyof DiskBytes | null {
  const parts = name.split(sep);
  if (parts[0] === "shards") return name.endsWith(".db") ? "sqlite" : null;
  const streams = parts.indexOf("streams");
  if (streams < 0) return null;
  return parts[streams + 1] === EVENT_STREAM ? "events" : "log";
}
