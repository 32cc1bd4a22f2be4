// The wallet actors and the rows that they are made from. Owns loading (one query for many) and numbering. Does
// not own which wallets stay in memory (wallet-cache), what a step does to one (journal), nor when its balance is
// written (balance-table).
//
// Invariant: a wallet whose row lags behind the journal is in memory, so a row that is loaded is up to date.

import type { WalletFields } from "../actors/ledger.ts";
import type { Wallet } from "../actors/wallet.ts";
import { WalletCache } from "../actors/wallet-cache.ts";
import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import { ASSETS, TENANTS, WALLETS } from "../protocol/interned-names.ts";
import type { Bound } from "../protocol/money.ts";
import type { OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { ownerOf, purseOf } from "../protocol/names.ts";
import { shardOfWallet } from "../protocol/shard-map.ts";
import { BalanceTable, type WalletLagLimits } from "./balance-table.ts";
import type { Connection } from "./database.ts";
import { GenerationCache } from "./generation-cache.ts";
import type { MetaTable } from "./meta-table.ts";
import type { NameTable } from "./name-table.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import type { StepRow } from "./step-row.ts";
import { StorageFault } from "./storage-error.ts";
import { TurnWallets } from "./turn-wallets.ts";
import { WalletLag } from "./wallet-lag.ts";
import { WALLET_COLUMNS, WALLET_ROWS, type WalletSqlRow, walletOf } from "./wallet-row.ts";

const JOINED = `SELECT ${WALLET_COLUMNS} FROM tenant t JOIN owner o ON o.tenant = t.number
  JOIN wallet w ON w.owner = o.number JOIN balance b ON b.number = w.number`;

/** `named.value` is an owner:purse; CROSS JOIN keeps the order of the look-ups. */
const NAMED = `SELECT ${WALLET_COLUMNS} FROM json_each(?) named CROSS JOIN tenant t CROSS JOIN owner o
  CROSS JOIN wallet w CROSS JOIN balance b WHERE t.name = +? AND o.tenant = t.number
  AND o.name = substr(named.value, 1, instr(named.value, ':') - 1)
  AND w.owner = o.number AND w.purse = substr(named.value, instr(named.value, ':') + 1)
  AND b.number = w.number`;

/** Names of wallets kept by number, for journal rows. */
const NAMES_CACHED = 100_000;

/** What the wallets work with. */
export interface WalletParts {
  readonly meta: MetaTable;
  readonly names: NameTable;
  readonly lag: WalletLagLimits;
}

/** See the file header. */
export class WalletTable {
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #names: NameTable;
  readonly #cache: WalletCache;
  readonly #walletNames = new GenerationCache<number, WalletName>(NAMES_CACHED);
  readonly #balances: BalanceTable;
  readonly #turn = new TurnWallets();
  /** Wallets of a turn's commands that are to be loaded. */
  #missing = new Map<TenantName, Set<WalletName>>();
  readonly #sql;

  constructor(database: Connection, log: StateLog, { meta, names, lag }: WalletParts) {
    this.#log = log;
    this.#meta = meta;
    this.#names = names;
    this.#cache = new WalletCache();
    this.#balances = new BalanceTable(database, lag);
    this.#sql = {
      one: database
        .prepare<[string, string, string], WalletSqlRow>(
          `${JOINED} WHERE t.name = +? AND o.name = +? AND w.purse = +?`,
        )
        .safeIntegers(true),
      many: database.prepare<[string, string], WalletSqlRow>(NAMED).safeIntegers(true),
      owned: database
        .prepare<[string, string], WalletSqlRow>(
          `${JOINED} WHERE t.name = +? AND o.name = +? ORDER BY w.purse`,
        )
        .safeIntegers(true),
      name: database
        .prepare<[number], WalletName>(
          "SELECT o.name || ':' || w.purse FROM wallet w JOIN owner o ON o.number = w.owner WHERE w.number = +?",
        )
        .pluck(),
      numbered: database
        .prepare<[number], WalletSqlRow>(`${WALLET_ROWS} WHERE w.number = +?`)
        .safeIntegers(true),
      insert: database.prepare("INSERT INTO wallet VALUES (?, ?, ?, ?, ?, ?, ?)"),
    };
  }

  /** The live actor, loaded on first use. */
  wallet(tenant: TenantName, name: WalletName): Wallet | undefined {
    const loaded = this.loaded(tenant, name);
    if (loaded) return loaded;
    const row = this.#sql.one.get(tenant, ownerOf(name), purseOf(name));
    if (!row) return;
    const wallet = walletOf(row);
    this.#cache.put(wallet);
    return wallet;
  }

  /** The live actor if it is in memory; `undefined` does not say that there is none. */
  loaded(tenant: TenantName, name: WalletName): Wallet | undefined {
    const named = this.#turn.find(tenant, name);
    if (!named) return this.#cache.get(tenant, name);
    named.warm = true;
    return named;
  }

  /** Looks a wallet up that the turn will need; one that is not in memory is loaded by `loadExpected`. */
  expect(tenant: TenantName, name: WalletName): Wallet | undefined {
    const wallet = this.#cache.peek(tenant, name);
    if (!wallet) this.#miss(tenant, name);
    return wallet;
  }

  /** The same for the two wallets of a transfer, which are at hand when its id has been claimed. */
  expectPair(
    tenant: TenantName,
    id: CommandId,
    names: { readonly from: WalletName; readonly to: WalletName },
  ): void {
    this.#turn.push(tenant, id, names, this.expect(tenant, names.from), this.expect(tenant, names.to));
  }

  /** Loads what was expected and is not in memory, in one query for each tenant. */
  loadExpected(): void {
    if (this.#missing.size === 0) return;
    for (const [tenant, names] of this.#missing) {
      for (const row of this.#sql.many.all(JSON.stringify([...names]), tenant))
        this.#cache.put(walletOf(row));
    }
    this.#missing = new Map();
    this.#turn.fill(this.#cache);
  }

  /** A command is applied from here on. */
  seek(id: CommandId): void {
    this.#turn.seek(id);
  }

  /** The wallets of the turn are needed in their order once more. */
  rewind(): void {
    this.#turn.rewind();
  }

  /** A wallet of the command that was sought, if it was expected and is there. */
  expected(tenant: TenantName, name: WalletName): Wallet | undefined {
    return this.#turn.find(tenant, name);
  }

  /** All wallets of an owner by purse, as committed; not kept in memory. Between turns. */
  owned(tenant: TenantName, owner: OwnerName): Wallet[] {
    return this.#sql.owned.all(tenant, owner).map((row) => {
      const stored = walletOf(row);
      return this.#cache.peek(tenant, stored.name) ?? stored;
    });
  }

  /** A wallet as its row has it, or undefined: its balance may lag, what never changes is right. */
  stored(number: number): Wallet | undefined {
    const row = this.#sql.numbered.get(number);
    return row && walletOf(row);
  }

  /** A wallet's name by its number. Errors: `StorageFault` when there is none. */
  nameOf(number: number): WalletName {
    const cached = this.#walletNames.get(number);
    if (cached !== undefined) return cached;
    const name = this.#sql.name.get(number);
    if (name === undefined) throw new StorageFault("corrupt", `wallet ${number} is missing`);
    this.#walletNames.set(number, name);
    return name;
  }

  /**
   * Makes a wallet with version 0. Errors: asserts that it is new; whoever found none has loaded it if there is one, and
   * the key of the rows refuses a second.
   */
  create(fields: WalletFields): Wallet {
    const { tenant, name, asset, min, max, meta } = fields;
    assert(this.loaded(tenant, name) === undefined, "a wallet is created once");
    const owner = this.#names.internOwner(tenant, ownerOf(name));
    const number = this.#meta.row.lastWallet + 1;
    this.#meta.row.lastWallet = number;
    this.#logCreation(number, owner.number, fields);
    this.#sql.insert.run(number, owner.number, purseOf(name), asset, sqlOf(min), sqlOf(max), meta);
    this.#names.countWallet(owner);
    const wallet: Wallet = {
      number,
      owner: owner.number,
      tenant: TENANTS.intern(tenant),
      name: WALLETS.intern(name),
      asset: ASSETS.intern(asset),
      openedMin: min,
      openedMax: max,
      meta,
      posted: 0n,
      held: 0n,
      incoming: 0n,
      min,
      max,
      status: "open",
      version: 0,
      lastStep: 0,
      dirty: false,
      warm: true,
    };
    this.#cache.put(wallet);
    this.#balances.open(wallet);
    return wallet;
  }

  /** Whether this object is the wallet's live actor: a copy that outlived a rollback is not. */
  isLive(wallet: Wallet): boolean {
    return wallet.dirty || this.#cache.get(wallet.tenant, wallet.name) === wallet;
  }

  /** Notes that a wallet changed and must be written some time. */
  markDirty(wallet: Wallet): void {
    this.#balances.mark(wallet);
  }

  /** Writes this commit's share of the balances that lag, and moves the mark. */
  flush(): void {
    const { row } = this.#meta;
    row.walletsStep = this.#balances.flush(row.lastStep);
  }

  /** Whether rows lag behind the journal. */
  get lags(): boolean {
    return this.#balances.waiting > 0;
  }

  /** Writes all balances that lag, and moves the mark. */
  flushAll(): void {
    const { row } = this.#meta;
    row.walletsStep = this.#balances.flushAll(row.lastStep);
  }

  /**
   * Loads the wallets whose rows lag, after an opening or a rollback.
   * @param steps the journal behind `wallets_step`
   * Errors: `StorageFault` when a row does not fit the journal.
   */
  restore(steps: Iterable<StepRow>): void {
    const { walletsStep, lastStep } = this.#meta.row;
    this.#balances.restart(walletsStep, lastStep);
    const lag = new WalletLag(steps, (number) => this.stored(number));
    const [fault] = lag.faults;
    if (fault !== undefined) throw new StorageFault("corrupt", fault);
    for (const wallet of lag.behind()) {
      this.#cache.put(wallet);
      this.#balances.mark(wallet);
    }
  }

  /** Bounds the memory after a commit. */
  committed(): void {
    this.#turn.clear();
    this.#cache.trim();
    this.#walletNames.trim();
  }

  /** Forgets everything: a rollback. */
  drop(): void {
    this.#balances.drop();
    this.#turn.clear();
    this.#missing = new Map();
    this.#cache.clear();
    this.#walletNames.clear();
  }

  /** Wallets of other shards would be looked for in vain. */
  #miss(tenant: TenantName, name: WalletName): void {
    const { shard, shards } = this.#meta.row;
    if (shards > 1 && shardOfWallet(tenant, name, shards) !== shard) return;
    const names = this.#missing.get(tenant);
    if (names) names.add(name);
    else this.#missing.set(tenant, new Set([name]));
  }

  #logCreation(number: number, owner: number, { name, asset, min, max, meta }: WalletFields): void {
    this.#log.open(WRITE.wallet);
    const { writer } = this.#log;
    writer.varint(number);
    writer.varint(owner);
    writer.text(purseOf(name));
    writer.text(asset);
    writer.bound(min);
    writer.bound(max);
    writer.optionalText(meta);
  }
}

function sqlOf(bound: Bound): bigint | null {
  return bound === "unlimited" ? null : bound;
}
