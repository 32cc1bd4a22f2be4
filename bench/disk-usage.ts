// Bytes on disk of a data directory: the shards' streams, the event stream and the shard files apart.
// Counts what files hold, not what the file system gives them.

import { readdir, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { EVENT_STREAM } from "../protocol/subject.ts";
import type { DiskBytes } from "./report.ts";

/** Adds up the files below `directory`. Files that vanish meanwhile count nothing; never rejects. */
export async function diskBytesOf(directory: string): Promise<DiskBytes> {
  const bytes = { log: 0, events: 0, sqlite: 0 };
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  for (const name of names) {
    const kind = kindOf(name);
    if (kind === null) continue;
    const found = await stat(join(directory, name)).catch(() => null);
    if (found?.isFile()) bytes[kind] += found.size;
  }
  return bytes;
}

/** What grew from one reading to the next, for each of `commands`; bytes, rounded. */
export function bytesPerCommand(before: DiskBytes, after: DiskBytes, commands: number): DiskBytes {
  const each = (kind: keyof DiskBytes): number =>
    commands === 0 ? 0 : Math.round((after[kind] - before[kind]) / commands);
  return { log: each("log"), events: each("events"), sqlite: each("sqlite") };
}

function kindOf(name: string): keyof DiskBytes | null {
  const parts = name.split(sep);
  if (parts[0] === "shards") return "sqlite";
  const stream = parts[parts.indexOf("streams") + 1] ?? "";
  if (!parts.includes("streams")) return null;
  return stream === EVENT_STREAM ? "events" : "log";
}
