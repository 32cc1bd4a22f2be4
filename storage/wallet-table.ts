// The wallet rows and the actors made from them. Owns loading (one query for many), numbering and the flush
// of what a turn changed: one UPDATE a wallet and turn, however many steps touched it. Does not own which
// wallets stay in memory (wallet-cache) nor what a step does to one (journal).

import type { WalletFields } from "../actors/ledger.ts";
import type { Wallet, WalletStatus } from "../actors/wallet.ts";
import { WalletCache } from "../actors/wallet-cache.ts";
import { assert } from "../protocol/assert.ts";
import type { Bound } from "../protocol/money.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { ownerOf, purseOf } from "../protocol/names.ts";
import type { Connection } from "./database.ts";
import { GenerationCache } from "./generation-cache.ts";
import type { MetaTable } from "./meta-table.ts";
import type { NameTable } from "./name-table.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import { StorageFault } from "./storage-error.ts";

/** Wallet statuses in the order of their stored numbers. */
export const WALLET_STATUSES = ["open", "frozen", "closed"] as const satisfies readonly WalletStatus[];

/** A wallet's row as SQLite gives it with safe integers. */
export interface WalletSqlRow {
  readonly number: bigint;
  readonly tenant: TenantName;
  readonly owner: OwnerName;
  readonly purse: string;
  readonly asset: AssetName;
  readonly openedMin: bigint | null;
  readonly openedMax: bigint | null;
  readonly meta: string | null;
  readonly posted: bigint;
  readonly held: bigint;
  readonly incoming: bigint;
  readonly min: bigint | null;
  readonly max: bigint | null;
  readonly status: bigint;
  readonly version: bigint;
  readonly lastStep: bigint;
}

/** Columns of {@link WalletSqlRow}; wallet is `w`, owner `o`, tenant `t`. */
export const WALLET_COLUMNS = `w.number, t.name AS tenant, o.name AS owner, w.purse, w.asset,
  w.opened_min AS openedMin, w.opened_max AS openedMax, w.meta, w.posted, w.held, w.incoming, w.min, w.max,
  w.status, w.version, w.last_step AS lastStep`;

const JOINED = `SELECT ${WALLET_COLUMNS} FROM tenant t JOIN owner o ON o.tenant = t.number
  JOIN wallet w ON w.owner = o.number`;

/** `named.value` is an owner:purse; CROSS JOIN keeps the order of the look-ups. */
const NAMED = `SELECT ${WALLET_COLUMNS} FROM json_each(?) named CROSS JOIN tenant t CROSS JOIN owner o
  CROSS JOIN wallet w WHERE t.name = ? AND o.tenant = t.number
  AND o.name = substr(named.value, 1, instr(named.value, ':') - 1)
  AND w.owner = o.number AND w.purse = substr(named.value, instr(named.value, ':') + 1)`;

/** Names of wallets kept by number, for journal rows. */
const NAMES_CACHED = 100_000;

/** See the file header. */
export class WalletTable {
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #names: NameTable;
  readonly #cache: WalletCache;
  readonly #walletNames = new GenerationCache<number, WalletName>(NAMES_CACHED);
  readonly #sql;
  #dirty: Wallet[] = [];

