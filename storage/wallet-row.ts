// The stored form of a wallet: what never changes in `wallet`, what traffic changes in `balance`, under the same
// number. Owns the columns and how two rows become an actor. Does not own when a balance is written
// (balance-table.ts): a row may lag behind the journal, so whoever reads rows brings them up to date
// (wallet-lag.ts).

import type { Wallet, WalletStatus } from "../actors/wallet.ts";
import { ASSETS, TENANTS, WALLETS } from "../protocol/interned-names.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { StorageFault } from "./storage-error.ts";

/** Wallet statuses in the order of their stored numbers. */
export const WALLET_STATUSES = ["open", "frozen", "closed"] as const satisfies readonly WalletStatus[];

/** A wallet's rows as SQLite gives them with safe integers. */
export interface WalletSqlRow {
  readonly number: bigint;
  readonly ownerNumber: bigint;
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

/** Columns of {@link WalletSqlRow}; wallet is `w`, balance `b`, owner `o`, tenant `t`. */
export const WALLET_COLUMNS = `w.number, w.owner AS ownerNumber, t.name AS tenant, o.name AS owner, w.purse, w.asset,
  w.opened_min AS openedMin, w.opened_max AS openedMax, w.meta, b.posted, b.held, b.incoming, b.min, b.max,
  b.status, b.version, b.last_step AS lastStep`;

/** Wallets with all that belongs to them, for look-ups by number. */
export const WALLET_ROWS = `SELECT ${WALLET_COLUMNS} FROM wallet w JOIN balance b ON b.number = w.number
  JOIN owner o ON o.number = w.owner JOIN tenant t ON t.number = o.tenant`;

/** The actor that a wallet's rows describe; its names are the strings that commands hold, which are then told by their address. Errors: `StorageFault` for a status that is none. */
export function walletOf(row: WalletSqlRow): Wallet {
  const status = WALLET_STATUSES[Number(row.status)];
  if (!status) throw new StorageFault("corrupt", `wallet ${row.number} has status ${row.status}`);
  return {
    number: Number(row.number),
    owner: Number(row.ownerNumber),
    tenant: TENANTS.intern(row.tenant),
    name: WALLETS.intern(`${row.owner}:${row.purse}` as WalletName),
    asset: ASSETS.intern(row.asset),
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
