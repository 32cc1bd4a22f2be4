// The balances of wallets as rows, which may lag behind the journal: a step and its entries are in the same
// transaction anyway, so a wallet that many steps change is written once for all of them. Owns which wallets
// wait to be written, when they are, and the mark `meta.wallets_step`. Does not own the actors (wallet-table.ts)
// nor how rows that lag are brought up to date (wallet-lag.ts).
//
//   wallets by number   │ written in this round │ ahead: written until the round ends │
//                       0 ─────────────────── hand ───────────────────────────────► end ─► next round
//
// Rounds go by number, not by age, so that the rows of a page are written together: of 250,000 wallets with a
// quarter waiting, a row costs 1.4 µs with COMMIT and checkpoint, in order of age 5.0 µs (a page of the
// write-ahead log for each row). Each commit writes the share of what lies ahead that its steps are of the steps
// left in the round: no turn pays for the others.
//
// Invariant: every row reflects at least all steps up to the mark. When a round ends, all that waited when it
// began was written, so the mark moves to the step at which it began: it lags two rounds at most, three when the
// process is killed again and again.

import type { Wallet } from "../actors/wallet.ts";
import { assert } from "../protocol/assert.ts";
import { WALLET_ROUND_STEPS, WALLETS_WAITING_MAX } from "../protocol/limits.ts";
import type { Bound } from "../protocol/money.ts";
import type { Connection } from "./database.ts";
import { RowBatch } from "./row-batch.ts";
import { WALLET_STATUSES } from "./wallet-row.ts";

/** How far rows may lag behind the journal. */
export interface WalletLagLimits {
  /** Steps of one round; 0 = every commit writes all. */
  readonly roundSteps: number;
  /** Wallets that wait after a commit, at most: more are written at once. */
  readonly waitingMax: number;
}

/** What shards in service use. */
export const WALLET_LAG: WalletLagLimits = {
  roundSteps: WALLET_ROUND_STEPS,
  waitingMax: WALLETS_WAITING_MAX,
};

/** Wallets are collected by number >> this: 64 neighbours, about half a page of rows. */
const BUCKET_BITS = 6;

const COLUMNS = [
  ...["number", "posted", "held", "incoming", "min", "max"],
  ...["status", "version", "last_step"],
] as const;

/** See the file header. */
export class BalanceTable {
  readonly #limits: WalletLagLimits;
  readonly #rows: RowBatch;
  #buckets: (Wallet[] | undefined)[] = [];
  #waiting = 0;
  /** Of those that wait, how many this round still has to write. */
  #ahead = 0;
  /** The bucket that is written next. */
  #hand = 0;
  /** Opened in this turn: their first rows are written with it, for rows must be there to lag. */
  #opened: Wallet[] = [];
  #roundStart = 0;
  #roundEnd = 0;
  #flushedStep = 0;
  #mark = 0;

  constructor(database: Connection, limits: WalletLagLimits) {
    this.#limits = limits;
    this.#rows = new RowBatch(database, "balance", COLUMNS, "REPLACE");
  }

  /** Wallets that wait to be written. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Starts over behind a rollback or an opening, with nothing that waits.
   * @param mark the stored `wallets_step`
   * @param lastStep the newest step
   */
  restart(mark: number, lastStep: number): void {
    assert(mark <= lastStep, "rows do not run ahead of the journal");
    this.drop();
    this.#mark = mark;
    this.#roundStart = lastStep;
    this.#roundEnd = Math.min(lastStep + this.#limits.roundSteps, mark + 3 * this.#limits.roundSteps);
    this.#flushedStep = lastStep;
  }

  /** Notes a wallet that was opened. */
  open(wallet: Wallet): void {
    assert(!wallet.dirty, "a wallet is opened before it changes");
    wallet.dirty = true;
    this.#opened.push(wallet);
  }