  constructor(database: Connection, log: StateLog, { meta, names }: { meta: MetaTable; names: NameTable }) {
    this.#log = log;
    this.#meta = meta;
    this.#names = names;
    this.#cache = new WalletCache();
    this.#sql = {
      one: database
        .prepare<[string, string, string], WalletSqlRow>(
          `${JOINED} WHERE t.name = ? AND o.name = ? AND w.purse = ?`,
        )
        .safeIntegers(true),
      many: database.prepare<[string, string], WalletSqlRow>(NAMED).safeIntegers(true),
      owned: database
        .prepare<[string, string], WalletSqlRow>(`${JOINED} WHERE t.name = ? AND o.name = ? ORDER BY w.purse`)
        .safeIntegers(true),
      name: database
        .prepare<[number], WalletName>(
          "SELECT o.name || ':' || w.purse FROM wallet w JOIN owner o ON o.number = w.owner WHERE w.number = ?",
        )
        .pluck(),
      insert: database.prepare(`INSERT INTO wallet (number, owner, purse, asset, opened_min, opened_max, meta,
        posted, held, incoming, min, max, status, version, last_step)
        VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, 0, 0, 0)`),
      update: database.prepare<
        (bigint | number | null)[]
      >(`UPDATE wallet SET posted = ?, held = ?, incoming = ?,
        min = ?, max = ?, status = ?, version = ?, last_step = ? WHERE number = ?`),
    };
  }

  /** The live actor, loaded on first use. */
  wallet(tenant: TenantName, name: WalletName): Wallet | undefined {
    const cached = this.#cache.get(tenant, name);
    if (cached) return cached;
    const row = this.#sql.one.get(tenant, ownerOf(name), purseOf(name));
    if (!row) return;
    const wallet = walletOf(row);
    this.#cache.put(wallet);
    return wallet;
  }

  /** Loads the wallets of a tenant that are not in memory, in one query. */
  prefetch(tenant: TenantName, names: readonly WalletName[]): void {
    const missing = new Set<WalletName>();
    for (const name of names) if (!this.#cache.has(tenant, name)) missing.add(name);
    if (missing.size === 0) return;
    for (const row of this.#sql.many.all(JSON.stringify([...missing]), tenant))
      this.#cache.put(walletOf(row));
  }

  /** All wallets of an owner by purse, as committed; not kept in memory. */
  owned(tenant: TenantName, owner: OwnerName): Wallet[] {
    return this.#sql.owned.all(tenant, owner).map(walletOf);
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

  /** Makes a wallet with version 0. Errors: asserts that it is new. */
  create(fields: WalletFields): Wallet {
    const { tenant, name, asset, min, max, meta } = fields;
    assert(this.wallet(tenant, name) === undefined, "a wallet is created once");
    const owner = this.#names.internOwner(tenant, ownerOf(name));
    const number = this.#meta.row.lastWallet + 1;
    this.#meta.row.lastWallet = number;
    this.#logCreation(number, owner.number, fields);
    const bounds = [sqlOf(min), sqlOf(max)];
    this.#sql.insert.run(number, owner.number, purseOf(name), asset, ...bounds, meta, ...bounds);
    this.#names.countWallet(owner);
    const wallet: Wallet = {
      number,
      tenant,
      name,
      asset,
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
    this.markDirty(wallet);
    return wallet;
  }

  /** Whether this object is the wallet's live actor: a copy that outlived a rollback is not. */
  isLive(wallet: Wallet): boolean {
    return wallet.dirty || this.#cache.get(wallet.tenant, wallet.name) === wallet;
  }

  /** Notes that a wallet changed and must be flushed. */
  markDirty(wallet: Wallet): void {
    if (wallet.dirty) return;
    wallet.dirty = true;
    this.#dirty.push(wallet);
  }

  /** Writes every wallet that the turn changed, in key order. */
  flush(): void {
    this.#dirty.sort((left, right) => left.number - right.number);
    for (const wallet of this.#dirty) {
      assert(wallet.version > 0, "a wallet that was created was also opened");
      this.#sql.update.run(
        wallet.posted,
        wallet.held,
        wallet.incoming,
        sqlOf(wallet.min),
        sqlOf(wallet.max),
        WALLET_STATUSES.indexOf(wallet.status),
        wallet.version,
        wallet.lastStep,
        wallet.number,
      );
    }
  }

  /** Bounds the memory after a commit. */
  committed(): void {
    for (const wallet of this.#dirty) wallet.dirty = false;
    this.#dirty = [];
    this.#cache.trim();
    this.#walletNames.trim();
  }

  /** Forgets everything: a rollback. */
  drop(): void {
    for (const wallet of this.#dirty) wallet.dirty = false;
    this.#dirty = [];
    this.#cache.clear();
    this.#walletNames.clear();
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

/** The actor that a row describes. Errors: `StorageFault` for a status that is none. */
export function walletOf(row: WalletSqlRow): Wallet {
  const status = WALLET_STATUSES[Number(row.status)];
  if (!status) throw new StorageFault("corrupt", `wallet ${row.number} has status ${row.status}`);
  return {
    number: Number(row.number),
    tenant: row.tenant,
    name: `${row.owner}:${row.purse}` as WalletName,
    asset: row.asset,
    openedMin: row.openedMin ?? "unlimited",
    openedMax: row.openedMax ?? "unlimited",
    meta: row.meta,
    posted: row.posted,
    held: row.held,
    incoming: row.incoming,
    min: row.min ?? "unlimited",
    max: row.max ?? "unlimited",
    status,
    version: Number(row.version),
    lastStep: Number(row.lastStep),
    dirty: false,
    warm: false,
  };
}
