// One shard's SQLite file: the transaction door of a turn, and the reads and send state around it.
//
//   begin ─ beginRecord ─ (ledger calls) ─ endRecord ─ … ─ commit      one turn, one transaction, one fsync
//                └───────────── throws ─────────────┘ ─► rollback      SQL and all memory
//
// Owns: the turn's transaction, the two chains, the guarded position. Does not own what a record does (actors)
// nor a row's form (tables). Invariants: memory holds nothing that is not committed or part of the open turn;
// the position moves only from what was read, under the same epoch and generation. After a fault of the
// environment in commit the file is unusable: an fsync that failed is never tried again.

import type { PairState } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import { chainHash } from "../protocol/digest.ts";
import { RECORD_HASHES_KEPT, WAL_BYTES_MAX } from "../protocol/limits.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import { WALLET_LAG, type WalletLagLimits } from "./balance-table.ts";
import { type CheckpointReport, WalFile } from "./checkpoint.ts";
import type { ClaimOptions } from "./command-claims.ts";
import { type Connection, openWriter } from "./database.ts";
import { MetaTable, type ShardIdentity } from "./meta-table.ts";
import type { OutboxRun } from "./pair-table.ts";
import { ShardReads } from "./reads.ts";
import { RecentEvents } from "./recent-events.ts";
import { RecordHashTable } from "./record-hash-table.ts";
import { ShardLedger } from "./shard-ledger.ts";
import { StateLog } from "./state-log.ts";
import { StaleOwner, StorageFault, storageFaultOf } from "./storage-error.ts";
import { TURN_LOG, type TurnLogLimits } from "./turn-log.ts";

/** Where a shard file lies and what it must belong to. */
export interface ShardFileOptions extends ShardIdentity {
  /** The file; its directory exists. */
  readonly path: string;
  /** Newest steps kept in memory for events; default 0 = none. */
  readonly recentEvents?: number;
  /** How far the rows of wallets may lag behind the journal; default `WALLET_LAG`. */
  readonly walletLag?: WalletLagLimits;
  /** How long the log of holds and timers may be; default `TURN_LOG`. */
  readonly turnLog?: TurnLogLimits;
  /** The command index's shape and hash, for tests. */
  readonly index?: ClaimOptions;
}

/** What a record brings besides its body. */
export interface RecordHead {
  /** The record's sequence: the file's position + 1. */
  readonly position: number;
  /** The server's stamp, in ms since 1970. */
  readonly stampMs: number;
  /** SHA-256 (32 bytes) over sequence, timestamp, subject, headers and body. */
  readonly digest: Uint8Array;
}

/** Counters of a shard, O(1). */
export interface ShardCounters {
  readonly position: number;
  /** Shard time in ms. */
  readonly timeMs: number;
  readonly wallets: number;
  readonly steps: number;
  readonly commands: number;
  /** Items that peers have not acknowledged yet. */
  readonly outboxItems: number;
  /** Bytes of the write-ahead log in use when it was last looked at. */
  readonly walBytes: number;
}

/** Bytes of a turn's logical writes in memory, beyond which waiting rows are inserted before the turn ends. */
const TURN_LOG_BYTES_MAX = 1024 * 1024;

/** What waits for time or for other shards. */
export interface OpenCounts {
  readonly openHolds: number;
  readonly openSagas: number;
  /** Moves that other shards coordinate and have not decided. */
  readonly preparedMoves: number;
}

/** See the file header. */
export class ShardFile {
  readonly path: string;
  /** What decisions read and write. */
  readonly ledger: ShardLedger;
  /** What callers read, between turns. */
  readonly reads: ShardReads;
  readonly #database: Connection;
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #hashes: RecordHashTable;
  readonly #wal: WalFile;
  readonly #sql;
  #mode: "idle" | "turn" | "unusable" | "closed" = "idle";

  /**
   * Opens a shard's file, or makes it.
   * Errors: `StorageRefused` (sqlite_too_old, not_a_shard_file, older_version, newer_version, wrong_cluster,
   * wrong_shard, wrong_shards), `StorageFault`.
   */
  static open(options: ShardFileOptions): ShardFile {
    const database = openWriter(options.path);
    try {
      return new ShardFile(database, options);
    } catch (error) {
      database.close();
      throw storageFaultOf(error) ?? error;
    }
  }

