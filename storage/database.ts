// Opens SQLite with every setting written out. Owns the pragmas, the least SQLite version, and the check that
// a file is a shard file of a format that this code knows. Does not own any table.
//
// A look-up over several tables writes `= +?`: with a bare `= ?` this SQLite (built with STAT4) plans a join anew at
// every call, 17 µs against 1.8 µs for the wallet of a number.
//
// Guards against: better-sqlite3's silent `synchronous=NORMAL` in WAL mode (a settled reply would not be on
// disk), SQLite's WAL-reset bug before 3.51.3, and an older program writing into a newer file.

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { assert } from "../protocol/assert.ts";
import { APPLICATION_ID, FORMAT_OLDEST, FORMAT_VERSION, INITIAL, MIGRATIONS } from "./schema.ts";
import { StorageRefused, storageFaultOf } from "./storage-error.ts";

/** A connection to a shard file. */
export type Connection = Database.Database;

/** The least SQLite version: WAL-reset bug fixed. */
const SQLITE_VERSION_MIN = [3, 51, 3] as const;

/** Page cache in KiB; with mmap off this is what one shard keeps of its file. */
const CACHE_KIB = 64 * 1024;

/**
 * How long a turn waits for the write lock, in ms. Whoever meets the log's header while it is being written takes
 * that lock for a moment to read it again; a second writer, which there must not be, holds it for longer.
 */
const WRITER_BUSY_MS = 1000;

/** Settings of the connection that writes. */
const WRITER_PRAGMAS = [
  "locking_mode = NORMAL", // verify and snapshots read the file while it is in use
  "journal_mode = WAL",
  "synchronous = FULL", // one fsync a turn; WAL mode alone would mean NORMAL here
  "wal_autocheckpoint = 0", // between turns, by the shard file
  "journal_size_limit = -1", // a WAL that is overwritten in place needs no metadata sync
  "foreign_keys = ON",
  "temp_store = MEMORY",
  "mmap_size = 0", // an I/O error is an error, not SIGBUS
  `cache_size = -${CACHE_KIB}`,
  `busy_timeout = ${WRITER_BUSY_MS}`,
  "secure_delete = OFF",
  "trusted_schema = OFF",
  "recursive_triggers = OFF",
] as const;

/** Settings of a connection that only copies the log into the file; synced like the writer's. */
const COPIER_PRAGMAS = [
  "locking_mode = NORMAL",
  "synchronous = FULL",
  "wal_autocheckpoint = 0",
  "journal_size_limit = -1",
  "mmap_size = 0",
  "cache_size = -64",
  "busy_timeout = 1000",
  "trusted_schema = OFF",
] as const;

/** Settings of a connection that only reads; `temp_store = FILE` keeps its memory bounded. */
const READER_PRAGMAS = [
  "locking_mode = NORMAL",
  "temp_store = FILE",
  "mmap_size = 0",
  `cache_size = -${CACHE_KIB}`,
  "busy_timeout = 5000",
  "foreign_keys = ON",
  "trusted_schema = OFF",
] as const;

/**
 * Opens a shard file for writing; makes it when it does not exist, brings an older format up to date.
 * Errors: `StorageRefused` (not_found for its directory, sqlite_too_old, not_a_shard_file, older_version,
 * newer_version), `StorageFault`.
 */
export function openWriter(path: string): Connection {
  if (!existsSync(dirname(path))) throw new StorageRefused("not_found", `${dirname(path)} does not exist`);
  return opened(path, { readonly: false }, (database) => {
    database.pragma("page_size = 4096");
    database.pragma("encoding = 'UTF-8'");
    database.pragma("auto_vacuum = NONE");
    const format = formatOf(database, path);
    for (const pragma of WRITER_PRAGMAS) database.pragma(pragma);
    assert(database.pragma("journal_mode", { simple: true }) === "wal", "a shard file is in WAL mode");
    assert(database.pragma("synchronous", { simple: true }) === 2, "a shard file is synced fully");
    migrate(database, format);
  });
}

/**
 * Opens a shard file that a writer has open, to copy its log (storage/wal-copier).
 * Errors: `StorageRefused` (not_found, sqlite_too_old), `StorageFault`.
 */
export function openCopier(path: string): Connection {
  if (!existsSync(path)) throw new StorageRefused("not_found", `${path} does not exist`);
  return opened(path, { readonly: false, fileMustExist: true }, (database) => {
    for (const pragma of COPIER_PRAGMAS) database.pragma(pragma);
    assert(database.pragma("journal_mode", { simple: true }) === "wal", "a shard file is in WAL mode");
    assert(database.pragma("synchronous", { simple: true }) === 2, "a copied log is synced fully");
  });
}

/**
 * Opens a shard file for reading; never changes it.
 * Errors: `StorageRefused` (not_found, sqlite_too_old, not_a_shard_file, older_version,
 * newer_version), `StorageFault`.
 */
export function openReader(path: string): Connection {
  if (!existsSync(path)) throw new StorageRefused("not_found", `${path} does not exist`);
  return opened(path, { readonly: true, fileMustExist: true }, (database) => {
    for (const pragma of READER_PRAGMAS) database.pragma(pragma);
    if (formatOf(database, path) !== FORMAT_VERSION) {
      throw new StorageRefused(
        "not_a_shard_file",
        `${path} has an older format; a node brings it up to date`,
      );
    }
  });
}

function opened(
  path: string,
  options: Database.Options,
  prepare: (database: Connection) => void,
): Connection {
  let database: Connection | undefined;
  try {
    database = new Database(path, options);
    assertSqliteVersion(database);
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    throw storageFaultOf(error) ?? error;
  }
}

function assertSqliteVersion(database: Connection): void {
  const version = database.prepare<[], string>("SELECT sqlite_version()").pluck().get() ?? "0";
  const parts = version.split(".").map(Number);
  for (const [index, least] of SQLITE_VERSION_MIN.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) return;
    if (part < least) throw new StorageRefused("sqlite_too_old", `SQLite ${version} is older than 3.51.3`);
  }
}

/** The file's format number; 0 for an empty file. */
function formatOf(database: Connection, path: string): number {
  const format = Number(database.pragma("user_version", { simple: true }));
  const mark = Number(database.pragma("application_id", { simple: true }));
  const objects = database.prepare<[], number>("SELECT count(*) FROM sqlite_schema").pluck().get();
  if (format === 0 && mark === 0 && objects === 0) return 0;
  if (mark !== APPLICATION_ID) throw new StorageRefused("not_a_shard_file", `${path} is no shard file`);
  if (format > FORMAT_VERSION) {
    const message = `${path} has format ${format}; this program knows up to ${FORMAT_VERSION}`;
    throw new StorageRefused("newer_version", message);
  }
  if (format < FORMAT_OLDEST) {
    const message = `${path} has format ${format}, made before the first release; make the installation anew`;
    throw new StorageRefused("older_version", message);
  }
  return format;
}

function migrate(database: Connection, format: number): void {
  if (format === FORMAT_VERSION) return;
  database.exec("BEGIN IMMEDIATE");
  if (format === 0) database.exec(INITIAL);
  for (const migration of MIGRATIONS.slice(Math.max(format, FORMAT_OLDEST) - FORMAT_OLDEST)) {
    database.exec(migration);
  }
  database.pragma(`application_id = ${APPLICATION_ID}`);
  database.pragma(`user_version = ${FORMAT_VERSION}`);
  database.exec("COMMIT");
}
