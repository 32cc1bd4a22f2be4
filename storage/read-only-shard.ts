// The one way to read a shard file without its engine, for verification, dumps and the command line. A door sees one
// snapshot (one read transaction), also while an engine writes. It never changes the file.
//
// Rows come in pages by key, so that memory stays bounded at any number of rows. What does not decode is thrown
// as `StorageFault("corrupt")` by the row that is read.
//
// A door that stays open keeps the write-ahead log of a running engine growing: close it soon.

import type { Hold, PairState, Prepared, Saga, Timer } from "../actors/ledger.ts";
import type { Wallet } from "../actors/wallet.ts";
import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { ItemMoney } from "../protocol/item.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { ownerOf, purseOf } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { CLAIM_PART, type ClaimRow, claimsOf, OUTCOME_PART, readClaim } from "./command-row.ts";
import { type Connection, openReader } from "./database.ts";
import { GenerationCache } from "./generation-cache.ts";
import { holdNumbers, readHold } from "./hold-row.ts";
import { IndexStore } from "./index-store.ts";
import { type MetaRow, selectMeta } from "./meta-table.ts";
import { readMoney } from "./money-row.ts";
import type { LateOutcome } from "./outcome-page.ts";
import { OutcomePages } from "./outcome-pages.ts";
import { type OutcomeAt, readOutcome } from "./outcome-row.ts";
import { type HoldSqlRow, type ReadStatements, readStatements } from "./read-statements.ts";
import { RECORD_HASH_BYTES } from "./record-hash-table.ts";
import type { RowRun } from "./row-run.ts";
import { requireSum } from "./row-sum.ts";
import { RunReader } from "./run-reader.ts";
import { openSagas } from "./saga-log.ts";
import { readPrepared } from "./saga-row.ts";
import { readSagaRow } from "./saga-table.ts";
import { COMMAND_RUNS, STEP_RUNS } from "./schema.ts";
import { outcomeOfStep } from "./step-outcome.ts";
import { type StepRow, stepOf } from "./step-row.ts";
import { StorageFault, storageFaultOf } from "./storage-error.ts";
import { timerOf } from "./timer-row.ts";
import { TurnLogView } from "./turn-log-view.ts";
import { WalletLag } from "./wallet-lag.ts";
import { walletOf } from "./wallet-row.ts";

/** A tenant as stored. */
export interface StoredTenant {
  readonly number: number;
  readonly name: TenantName;
  readonly lastStep: number;
}

/** An owner as stored. */
export interface StoredOwner {
  readonly number: number;
  readonly tenant: TenantName;
  readonly name: OwnerName;
  readonly wallets: number;
}

/** The record that settled a command. */
type RecordPlace = Pick<OutcomeAt, "position" | "timeMs">;

/** Names of wallets kept while outcomes are read. */
const NAMES_CACHED = 200_000;

/** A command as stored; `outcomes` counts the places that hold one for it. */
export interface StoredCommand extends ClaimRow {
  readonly number: number;
  readonly outcome: Outcome | null;
  readonly outcomes: number;
}

/** A group of items of the outbox as stored. */
export interface StoredItems {
  readonly peer: number;
  /** The last item's number. */
  readonly number: number;
  readonly items: number;
  readonly body: Uint8Array;
  /** 16 bytes: the pair's running hash at it. */
  readonly hash: Uint8Array;
  readonly money: readonly ItemMoney[];
}

/** The money that has moved with items of one pair, direction and asset. */
export interface StoredMoney {
  readonly peer: number;
  readonly direction: "out" | "in";
  readonly asset: AssetName;
  readonly sum: bigint;
}

/** A timer as stored. */
export interface StoredTimer extends Timer {
  /** The number of the hold's owner, null for votes. */
  readonly owner: number | null;
  readonly parked: boolean;
}

/** See the file header. */
export class ReadOnlyShard implements Disposable {
  readonly path: string;
  readonly #database: Connection;
  readonly #sql: ReadStatements;
  readonly #steps: RunReader;
  readonly #commands: RunReader;
  readonly #late: OutcomePages;
  readonly #walletNames = new GenerationCache<number, WalletName>(NAMES_CACHED);
  #meta: MetaRow;
  /** Of this snapshot; null = not read yet. */
  #lag: WalletLag | null = null;
  /** The sagas of the last turns in this snapshot; null = not read yet. */
  #sagas: Map<number, Saga> | null = null;
  /** The holds and timers of the last turns in this snapshot; null = not read yet. */
  #turns: TurnLogView | null = null;

