// The lock of a dev on what is around the engine, taken before anything there is touched: starting a nats-server
// ends a server that an earlier dev left behind, so two devs on one directory must never get that far.
// The engine's own lock on the data directory protects the shard files; this one lies in nats/ beside the log.
// Guards against: a second `coffer dev` that ends the first one's server before the engine refuses it.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DataLock, readHolder } from "../../storage/read-only.ts";
import { CliFailure } from "../failure.ts";

/**
 * Locks `dataDir` for a dev until `release` or death, creating the directory if it must.
 * Errors: CliFailure `data_locked`, which names the holder.
 */
export function lockForDev(dataDir: string): { release(): void } {
  const directory = join(dataDir, "nats");
  mkdirSync(directory, { recursive: true });
  try {
    return DataLock.take(directory, "coffer dev");
  } catch (cause) {
    const isLocked = cause instanceof Error && "code" in cause && cause.code === "locked";
    if (!isLocked) throw cause;
    const holder = readHolder(directory);
    const who =
      holder === null ? "another process" : `${holder.what} (process ${holder.pid} on ${holder.host})`;
    const message = `${dataDir} is in use by ${who}. Stop it, or name another directory with --data.`;
    throw new CliFailure("data_locked", message, undefined, { cause });
  }
}
