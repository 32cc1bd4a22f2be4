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
import type { Balances, Outcome } from "../protocol/outcome.ts";
import type { Connection } from "./database.ts";
import type { StepPlaceInLog } from "./journal-step.ts";
import type { MetaTable } from "./meta-table.ts";
import type { NameTable, TenantRow } from "./name-table.ts";
import type { RecentEvents } from "./recent-events.ts";
import { RunTable } from "./run-table.ts";
import { STEP_RUNS } from "./schema.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import {
  ChangePlaces,
  type StepRow,
  stepOf,
  writeEntry,
  writeStepHead,
  writeStepTransits,
} from "./step-row.ts";
import type { WalletTable } from "./wallet-table.ts";

/** A step that was appended. */
export interface AppendedStep {
  readonly number: number;
  readonly step: Step;
}

/** The step appended last, as an outcome is compared with it. */
interface LastStep extends AppendedStep {
  readonly balances: readonly Balances[];
}

/** What the journal works with. */
export interface JournalParts {
  readonly meta: MetaTable;
  readonly names: NameTable;
  readonly wallets: WalletTable;
  readonly recent: RecentEvents;
}

/** Steps that are read at once. */
const PAGE = 1000;

/** See the file header. */
export class Journal {
  /** The events of the newest steps in memory. */
  readonly recent: RecentEvents;
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #names: NameTable;
  readonly #wallets: WalletTable;
  readonly #rows: RunTable;
  #indexInRecord = 0;
  #last: LastStep | null = null;

  constructor(database: Connection, log: StateLog, { meta, names, wallets, recent }: JournalParts) {
    this.recent = recent;
    this.#log = log;
    this.#meta = meta;
    this.#names = names;
    this.#wallets = wallets;
    this.#rows = new RunTable(database, log, { meta, name: STEP_RUNS });
  }

  /** A record begins: its steps are numbered from 0. */
  beginRecord(): void {
    this.#indexInRecord = 0;
    this.#last = null;
  }