  private constructor(database: Connection, options: ShardFileOptions) {
    const { path, cluster, shard, shards, recentEvents = 0, walletLag = WALLET_LAG, index } = options;
    this.path = path;
    this.#database = database;
    this.#log = new StateLog();
    this.#meta = new MetaTable(database, { cluster, shard, shards });
    this.#hashes = new RecordHashTable(database);
    this.#wal = new WalFile(database, path);
    this.ledger = new ShardLedger(database, this.#log, this.#meta, {
      recent: new RecentEvents(shard, recentEvents),
      lag: walletLag,
      turns: options.turnLog ?? TURN_LOG,
      index,
    });
    this.ledger.restore();
    this.reads = new ShardReads(this.ledger, this.#meta);
    this.#sql = {
      begin: database.prepare("BEGIN IMMEDIATE"),
      commit: database.prepare("COMMIT"),
      rollback: database.prepare("ROLLBACK"),
      prepared: database.prepare<[], number>("SELECT count(*) FROM prepared").pluck(),
    };
  }

  /** Last applied record's sequence; 0 = none. */
  get position(): number {
    return this.#meta.row.position;
  }

  /** Shard time in ms. */
  get timeMs(): number {
    return this.#meta.row.timeMs;
  }

  /** Highest epoch started. */
  get epoch(): number {
    return this.#meta.row.epoch;
  }

  /** Counts re-anchorings. */
  get generation(): number {
    return this.#meta.row.generation;
  }

  /** Code version of the newest EpochStart; 0 = none. */
  get codeVersion(): number {
    return this.#meta.row.codeVersion;
  }

  /** Chain over the log's records, 32 bytes. */
  get logChain(): Uint8Array {
    return this.#meta.row.logChain;
  }

  /** Chain over the logical writes, 32 bytes. */
  get stateChain(): Uint8Array {
    return this.#meta.row.stateChain;
  }

  /** Nonce of the stream that the positions belong to; null before the first attach. */
  get streamNonce(): string | null {
    return this.#meta.row.streamNonce;
  }

  /** Stores the stream's nonce; on disk when it returns. Between turns only. */
  setStreamNonce(nonce: string): void {
    this.#assertIdle();
    this.#meta.setStreamNonce(nonce);
  }

  /** Opens the turn's transaction. Errors: `StorageFault` (busy when another process writes the file). */
  begin(): void {
    this.#assertIdle();
    try {
      this.#sql.begin.run();
      this.#mode = "turn";
    } catch (error) {
      throw storageFaultOf(error) ?? error;
    }
  }

  /** Begins a record: position and shard time move, the log chain takes the record's digest. */
  beginRecord({ position, stampMs, digest }: RecordHead): void {
    assert(this.#mode === "turn", "records are applied inside a turn");
    const { row } = this.#meta;
    assert(position === row.position + 1, "records are applied without a gap");
    assert(Number.isSafeInteger(stampMs) && stampMs >= 0, "a stamp is a whole number of ms");
    assert(digest.length === 32, "a record's digest is 32 bytes");
    row.position = position;
    row.timeMs = Math.max(row.timeMs, stampMs);
    row.logChain = chainHash(row.logChain, digest);
    this.#hashes.add(position, digest);
    this.#log.begin(row.stateChain, position, row.timeMs);
    this.ledger.journal.beginRecord();
  }

  /** Ends a record: the state chain takes its logical writes. */
  endRecord(): void {
    this.ledger.endRecord();
    this.#meta.row.stateChain = this.#log.end();
    if (this.#log.bytesHeld < TURN_LOG_BYTES_MAX) return;
    this.ledger.flushAppended();
    this.#log.release();
  }

  /**
   * Writes what the turn changed, moves the guarded position and commits; all of it is on disk on return.
   * @param onWritten called between the rows and COMMIT
   * Errors: `StaleOwner` when the file's position, epoch or generation is not what was read; `StorageFault`
   * when the environment fails, after which the file is unusable. Call `rollback` after either.
   */
  commit(onWritten?: () => void): void {
    assert(this.#mode === "turn" && !this.#log.isOpen, "a turn commits between records");
    this.ledger.flush();
    this.#hashes.flush(this.position);
    this.#meta.flush();
    onWritten?.();
    try {
      this.#sql.commit.run();
    } catch (error) {
      this.#mode = "unusable";
      throw storageFaultOf(error) ?? new StorageFault("unusable", "COMMIT failed", { cause: error });
    }
    this.#log.release();
    this.#meta.committed();
    this.ledger.committed();
    this.#mode = "idle";
  }

  /** Undoes the turn, memory included. Never throws; a file that cannot be read again is unusable from then on. */
  rollback(): void {
    if (this.#mode === "closed") return;
    const wasUnusable = this.#mode === "unusable";
    this.#log.drop();
    this.#hashes.drop();
    this.ledger.drop();
    try {
      if (this.#database.inTransaction) this.#sql.rollback.run();
      this.#meta.reload();
      this.ledger.reloadMoves();
      this.ledger.restore();
      this.ledger.commands.reload();
      this.#mode = wasUnusable ? "unusable" : "idle";
    } catch {
      // What brought the turn down is being thrown already; this file only must not be used again.
      this.#mode = "unusable";
    }
  }

  /** Hash (16 bytes) of the record at a position; null when it is not kept any more or not applied yet. */
  recordHash(position: number): Buffer | null {
    return position > this.position - RECORD_HASHES_KEPT ? this.#hashes.at(position) : null;
  }

  /** Committed items for a peer from the start of a group on, bounded by count and bytes. */
  outbox(peer: number, from: number, itemsMax: number, bytesMax: number): OutboxRun {
    this.#assertIdle();
    return this.ledger.pairs.run(peer, from, { items: itemsMax, bytes: bytesMax });
  }

  /** All pairs that ever moved anything, by peer. */
  pairs(): PairState[] {
    return this.ledger.pairs.pairs();
  }

  /** Whether a timer of a hold of the owner is due at `nowMs`. */
  hasDueTimer(tenant: TenantName, owner: OwnerName, nowMs: number): boolean {
    const row = this.ledger.names.findOwner(tenant, owner);
    return row !== undefined && this.ledger.timers.due(nowMs, 1, [row.number]).length > 0;
  }

  /** Journal number of the last step whose events are all acknowledged. */
  get eventsPublished(): number {
    return this.#meta.row.eventsPublished;
  }

  /** Notes it; on disk with the next commit. Losing it sends events a second time. */
  setEventsPublished(step: number): void {
    assert(step <= this.#meta.row.lastStep, "events of existing steps are published");
    this.#meta.row.eventsPublished = Math.max(step, this.#meta.row.eventsPublished);
  }

  /** Bytes of the WAL that are not in the file yet; a few µs. Between turns. */
  pendingWalBytes(): number {
    this.#assertIdle();
    return this.#wal.look();
  }

  /**
   * Copies the WAL into the file when it has grown to `bytesMax`. Between turns.
   * @returns what was done, and the bytes in use
   */
  checkpoint(bytesMax: number = WAL_BYTES_MAX): CheckpointReport {
    this.#assertIdle();
    try {
      return this.#wal.checkpoint(bytesMax);
    } catch (error) {
      this.#mode = "unusable";
      throw storageFaultOf(error) ?? error;
    }
  }

  /** Counters for operators. */
  counters(): ShardCounters {
    const { position, timeMs, lastWallet, lastStep, lastCommand } = this.#meta.row;
    return {
      position,
      timeMs,
      wallets: lastWallet,
      steps: lastStep,
      commands: lastCommand,
      outboxItems: this.ledger.pairs.outboxItems,
      walBytes: this.#wal.bytes,
    };
  }

  /** What is open, counted: linear in it, for operators. Between turns. */
  openCounts(): OpenCounts {
    if (this.#mode !== "idle") return { openHolds: 0, openSagas: 0, preparedMoves: 0 };
    const { sagas, timers } = this.ledger;
    const preparedMoves = this.#sql.prepared.get() ?? 0;
    return { openHolds: timers.count("expire"), openSagas: sagas.openSagas, preparedMoves };
  }

  /**
   * Closes the file; an open turn is rolled back. Safe to call twice. Between turns the wallets that lag are written,
   * so that the next opening has none to bring up to date; a failure of that loses nothing.
   */
  close(): void {
    if (this.#mode === "closed") return;
    if (this.#mode === "idle" && this.ledger.wallets.lags) this.#settleWallets();
    this.#mode = "closed";
    this.#database.close();
  }

  /** In a transaction of its own. Never throws: the rows may go on lagging. */
  #settleWallets(): void {
    try {
      this.#sql.begin.run();
      this.ledger.wallets.flushAll();
      this.#meta.flush();
      this.#sql.commit.run();
    } catch {
      this.rollback();
    }
  }

  #assertIdle(): void {
    if (this.#mode === "unusable") throw new StorageFault("unusable", `${this.path} failed before`);
    assert(this.#mode === "idle", "this is done between turns, on an open file");
  }
}

export { StaleOwner };
