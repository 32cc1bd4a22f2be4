// Tenants and owners as numbers, so that rows and the command index need no names. Owns numbering (dense, in
// the order of first mention, therefore the same on every replay), the count of wallets an owner opened, and
// the newest step of each tenant, which events name as the one before.

import { assert } from "../protocol/assert.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import type { Connection } from "./database.ts";
import { GenerationCache, ScopedCache } from "./generation-cache.ts";
import type { StepPlaceInLog } from "./journal-step.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import { StorageFault } from "./storage-error.ts";

/** A tenant in memory. */
export interface TenantRow {
  readonly number: number;
  readonly name: TenantName;
  /** Journal number of its newest step, 0 = none. Changed by the journal. */
  lastStep: number;
  /** Where that step is; null = not looked up since the tenant was loaded. */
  lastPlace: StepPlaceInLog | null;
  isDirty: boolean;
}

/** An owner in memory. */
export interface OwnerRow {
  readonly number: number;
  readonly tenant: TenantName;
  readonly name: OwnerName;
  /** Wallets ever opened. */
  wallets: number;
}

/** Tenants kept in memory. */
const TENANTS_CACHED = 10_000;
/** Owners kept in memory. */
const OWNERS_CACHED = 200_000;

/** The plus signs: see database.ts. */
const OWNER = `SELECT o.number, t.name AS tenant, o.name, o.wallets
  FROM owner o JOIN tenant t ON t.number = o.tenant`;

/** See the file header. */
export class NameTable {
  readonly #log: StateLog;
  readonly #tenants = new GenerationCache<string, TenantRow>(TENANTS_CACHED);
  readonly #tenantNames = new GenerationCache<number, TenantName>(TENANTS_CACHED);
  readonly #owners = new ScopedCache<TenantName, OwnerName, OwnerRow>(OWNERS_CACHED);
  readonly #ownersByNumber = new GenerationCache<number, OwnerRow>(OWNERS_CACHED);
  #dirty: TenantRow[] = [];
  #lastTenant: TenantRow | null = null;
  readonly #sql;

  constructor(database: Connection, log: StateLog) {
    this.#log = log;
    this.#sql = {
      tenant: database.prepare<[string], { number: number; lastStep: number }>(
        "SELECT number, last_step AS lastStep FROM tenant WHERE name = ?",
      ),
      tenantName: database.prepare<[number], TenantName>("SELECT name FROM tenant WHERE number = ?").pluck(),
      addTenant: database.prepare<[string]>("INSERT INTO tenant (name, last_step) VALUES (?, 0)"),
      setStep: database.prepare<[number, number]>("UPDATE tenant SET last_step = ? WHERE number = ?"),
      owner: database.prepare<[string, string], OwnerRow>(`${OWNER} WHERE t.name = +? AND o.name = +?`),
      ownerNumbered: database.prepare<[number], OwnerRow>(`${OWNER} WHERE o.number = +?`),
      addOwner: database.prepare<[number, string]>(
        "INSERT INTO owner (tenant, name, wallets) VALUES (?, ?, 0)",
      ),
      setWallets: database.prepare<[number, number]>("UPDATE owner SET wallets = ? WHERE number = ?"),
    };
  }

  /** The tenant's row, made when it is new. */
  internTenant(name: TenantName): TenantRow {
    if (this.#lastTenant?.name === name) return this.#lastTenant;
    const row = this.#findTenant(name) ?? this.#addTenant(name);
    this.#lastTenant = row;
    return row;
  }

  /** A tenant's name by its number. Errors: `StorageFault` when there is none. */
  tenantName(number: number): TenantName {
    const cached = this.#tenantNames.get(number);
    if (cached !== undefined) return cached;
    const name = this.#sql.tenantName.get(number);
    if (name === undefined) throw new StorageFault("corrupt", `tenant ${number} is missing`);
    this.#tenantNames.set(number, name);
    return name;
  }

  /** Notes a tenant's newest step. */
  setLastStep(tenant: TenantRow, step: number, place: StepPlaceInLog): void {
    tenant.lastStep = step;
    tenant.lastPlace = place;
    if (!tenant.isDirty) this.#dirty.push(tenant);
    tenant.isDirty = true;
  }

  /** The owner's row, or undefined when it was never named here. */
  findOwner(tenant: TenantName, name: OwnerName): OwnerRow | undefined {
    const cached = this.#owners.get(tenant, name);
    if (cached) return cached;
    const row = this.#sql.owner.get(tenant, name);
    if (row) this.#keep(row);
    return row;
  }

  /** The owner's row, made when it is new. */
  internOwner(tenant: TenantName, name: OwnerName): OwnerRow {
    return this.findOwner(tenant, name) ?? this.#addOwner(tenant, name);
  }

  /** An owner by number. Errors: `StorageFault` when there is none. */
  owner(number: number): OwnerRow {
    const cached = this.#ownersByNumber.get(number);
    if (cached) return cached;
    const row = this.#sql.ownerNumbered.get(number);
    if (!row) throw new StorageFault("corrupt", `owner ${number} is missing`);
    const known = this.#owners.get(row.tenant, row.name) ?? row;
    this.#keep(known);
    return known;
  }

  /** Counts a wallet that the owner opened. */
  countWallet(owner: OwnerRow): void {
    owner.wallets += 1;
    this.#sql.setWallets.run(owner.wallets, owner.number);
  }

  /** Writes what the turn changed. */
  flush(): void {
    for (const tenant of this.#dirty) {
      this.#sql.setStep.run(tenant.lastStep, tenant.number);
      tenant.isDirty = false;
    }
    this.#dirty = [];
  }

  /** Bounds the memory: between turns. */
  trim(): void {
    this.#lastTenant = null;
    this.#tenants.trim();
    this.#tenantNames.trim();
    this.#owners.trim();
    this.#ownersByNumber.trim();
  }

  /** Forgets everything: a rollback. */
  drop(): void {
    this.#lastTenant = null;
    this.#dirty = [];
    this.#tenants.clear();
    this.#tenantNames.clear();
    this.#owners.clear();
    this.#ownersByNumber.clear();
  }

  #findTenant(name: TenantName): TenantRow | undefined {
    const cached = this.#tenants.get(name);
    if (cached) return cached;
    const found = this.#sql.tenant.get(name);
    if (!found) return;
    const row = { ...found, name, lastPlace: null, isDirty: false };
    this.#tenants.set(name, row);
    return row;
  }

  #addTenant(name: TenantName): TenantRow {
    this.#log.open(WRITE.tenant);
    const number = Number(this.#sql.addTenant.run(name).lastInsertRowid);
    this.#log.writer.varint(number);
    this.#log.writer.text(name);
    const row = { number, name, lastStep: 0, lastPlace: null, isDirty: false };
    this.#tenants.set(name, row);
    return row;
  }

  #addOwner(tenant: TenantName, name: OwnerName): OwnerRow {
    const tenantNumber = this.internTenant(tenant).number;
    this.#log.open(WRITE.owner);
    const number = Number(this.#sql.addOwner.run(tenantNumber, name).lastInsertRowid);
    this.#log.writer.varint(number);
    this.#log.writer.varint(tenantNumber);
    this.#log.writer.text(name);
    const row: OwnerRow = { number, tenant, name, wallets: 0 };
    this.#keep(row);
    return row;
  }

  #keep(row: OwnerRow): void {
    assert(row.number > 0, "owners are numbered from 1");
    this.#owners.set(row.tenant, row.name, row);
    this.#ownersByNumber.set(row.number, row);
  }
}