  /**
   * Applies a step to its wallets and stores it. Errors: asserts every invariant of the file header.
   * @returns the balances of its wallets after it, by change
   */
  append(step: Step): readonly Balances[] {
    assert(
      step.changes.length > 0 || step.status !== "pending",
      "a step changes a wallet or settles a command",
    );
    assertZeroSum(step);
    const { row } = this.#meta;
    const tenant = this.#names.internTenant(step.tenant);
    const number = row.lastStep + 1;
    this.#log.open(WRITE.step);
    const { writer } = this.#log;
    writer.varint(number);
    const start = writer.length;
    writeStepHead(writer, step, { number, tenant: tenant.number, previousOfTenant: tenant.lastStep });
    const balances = this.#applyAll(step, number);
    writeStepTransits(writer, step.transits);
    this.#rows.push(number, start);
    if (this.recent.isKept) this.#keep(step, number, { tenant, balances });
    const place = { position: row.position, index: this.#indexInRecord };
    this.#last = { number, step, balances };
    row.lastStep = number;
    this.#indexInRecord += 1;
    this.#names.setLastStep(tenant, number, place);
    return balances;
  }

  /** The record's last step, or null. */
  get last(): AppendedStep | null {
    return this.#last;
  }

  /** The number of the record's last step when that tells everything an outcome says, else null. */
  stepTelling({ op, status, refusal, balances }: Outcome): number | null {
    const last = this.#last;
    if (last === null || refusal !== null || balances === null) return null;
    if (last.step.op !== op || last.step.status !== status) return null;
    return balances === last.balances || areSame(balances, last.balances) ? last.number : null;
  }

  /** A step by its number, or undefined. Not of the open turn. */
  step(number: number): StepRow | undefined {
    const run = this.#rows.reader.holding(number);
    return run && stepOf(run, number);
  }

  /** Steps behind a number, in order. */
  after(number: number, limit: number): StepRow[] {
    const steps: StepRow[] = [];
    for (const run of this.#rows.reader.from(number + 1)) {
      for (let at = Math.max(run.first, number + 1); run.has(at); at += 1) {
        if (steps.length === limit) return steps;
        steps.push(stepOf(run, at));
      }
    }
    return steps;
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

  /** Writes what waits. */
  flush(): void {
    this.#rows.flush();
  }

  /** Forgets what waits: a rollback. */
  drop(): void {
    this.#last = null;
    this.#rows.drop();
    this.recent.drop();
  }

  /** Keeps what events say of the step. */
  #keep(
    { tenant, op, status, command, ref }: Step,
    number: number,
    at: { tenant: TenantRow; balances: readonly Balances[] },
  ): void {
    const { position, timeMs } = this.#meta.row;
    this.recent.add({
      number,
      position,
      index: this.#indexInRecord,
      timeMs,
      tenant,
      op,
      status,
      command,
      ref,
      previous: this.#placeOfLast(at.tenant),
      wallets: at.balances,
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

  /** Changes the step's wallets in order, and writes the entry of each. */
  #applyAll(step: Step, number: number): readonly Balances[] {
    const { changes, tenant } = step;
    // As long as it will be: grown from nothing it would have room for seventeen.
    const balances = new Array<Balances>(changes.length);
    const places = new ChangePlaces(changes);
    for (let index = 0; index < changes.length; index += 1) {
      const change = changes[index];
      assert(
        change !== undefined && change.wallet.tenant === tenant,
        "a step's wallets belong to its tenant",
      );
      const distance = number - change.wallet.lastStep;
      this.#apply(change, number);
      writeEntry(this.#log.writer, { places, index, distance });
      balances[index] = balancesOf(change.wallet);
    }
    return balances;
  }

  #apply(change: WalletChange, step: number): void {
    const { wallet } = change;
    assert(this.#wallets.isLive(wallet), "a step changes live wallets");
    assert(wallet.lastStep < step, "a step names each wallet once");
    // Adding nothing would make a new number.
    if (change.posted !== 0n) wallet.posted += change.posted;
    if (change.held !== 0n) wallet.held += change.held;
    if (change.incoming !== 0n) wallet.incoming += change.incoming;
    if (change.min !== undefined) wallet.min = change.min;
    if (change.max !== undefined) wallet.max = change.max;
    if (change.status !== undefined) wallet.status = change.status;
    wallet.version += 1;
    wallet.lastStep = step;
    this.#wallets.markDirty(wallet);
    assertWallet(wallet);
  }
}

function areSame(left: readonly Balances[], right: readonly Balances[]): boolean {
  return left.length === right.length && left.every((balances, index) => isSame(balances, right[index]));
}

function isSame(left: Balances, right: Balances | undefined): boolean {
  return (
    left.wallet === right?.wallet &&
    left.version === right.version &&
    left.posted === right.posted &&
    left.held === right.held &&
    left.incoming === right.incoming &&
    left.available === right.available
  );
}

/** Requires sum of posted + out - in = 0 per asset. Nearly every step has one asset. */
function assertZeroSum(step: Step): void {
  const asset = step.changes[0]?.wallet.asset;
  let sum = step.changes[0]?.posted ?? 0n;
  let isOneAsset = true;
  for (let index = 1; index < step.changes.length; index += 1) {
    const change = step.changes[index];
    sum += change?.posted ?? 0n;
    if (change?.wallet.asset !== asset) isOneAsset = false;
  }
  for (const transit of step.transits) {
    sum += transit.direction === "out" ? transit.amount : -transit.amount;
    if (transit.asset !== asset) isOneAsset = false;
  }
  if (isOneAsset) assert(sum === 0n, "a step's changes and transits sum to zero");
  else assertZeroSums(step.changes, step.transits);
}

function assertZeroSums(changes: readonly WalletChange[], transits: readonly Transit[]): void {
  const sums = new Map<string, bigint>();
  const add = (asset: string, amount: bigint) => sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  for (const { wallet, posted } of changes) add(wallet.asset, posted);
  for (const { asset, amount, direction } of transits) add(asset, direction === "out" ? amount : -amount);
  for (const sum of sums.values()) assert(sum === 0n, "a step's changes and transits sum to zero per asset");
}
