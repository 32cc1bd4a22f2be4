// The one row that says what the file is and how far it has come. Owns identity, position, clock, epoch,
// chains and the last numbers; kept in memory during a turn and written once, guarded.
//
// Invariant: a turn's transaction moves the position only from what it read, under the epoch and generation
// that it read. Guards against two engines on one file, which would apply a record twice.

import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import { StaleOwner, StorageFault, StorageRefused } from "./storage-error.ts";

/** What a file belongs to. */
export interface ShardIdentity {
  /** Cluster id. */
  readonly cluster: string;
  readonly shard: number;
  readonly shards: number;
}

/** The row; numbers are the last given, 0 = none. */
export interface MetaRow extends ShardIdentity {
  position: number;
  timeMs: number;
  epoch: number;
  generation: number;
  codeVersion: number;
  /** 32 bytes. */
  logChain: Uint8Array;
  /** 32 bytes. */
  stateChain: Uint8Array;
  lastWallet: number;
  lastStep: number;
  lastCommand: number;
  lastTimer: number;
  /** Every wallet's row reflects at least all steps up to it. */
  walletsStep: number;
  /** Send state: the last step whose events are all acknowledged. */
  eventsPublished: number;
  /** Nonce of the stream that the positions belong to; null before the first attach. */
  streamNonce: string | null;
}

const SELECT = `SELECT cluster, shard, shards, position, time_ms AS timeMs, epoch, generation,
  code_version AS codeVersion, log_chain AS logChain, state_chain AS stateChain, last_wallet AS lastWallet,
  last_step AS lastStep, last_command AS lastCommand, last_timer AS lastTimer,
  wallets_step AS walletsStep, events_published AS eventsPublished, stream_nonce AS streamNonce FROM meta`;

/** See the file header. */
export class MetaTable {
  readonly #identity: ShardIdentity;
  readonly #select;
  readonly #update;
  readonly #setNonce;
  #row: MetaRow;
  /** What the transaction's guard compares with. */
  #read = { position: 0, epoch: 0, generation: 0 };

  /** Errors: `StorageRefused` wrong_cluster, wrong_shard or wrong_shards. */
  constructor(database: Connection, identity: ShardIdentity) {
    this.#identity = identity;
    insertIfNew(database, identity);
    this.#select = database.prepare<[], MetaRow>(SELECT);
    this.#update = database.prepare<(number | Uint8Array)[]>(`UPDATE meta SET position = ?, time_ms = ?,
      epoch = ?, code_version = ?, log_chain = ?, state_chain = ?, last_wallet = ?, last_step = ?,
      last_command = ?, last_timer = ?, wallets_step = ?, events_published = ?
      WHERE position = ? AND epoch = ? AND generation = ?`);
    this.#setNonce = database.prepare<[string]>("UPDATE meta SET stream_nonce = ?");
    this.#row = readMeta(this.#select.get());
    refuseOthers(identity, this.#row);
    this.#noteRead();
  }

  /** The row as of now; changed in place during a turn. */
  get row(): MetaRow {
    return this.#row;
  }

  /** Reads the row again: after a rollback. */
  reload(): void {
    this.#row = readMeta(this.#select.get());
    refuseOthers(this.#identity, this.#row);
    this.#noteRead();
  }

  /** Writes the row, guarded. Errors: `StaleOwner` when another engine moved it. */
  flush(): void {
    const { position, epoch, generation } = this.#read;
    const { row } = this;
    const { changes } = this.#update.run(
      row.position,
      row.timeMs,
      row.epoch,
      row.codeVersion,
      row.logChain,
      row.stateChain,
      row.lastWallet,
      row.lastStep,
      row.lastCommand,
      row.lastTimer,
      row.walletsStep,
      row.eventsPublished,
      position,
      epoch,
      generation,
    );
    if (changes !== 1) {
      throw new StaleOwner(
        `position ${position}, epoch ${epoch}, generation ${generation} is not the file's`,
      );
    }
  }

  /** Notes that the flushed row was committed. */
  committed(): void {
    this.#noteRead();
  }

  /** Stores the stream's nonce; on disk when it returns (outside a turn it is its own transaction). */
  setStreamNonce(nonce: string): void {
    this.#setNonce.run(nonce);
    this.#row.streamNonce = nonce;
  }

  #noteRead(): void {
    const { position, epoch, generation } = this.#row;
    this.#read = { position, epoch, generation };
  }
}

/** The row of a file that is only read. Errors: `StorageFault` when it is not there. */
export function selectMeta(database: Connection): MetaRow {
  return readMeta(database.prepare<[], MetaRow>(SELECT).get());
}

function readMeta(row: MetaRow | undefined): MetaRow {
  if (!row) throw new StorageFault("corrupt", "the shard file has no meta row");
  assert(row.logChain.length === 32 && row.stateChain.length === 32, "a chain is 32 bytes");
  return row;
}

function insertIfNew(database: Connection, { cluster, shard, shards }: ShardIdentity): void {
  const zero = Buffer.alloc(32);
  database
    .prepare(`INSERT INTO meta VALUES (1, ?, ?, ?, 0, 0, 0, 0, 0, ?, ?, 0, 0, 0, 0, 0, 0, NULL)
      ON CONFLICT (one) DO NOTHING`)
    .run(cluster, shard, shards, zero, zero);
}

function refuseOthers(wanted: ShardIdentity, found: ShardIdentity): void {
  if (found.cluster !== wanted.cluster) {
    const message = `the file belongs to cluster ${found.cluster}, not ${wanted.cluster}`;
    throw new StorageRefused("wrong_cluster", message);
  }
  if (found.shards !== wanted.shards) {
    const message = `the file was made for ${found.shards} shards, not ${wanted.shards}`;
    throw new StorageRefused("wrong_shards", message);
  }
  if (found.shard !== wanted.shard) {
    throw new StorageRefused("wrong_shard", `the file holds shard ${found.shard}, not ${wanted.shard}`);
  }
}
