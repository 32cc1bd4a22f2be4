// The tables of a shard file and how older files become new ones. Owns DDL, the format number and the file's
// mark. A published migration is never edited: a change is a new one behind the last.
//
// What grows with traffic is appended at the end of a B-tree by number: steps and commands in runs of many rows a
// blob (row-run.ts), late outcomes in pages (outcome-page.ts), items as one compact blob a group; only the pages of the
// command index move about (see index-runs.ts). A wallet's balance has a narrow row of its own, which lags behind the journal (see
// balance-table.ts). A column `sum` is the checksum of its row (row-sum.ts; of pages and filters of the index, of their
// bytes alone).

/** `PRAGMA application_id` of a shard file: "Cofr". */
export const APPLICATION_ID = 0x436f6672;

/** SQL that makes an empty file one of format `FORMAT_OLDEST`. */
export const INITIAL = `
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  cluster TEXT NOT NULL, shard INTEGER NOT NULL, shards INTEGER NOT NULL,
  position INTEGER NOT NULL, time_ms INTEGER NOT NULL, epoch INTEGER NOT NULL, generation INTEGER NOT NULL,
  code_version INTEGER NOT NULL, log_chain BLOB NOT NULL, state_chain BLOB NOT NULL,
  last_wallet INTEGER NOT NULL, last_step INTEGER NOT NULL, last_command INTEGER NOT NULL,
  last_timer INTEGER NOT NULL, wallets_step INTEGER NOT NULL, events_published INTEGER NOT NULL, stream_nonce TEXT
) STRICT;
CREATE TABLE tenant (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last_step INTEGER NOT NULL
) STRICT;
CREATE TABLE owner (
  number INTEGER PRIMARY KEY, tenant INTEGER NOT NULL REFERENCES tenant (number), name TEXT NOT NULL,
  wallets INTEGER NOT NULL, UNIQUE (tenant, name)
) STRICT;
CREATE TABLE wallet (
  number INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES owner (number), purse TEXT NOT NULL,
  asset TEXT NOT NULL, opened_min INTEGER, opened_max INTEGER, meta TEXT,
  UNIQUE (owner, purse)
) STRICT;
CREATE TABLE balance (
  number INTEGER PRIMARY KEY,
  posted INTEGER NOT NULL, held INTEGER NOT NULL, incoming INTEGER NOT NULL, min INTEGER, max INTEGER,
  status INTEGER NOT NULL, version INTEGER NOT NULL, last_step INTEGER NOT NULL
) STRICT;
CREATE TABLE step_run (first INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE command_run (first INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE outcome_page (page INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE index_layout (
  one INTEGER PRIMARY KEY CHECK (one = 1), seed BLOB NOT NULL, capacity INTEGER NOT NULL,
  page_bits INTEGER NOT NULL, block_bits INTEGER NOT NULL, fan_out_bits INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE TABLE index_run (
  number INTEGER PRIMARY KEY, level INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  started INTEGER NOT NULL, done INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE TABLE index_page (key INTEGER PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE index_filter (key INTEGER PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE hold (
  number INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES owner (number), listed INTEGER NOT NULL,
  sum INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX hold_owner ON hold (owner, number) WHERE listed = 1;
CREATE TABLE reversal (number INTEGER PRIMARY KEY, units INTEGER NOT NULL) STRICT;
CREATE TABLE saga (number INTEGER PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE saga_log (number INTEGER PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE prepared (
  coordinator INTEGER NOT NULL, saga INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (coordinator, saga)
) STRICT;
CREATE TABLE timer (
  id INTEGER PRIMARY KEY, due INTEGER NOT NULL, kind INTEGER NOT NULL, target INTEGER NOT NULL,
  owner INTEGER, parked INTEGER NOT NULL, UNIQUE (kind, target)
) STRICT;
CREATE INDEX timer_due ON timer (due, id) WHERE parked = 0;
CREATE INDEX timer_owner ON timer (owner, due, id) WHERE parked = 0 AND owner IS NOT NULL;
CREATE TABLE turn_log (number INTEGER PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE pair (
  peer INTEGER PRIMARY KEY,
  sent INTEGER NOT NULL, sent_hash BLOB NOT NULL, acked INTEGER NOT NULL, acked_hash BLOB NOT NULL,
  applied INTEGER NOT NULL, applied_hash BLOB NOT NULL
) STRICT;
CREATE TABLE pair_money (
  peer INTEGER NOT NULL, direction INTEGER NOT NULL, asset TEXT NOT NULL, sum TEXT NOT NULL,
  PRIMARY KEY (peer, direction, asset)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
  peer INTEGER NOT NULL, number INTEGER NOT NULL, items INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL,
  money BLOB,
  PRIMARY KEY (peer, number)
) STRICT;
CREATE TABLE record_hash_run (first INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
`;

/** The first format that will be given out; files of lower ones were made before the first release and are refused. */
export const FORMAT_OLDEST = 4;

/** SQL that brings a file from format `FORMAT_OLDEST + index` to the next one; none so far. */
export const MIGRATIONS: readonly string[] = [];

/** `PRAGMA user_version` of the files that this code writes. */
export const FORMAT_VERSION = FORMAT_OLDEST + MIGRATIONS.length;

/** Which table, and what its rows are. */
export interface RunTableName {
  readonly table: "step_run" | "command_run";
  /** Parts of a row. */
  readonly parts: number;
  /** A row's name for messages. */
  readonly what: string;
}

/** The journal. */
export const STEP_RUNS: RunTableName = { table: "step_run", parts: 1, what: "step" };
/** Commands: claim, and the outcome of those that settled in their own record. */
export const COMMAND_RUNS: RunTableName = { table: "command_run", parts: 2, what: "command" };
