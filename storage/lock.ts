// The exclusive lock of a data directory: held by one process for its life. An open `BEGIN EXCLUSIVE` on
// `lock.db` holds it, which the kernel drops when the process dies, however it dies; nothing stale is ever left.
// Who holds it is kept in `lock.json` beside it, for people: it is never what decides.
//
// Guards against two engines on one directory, which would apply records twice.

import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { StorageRefused, storageFaultOf } from "./storage-error.ts";

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** What it is, such as "coffer node". */
  readonly what: string;
  /** When the lock was taken, in ms since 1970. */
  readonly sinceMs: number;
}

/** A lock that is held until `release` or death. */
export class DataLock {
  readonly #database: Database.Database;

  /**
   * Takes the lock of a directory. Never waits.
   * @param what what the holder is, for messages
   * Errors: `StorageRefused` (locked, whose message names the holder; not_found), `StorageFault`.
   */
  static take(directory: string, what: string): DataLock {
    if (!existsSync(directory)) throw new StorageRefused("not_found", `${directory} does not exist`);
    let database: Database.Database | undefined;
    try {
      database = new Database(join(directory, "lock.db"), { timeout: 0 });
      database.pragma("journal_mode = DELETE");
      database.pragma("locking_mode = NORMAL");
      database.exec("BEGIN EXCLUSIVE");
      writeHolder(directory, what);
      return new DataLock(database);
    } catch (error) {
      database?.close();
      const fault = storageFaultOf(error);
      if (fault?.code !== "busy") throw fault ?? error;
      const message = `${directory} is in use by ${describe(readHolder(directory))}`;
      throw new StorageRefused("locked", message, { cause: error });
    }
  }

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  /** Gives the lock up. Safe to call twice. */
  release(): void {
    this.#database.close();
  }
}

/** Who holds, or last held, the lock of a directory; null when nobody says. Never throws. */
export function readHolder(directory: string): LockHolder | null {
  const path = holderPath(directory);
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof parsed !== "object" || parsed === null) return null;
    if (!("pid" in parsed && "host" in parsed && "what" in parsed)) return null;
    const { pid, host, what } = parsed;
    if (typeof pid !== "number" || typeof host !== "string" || typeof what !== "string") return null;
    return { pid, host, what, sinceMs: Math.round(statSync(path).mtimeMs) };
  } catch {
    return null;
  }
}

function writeHolder(directory: string, what: string): void {
  const path = holderPath(directory);
  const draft = `${path}.new`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, host: hostname(), what }));
  renameSync(draft, path);
}

function holderPath(directory: string): string {
  return join(directory, "lock.json");
}

function describe(holder: LockHolder | null): string {
  if (!holder) return "another process";
  const { what, pid, host, sinceMs } = holder;
  return `${what} (process ${pid} on ${host}, since ${new Date(sinceMs).toISOString()})`;
}