  /**
   * Opens a shard file and takes a snapshot of it.
   * Errors: `StorageRefused` (not_found, not_a_shard_file, older_version, newer_version,
   * sqlite_too_old), `StorageFault`.
   */
  static open(path: string): ReadOnlyShard {
    const database = openReader(path);
    try {
      return new ReadOnlyShard(database, path);
    } catch (error) {
      database.close();
      throw storageFaultOf(error) ?? error;
    }
  }

  private constructor(database: Connection, path: string) {
    this.path = path;
    this.#database = database;
    this.#sql = readStatements(database);
    this.#steps = new RunReader(database, STEP_RUNS);
    this.#commands = new RunReader(database, COMMAND_RUNS);
    this.#late = new OutcomePages(database);
    this.#meta = this.retake();
  }

  /** Gives the snapshot up and takes a new one. Cost: some 20 µs. @returns its meta row */
  retake(): MetaRow {
    if (this.#database.inTransaction) this.#database.exec("COMMIT");
    this.#database.exec("BEGIN DEFERRED");
    this.#steps.forget();
    this.#commands.forget();
    this.#late.forget();
    this.#meta = selectMeta(this.#database);
    this.#lag = null;
    this.#sagas = null;
    this.#turns = null;
    return this.#meta;
  }

  /** Identity, position, clock, chains and last numbers. */
  get meta(): Readonly<MetaRow> {
    return this.#meta;
  }

  /** Ends the snapshot and closes the file. Safe to call twice. */
  close(): void {
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Tenants by number. */
  *tenants(): Generator<StoredTenant> {
    yield* pages(this.#sql.tenants, ({ number }) => number);
  }

  /** Owners by number. */
  *owners(): Generator<StoredOwner> {
    yield* pages(this.#sql.owners, ({ number }) => number);
  }

  /** Wallets by number, up to date also where their rows lag behind the journal. */
  *wallets(): Generator<Wallet> {
    for (const row of pages(this.#sql.wallets, ({ number }) => Number(number))) {
      yield this.#lagging.wallet(Number(row.number)) ?? walletOf(row);
    }
  }

  /** Journal steps by number. */
  *steps(): Generator<StepRow> {
    for (const run of this.#steps.from(1)) {
      for (let number = run.first; run.has(number); number += 1) yield stepOf(run, number);
    }
  }

  /** Commands with their outcomes, by number. */
  *commands(): Generator<StoredCommand> {
    for (const run of this.#commands.from(1)) {
      for (let number = run.first; run.has(number); number += 1) {
        yield this.#commandOf(run, number, this.#late.find(number));
      }
    }
  }

  /** What commands claimed, by number. */
  *claims(): Generator<ClaimRow & { readonly number: number }> {
    for (const run of this.#commands.from(1)) yield* claimsOf(run);
  }

  /** Holds by number. */
  *holds(): Generator<Hold> {
    const { holds } = this.#recentTurns;
    const rows = mapped(
      pages(this.#sql.holds, (row) => row.number),
      (row) => (holds.has(row.number) ? null : readHoldRow(row)),
    );
    const recent = [...holds.values()].sort((left, right) => left.number - right.number);
    yield* merged(rows, recent, ({ number }) => number);
  }

  /** Reversed units of settled transfers, by the transfer's number. */
  *reversals(): Generator<{ number: number; units: bigint }> {
    for (const { number, units } of pages(this.#sql.reversals, (row) => Number(row.number))) {
      yield { number: Number(number), units };
    }
  }

  /** Open sagas by number. */
  *sagas(): Generator<Saga> {
    const rows = mapped(
      pages(this.#sql.sagas, (row) => row.number),
      (row) => readSagaRow(row.number, row),
    );
    yield* merged(rows, this.#recentSagas().values(), ({ number }) => number);
  }

  /** Prepared moves by coordinator and saga. */
  *prepared(): Generator<Prepared> {
    let after: readonly [number, number] = [-1, -1];
    for (;;) {
      const rows = this.#sql.prepared.all(...after, PAGE);
      for (const { body, ...key } of rows) yield readPrepared(body, key);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = [last.coordinator, last.saga];
    }
  }

  /** Timers by id. */
  *timers(): Generator<StoredTimer> {
    const rows = mapped(
      pages(this.#sql.timers, ({ id }) => id),
      (row): StoredTimer => ({ ...timerOf(row), owner: row.owner, parked: row.parked === 1 }),
    );
    const recent = this.#recentTurns
      .timers()
      .map(({ isParked, ...timer }): StoredTimer => ({ ...timer, parked: isParked }));
    yield* merged(rows, recent, ({ id }) => id);
  }

  /** Pairs by peer. */
  pairs(): PairState[] {
    return this.#sql.pairs.all().map((row) => ({
      peer: row.peer,
      sent: { number: row.sent, hash: row.sentHash },
      acked: { number: row.acked, hash: row.ackedHash },
      applied: { number: row.applied, hash: row.appliedHash },
    }));
  }

  /** Money that has moved with items, by peer, direction and asset. */
  *pairMoney(): Generator<StoredMoney> {
    for (const { peer, direction, asset, sum } of this.#sql.pairMoney.all()) {
      assert(/^-?[0-9]+$/.test(sum), "a sum of money is an integer");
      yield { peer, direction: direction === 0 ? "out" : "in", asset, sum: BigInt(sum) };
    }
  }

  /** Groups of items kept for a peer behind a number, in order. */
  *outbox(peer: number, afterNumber = 0): Generator<StoredItems> {
    const page = { all: (after: number, limit: number) => this.#sql.outbox.all(peer, after, limit) };
    for (const row of pages(page, ({ number }) => number, afterNumber)) {
      yield { ...row, peer, money: readMoney(row.money) };
    }
  }

  /** Kept hashes of records by position. */
  *recordHashes(): Generator<{ position: number; hash: Uint8Array }> {
    for (const { first, hashes } of pages(this.#sql.recordHashes, (run) => run.first)) {
      for (let at = 0; at * RECORD_HASH_BYTES < hashes.length; at += 1) {
        const hash = hashes.subarray(at * RECORD_HASH_BYTES, (at + 1) * RECORD_HASH_BYTES);
        yield { position: first + at, hash };
      }
    }
  }

  /** A wallet by number, up to date, or undefined. */
  wallet(number: number): Wallet | undefined {
    return this.#lagging.wallet(number) ?? this.#storedWallet(number);
  }

  /** Where rows of wallets do not fit the steps that they lag behind, one line each; empty = sound. */
  walletFaults(): readonly string[] {
    return this.#lagging.faults;
  }

  /** The number of a wallet, or undefined. */
  walletNumber(tenant: TenantName, name: WalletName): number | undefined {
    return this.#sql.walletNumber.get(tenant, ownerOf(name), purseOf(name));
  }

  /** A step by number, or undefined. */
  step(number: number): StepRow | undefined {
    const run = this.#steps.holding(number);
    return run && stepOf(run, number);
  }

  /** A hold by number, or undefined. */
  hold(number: number): Hold | undefined {
    const recent = this.#recentTurns.holds.get(number);
    if (recent) return recent;
    const row = this.#sql.hold.get(number);
    return row && readHoldRow(row);
  }

  /** An open saga by number, or undefined. */
  saga(number: number): Saga | undefined {
    const recent = this.#recentSagas().get(number);
    if (recent) return recent;
    const row = this.#sql.saga.get(number);
    return row && readSagaRow(number, row);
  }

  #recentSagas(): Map<number, Saga> {
    this.#sagas ??= openSagas(this.#sql.sagaLog.all(), (number) => {
      const step = this.step(number);
      const wallet = step?.entries[0] && this.#storedWallet(step.entries[0].wallet);
      return step && wallet && { step, wallet };
    });
    return this.#sagas;
  }

  get #recentTurns(): TurnLogView {
    this.#turns ??= new TurnLogView(this.#sql.turnLog.all(), (number) => this.#sql.owner.get(number));
    return this.#turns;
  }

  /** What a command claimed, or undefined. */
  claim(number: number): ClaimRow | undefined {
    const body = this.#commands.holding(number)?.part(number, CLAIM_PART);
    return body ? readClaim(number, body) : undefined;
  }

  /** The rows of the command index. */
  get index(): IndexStore {
    return new IndexStore(this.#database);
  }

  /** Whether a command is recorded and has no outcome yet; undefined when it is not recorded. */
  isOpen(command: number): boolean | undefined {
    const run = this.#commands.holding(command);
    if (!run) return undefined;
    return run.part(command, OUTCOME_PART) === null && this.#late.find(command) === undefined;
  }

  /** Whether a timer of the kind exists for a target. */
  hasTimer(kind: Timer["kind"], target: number): boolean {
    const isRow = this.#sql.hasTimer.get(kind === "expire" ? 0 : 1, target) !== undefined;
    return isRow || this.#recentTurns.hasTimer(kind, target);
  }

  /** Numbers of owners whose count of wallets is wrong, at most `limit`. */
  miscountedOwners(limit: number): number[] {
    return this.#sql.miscountedOwners.all(limit);
  }

  /** Numbers of late outcomes beyond the last command, at most `limit`. */
  strayOutcomes(limit: number): number[] {
    return Array.from(this.#late.outside(this.#meta.lastCommand)).slice(0, limit);
  }

  /** What SQLite's own check says; empty = sound. Reads the whole file. */
  integrityFaults(): string[] {
    return this.#sql.integrity.all().filter((line) => line !== "ok");
  }

  /** Wallets whose rows lag, read once a snapshot: bounded by how far an engine lets them lag. */
  get #lagging(): WalletLag {
    this.#lag ??= new WalletLag(this.#stepsBehind(this.#meta.walletsStep), (number) =>
      this.#storedWallet(number),
    );
    return this.#lag;
  }

  *#stepsBehind(number: number): Generator<StepRow> {
    for (const run of this.#steps.from(number + 1)) {
      for (let at = Math.max(run.first, number + 1); run.has(at); at += 1) yield stepOf(run, at);
    }
  }

  #storedWallet(number: number): Wallet | undefined {
    const row = this.#sql.wallet.get(number);
    return row && walletOf(row);
  }

  #commandOf(run: RowRun, number: number, late: LateOutcome | undefined): StoredCommand {
    const claim = run.part(number, CLAIM_PART);
    assert(claim !== null, "a command has a claim");
    const row = readClaim(number, claim);
    const early = run.part(number, OUTCOME_PART);
    const at = early === null ? late : run.placeOf(number);
    const body = early ?? late?.body;
    const outcome = body && at ? this.#outcomeOf(body, row.id, at) : null;
    return { number, ...row, outcome, outcomes: (early ? 1 : 0) + (late ? 1 : 0) };
  }

  #outcomeOf(body: Uint8Array, id: CommandId, { position, timeMs }: RecordPlace): Outcome {
    const at = { id, shard: this.#meta.shard, position, timeMs };
    return readOutcome(body, at, (number) => {
      const step = this.step(number);
      return step && outcomeOfStep(step, (wallet) => this.#nameOf(wallet));
    });
  }

  #nameOf(number: number): WalletName {
    const known = this.#walletNames.get(number);
    if (known !== undefined) return known;
    const name = this.wallet(number)?.name;
    if (name === undefined) throw new StorageFault("corrupt", `wallet ${number} is missing`);
    this.#walletNames.set(number, name);
    this.#walletNames.trim();
    return name;
  }
}

/** Opens several shard files and takes their snapshots back to back, so that they are nearly one moment. */
export function openCut(paths: readonly string[]): ReadOnlyShard[] {
  const doors: ReadOnlyShard[] = [];
  try {
    for (const path of paths) doors.push(ReadOnlyShard.open(path));
  } catch (error) {
    for (const door of doors) door.close();
    throw error;
  }
  for (const door of doors) door.retake();
  return doors;
}

/** Rows of one page of an iteration. */
const PAGE = 1000;

function* pages<Row>(
  statement: { all(after: number, limit: number): Row[] },
  keyOf: (row: Row) => number,
  afterKey = -1,
): Generator<Row> {
  let after = afterKey;
  for (;;) {
    const rows = statement.all(after, PAGE);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = keyOf(last);
  }
}

/** The rows as `make` gives them, without those that give null. */
function* mapped<Row, Made>(rows: Iterable<Row>, make: (row: Row) => Made | null): Generator<Made> {
  for (const row of rows) {
    const made = make(row);
    if (made !== null) yield made;
  }
}

/** Two lists in the order of one key as one. */
function* merged<Row>(
  left: Iterable<Row>,
  right: Iterable<Row>,
  keyOf: (row: Row) => number,
): Generator<Row> {
  const behind = right[Symbol.iterator]();
  let next = behind.next();
  for (const row of left) {
    for (; !next.done && keyOf(next.value) < keyOf(row); next = behind.next()) yield next.value;
    yield row;
  }
  for (; !next.done; next = behind.next()) yield next.value;
}

function readHoldRow(row: HoldSqlRow): Hold {
  requireSum(row, holdNumbers(row.number, row.ownerNumber, row.listed), `hold ${row.number}`);
  return readHold(row.body, row);
}