  /** Notes that a wallet's row lags from now on. */
  mark(wallet: Wallet): void {
    if (wallet.dirty) return;
    wallet.dirty = true;
    const place = wallet.number >> BUCKET_BITS;
    while (this.#buckets.length <= place) this.#buckets.push(undefined);
    const bucket = this.#buckets[place];
    if (bucket) bucket.push(wallet);
    else this.#buckets[place] = [wallet];
    this.#waiting += 1;
    if (place >= this.#hand) this.#ahead += 1;
  }

  /**
   * Writes this commit's share.
   * @param lastStep the newest step
   * @returns the mark: every row reflects all steps up to it
   */
  flush(lastStep: number): number {
    this.#writeOpened();
    const due = Math.max(this.#share(lastStep), this.#waiting - this.#limits.waitingMax);
    this.#write(due, lastStep);
    this.#flushedStep = lastStep;
    if (this.#ahead === 0 && lastStep >= this.#roundEnd) this.#endRound(lastStep);
    if (this.#waiting === 0) this.#mark = lastStep;
    return this.#mark;
  }

  /** Writes all that waits. @returns the mark, which is `lastStep` */
  flushAll(lastStep: number): number {
    assert(this.#opened.length === 0, "what is opened is written with its turn");
    this.#write(this.#waiting, lastStep);
    this.#mark = lastStep;
    return this.#mark;
  }

  /** Forgets what waits: a rollback. */
  drop(): void {
    for (const bucket of this.#buckets) for (const wallet of bucket ?? []) wallet.dirty = false;
    for (const wallet of this.#opened) wallet.dirty = false;
    this.#buckets = [];
    this.#opened = [];
    this.#waiting = 0;
    this.#ahead = 0;
    this.#hand = 0;
    this.#rows.drop();
  }

  /** How many wallets keep the round in time. */
  #share(lastStep: number): number {
    const stepsLeft = this.#roundEnd - this.#flushedStep;
    const steps = lastStep - this.#flushedStep;
    return steps >= stepsLeft ? this.#ahead : Math.floor((this.#ahead * steps) / stepsLeft);
  }

  /** Writes at least `count` wallets, whole buckets, or all. */
  #write(count: number, lastStep: number): void {
    let left = count;
    while (left > 0 && this.#waiting > 0) {
      if (this.#ahead === 0) this.#endRound(lastStep);
      left -= this.#writeBucket();
    }
    this.#rows.flush();
  }

  #endRound(lastStep: number): void {
    assert(this.#ahead === 0, "a round ends when nothing lies ahead");
    this.#mark = this.#roundStart;
    this.#roundStart = lastStep;
    this.#roundEnd = lastStep + this.#limits.roundSteps;
    this.#hand = 0;
    this.#ahead = this.#waiting;
  }

  /** @returns how many wallets the bucket at the hand held, often none */
  #writeBucket(): number {
    const bucket = this.#buckets[this.#hand];
    this.#buckets[this.#hand] = undefined;
    this.#hand += 1;
    if (!bucket) return 0;
    for (const wallet of bucket.sort((left, right) => left.number - right.number)) this.#push(wallet);
    this.#waiting -= bucket.length;
    this.#ahead -= bucket.length;
    return bucket.length;
  }

  #writeOpened(): void {
    for (const wallet of this.#opened) this.#push(wallet);
    this.#opened = [];
  }

  #push(wallet: Wallet): void {
    assert(wallet.version > 0, "a wallet that was created was also opened");
    const { number, posted, held, incoming, min, max, status, version, lastStep } = wallet;
    const bounds = [sqlOf(min), sqlOf(max)] as const;
    const kind = WALLET_STATUSES.indexOf(status);
    this.#rows.push(number, posted, held, incoming, ...bounds, kind, version, lastStep);
    wallet.dirty = false;
  }
}

function sqlOf(bound: Bound): bigint | null {
  return bound === "unlimited" ? null : bound;
}
