// The journal: every change of a wallet goes through `append`, as one step with all its entries, or not at
// all. Owns applying a step's deltas to the actors, the checks that must never fail (zero sum per asset with
// the money that moves with items, bounds, dense versions), and the step rows.
//
// Invariant: for each asset, sum of posted + `out` transits - `in` transits = 0 in every step, so it is 0 over
// the file. A step that breaks anything throws before a byte of it is written; the turn rolls back.

import type { Step, Transit, WalletChange } from "../actors/ledger.ts";
import { balancesOf } from "../actors/wallet.ts";
import { assertWallet } from "../actors/wallet-invariant.ts";
import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import type { JournalStep, StepPlaceInLog } from "./journal-step.ts";
import type { MetaTable } from "./meta-table.ts";
import type { NameTable, TenantRow } from "./name-table.ts";
import type { RecentSteps } from "./recent-steps.ts";
import { RowBatch } from "./row-batch.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import { readStep, type StepRow, type StepSqlRow, writeStep } from "./step-row.ts";
import type { WalletTable } from "./wallet-table.ts";

/** What the journal works with. */
export interface JournalParts {
  readonly meta: MetaTable;
  readonly names: NameTable;
  readonly wallets: WalletTable;
  readonly recent: RecentSteps;
}

/** Steps that are read at once. */
const PAGE = 1000;

/** See the file header. */
export class Journal {
  /** The newest committed steps in memory. */
  readonly recent: RecentSteps;
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #names: NameTable;
  readonly #wallets: WalletTable;
  readonly #batch: RowBatch;
  readonly #sql;
  #indexInRecord = 0;

  constructor(database: Connection, log: StateLog, { meta, names, wallets, recent }: JournalParts) {
    this.recent = recent;
    this.#log = log;
    this.#meta = meta;
    this.#names = names;
    this.#wallets = wallets;
    this.#batch = new RowBatch(database, "step", ["number", "position", "idx", "body"]);
    this.#sql = {
      one: database.prepare<[number], StepSqlRow>("SELECT * FROM step WHERE number = ?"),
      after: database.prepare<[number, number], StepSqlRow>(
        "SELECT * FROM step WHERE number > ? ORDER BY number LIMIT ?",
      ),
    };
  }

  /** A record begins: its steps are numbered from 0. */
  beginRecord(): void {
    this.#indexInRecord = 0;
  }

  /** Applies a step to its wallets and stores it. Errors: asserts every invariant of the file header. */
  append(step: Step): void {
    assert(
      step.changes.length > 0 || step.status !== "pending",
      "a step changes a wallet or settles a command",
    );
    assertZeroSum(step);
    const { row } = this.#meta;
    const tenant = this.#names.internTenant(step.tenant);
    const number = row.lastStep + 1;
    const previousOfWallet: number[] = [];
    for (const change of step.changes) {
      assert(change.wallet.tenant === step.tenant, "a step's wallets belong to its tenant");
      previousOfWallet.push(change.wallet.lastStep);
      this.#apply(change, number);
    }
    this.#log.open(WRITE.step);
    const { writer } = this.#log;
    writer.varint(number);
    const start = writer.length;
    writeStep(writer, step, {
      tenant: tenant.number,
      timeMs: row.timeMs,
      previousOfTenant: tenant.lastStep,
      previousOfWallet,
    });
    const place = { position: row.position, index: this.#indexInRecord };
    if (this.recent.isKept) this.#keep(step, { number, tenant, timeMs: row.timeMs, ...place });
    this.#batch.push(number, row.position, this.#indexInRecord, writer.view(start));
    row.lastStep = number;
    this.#indexInRecord += 1;
    this.#names.setLastStep(tenant, number, place);
  }

  /** A step by its number, or undefined. */
  step(number: number): StepRow | undefined {
    const row = this.#sql.one.get(number);
    return row && readStep(row);
  }

  /** Steps behind a number, in order. */
  after(number: number, limit: number): StepRow[] {
    return this.#sql.after.all(number, limit).map(readStep);
  }

  /** All steps behind a number, in order, read in pages. */
  *behind(number: number): Generator<StepRow> {
    for (let page = this.after(number, PAGE); page.length > 0; ) {
      yield* page;
      page = this.after(page[page.length - 1]?.number ?? 0, PAGE);
    }
  }

  /** The turn has committed. */
  committed(): void {
    this.recent.committed();
  }

  /** Inserts what waits. */
  flush(): void {
    this.#batch.flush();
  }

  /** Forgets what waits: a rollback. */
  drop(): void {
    this.#batch.drop();
    this.recent.drop();
  }

  /** Keeps the step for its events; its wallets have changed already. */
  #keep(
    step: Step,
    at: Pick<JournalStep, "number" | "position" | "index" | "timeMs"> & { tenant: TenantRow },
  ): void {
    const { kind, op, status, command, owner, transfer, code, ref, changes } = step;
    const wallets = changes.map(({ wallet }) => balancesOf(wallet));
    const previous = this.#placeOfLast(at.tenant);
    this.recent.add({
      ...{
        number: at.number,
        position: at.position,
        index: at.index,
        timeMs: at.timeMs,
        tenant: step.tenant,
      },
      ...{ owner, kind, op, status, command, transfer, code, ref, previous, wallets },
    });
  }

  #placeOfLast(tenant: TenantRow): StepPlaceInLog | null {
    if (tenant.lastStep === 0) return null;
    tenant.lastPlace ??= this.#placeOf(tenant.lastStep);
    return tenant.lastPlace;
  }

  #placeOf(number: number): StepPlaceInLog {
    const step = this.step(number);
    assert(step !== undefined, "a tenant's newest step is in the journal");
    return { position: step.position, index: step.index };
  }

  #apply(change: WalletChange, step: number): void {
    const { wallet } = change;
    assert(this.#wallets.isLive(wallet), "a step changes live wallets");
    assert(wallet.lastStep < step, "a step names each wallet once");
    wallet.posted += change.posted;
    wallet.held += change.held;
    wallet.incoming += change.incoming;
    if (change.min !== undefined) wallet.min = change.min;
    if (change.max !== undefined) wallet.max = change.max;
    if (change.status !== undefined) wallet.status = change.status;
    wallet.version += 1;
    wallet.lastStep = step;
    this.#wallets.markDirty(wallet);
    assertWallet(wallet);
  }
}

/** Requires sum of posted + out - in = 0 per asset. Nearly every step has one asset and no transits. */
function assertZeroSum(step: Step): void {
  const asset = step.changes[0]?.wallet.asset;
  let sum = 0n;
  let isOneAsset = step.transits.length === 0;
  for (const { wallet, posted } of step.changes) {
    sum += posted;
    if (wallet.asset !== asset) isOneAsset = false;
  }
  if (isOneAsset) assert(sum === 0n, "a step's posted changes sum to zero");
  else assertZeroSums(step.changes, step.transits);
}

function assertZeroSums(changes: readonly WalletChange[], transits: readonly Transit[]): void {
  const sums = new Map<string, bigint>();
  const add = (asset: string, amount: bigint) => sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  for (const { wallet, posted } of changes) add(wallet.asset, posted);
  for (const { asset, amount, direction } of transits) add(asset, direction === "out" ? amount : -amount);
  for (const sum of sums.values()) assert(sum === 0n, "a step's changes and transits sum to zero per asset");
}
