// The statements of the read-only door, prepared once: every table by key in pages, and single look-ups. Owns
// the SQL; does not own decoding (read-only-shard.ts). Everything that can be large is read in pages behind a key, so
// that no sweep holds a table in memory.

import type { AssetName, OwnerName, TenantName } from "../protocol/names.ts";
import type { Connection } from "./database.ts";
import { PAIR_COLUMNS, type PairSqlRow } from "./pair-table.ts";
import type { SummedRow } from "./row-sum.ts";
import { SAGA_LOG_ROWS, type SagaLogRow } from "./saga-log.ts";
import type { TimerSqlRow } from "./timer-row.ts";
import { TURN_LOG_ROWS, type TurnLogRow } from "./turn-log.ts";
import { WALLET_ROWS, type WalletSqlRow } from "./wallet-row.ts";

/** Key of the last row, rows at most. */
type PageOf = [number, number];

/** A hold with its owner's names; its checksum is over `number`, `ownerNumber` and `listed`. */
export interface HoldSqlRow extends SummedRow {
  readonly number: number;
  readonly ownerNumber: number;
  readonly listed: number;
  readonly tenant: TenantName;
  readonly owner: OwnerName;
}

const HOLD = `SELECT h.number, h.owner AS ownerNumber, h.listed, h.sum, h.body, t.name AS tenant, o.name AS owner
  FROM hold h JOIN owner o ON o.number = h.owner JOIN tenant t ON t.number = o.tenant`;

/** Prepared statements; see {@link readStatements}. */
export type ReadStatements = ReturnType<typeof readStatements>;

/** Prepares the statements of the read-only door. */
export function readStatements(database: Connection) {
  return { ...pageStatements(database), ...lookUpStatements(database), ...sweepStatements(database) };
}

function pageStatements(database: Connection) {
  const behind = (key: string) => `WHERE ${key} > ? ORDER BY ${key} LIMIT ?`;
  return {
    tenants: database.prepare<PageOf, { number: number; name: TenantName; lastStep: number }>(
      `SELECT number, name, last_step AS lastStep FROM tenant ${behind("number")}`,
    ),
    owners: database.prepare<
      PageOf,
      { number: number; tenant: TenantName; name: OwnerName; wallets: number }
    >(
      `SELECT o.number, t.name AS tenant, o.name, o.wallets FROM owner o
       JOIN tenant t ON t.number = o.tenant ${behind("o.number")}`,
    ),
    wallets: database
      .prepare<PageOf, WalletSqlRow>(`${WALLET_ROWS} ${behind("w.number")}`)
      .safeIntegers(true),
    holds: database.prepare<PageOf, HoldSqlRow>(`${HOLD} ${behind("h.number")}`),
    reversals: database
      .prepare<PageOf, { number: bigint; units: bigint }>(`SELECT * FROM reversal ${behind("number")}`)
      .safeIntegers(true),
    sagas: database.prepare<PageOf, SummedRow & { number: number }>(`SELECT * FROM saga ${behind("number")}`),
    sagaLog: database.prepare<[], SagaLogRow>(SAGA_LOG_ROWS),
    turnLog: database.prepare<[], TurnLogRow>(TURN_LOG_ROWS),
    prepared: database.prepare<
      [number, number, number],
      { coordinator: number; saga: number; body: Uint8Array }
    >("SELECT * FROM prepared WHERE (coordinator, saga) > (?, ?) ORDER BY coordinator, saga LIMIT ?"),
    timers: database.prepare<PageOf, TimerSqlRow & { owner: number | null; parked: number }>(
      `SELECT * FROM timer ${behind("id")}`,
    ),
    pairs: database.prepare<[], PairSqlRow>(`SELECT ${PAIR_COLUMNS} FROM pair ORDER BY peer`),
    pairMoney: database.prepare<[], { peer: number; direction: number; asset: AssetName; sum: string }>(
      "SELECT * FROM pair_money ORDER BY peer, direction, asset",
    ),
    outbox: database.prepare<
      [number, number, number],
      { number: number; items: number; body: Uint8Array; hash: Uint8Array; money: Uint8Array | null }
    >(
      "SELECT number, items, body, hash, money FROM outbox WHERE peer = ? AND number > ? ORDER BY number LIMIT ?",
    ),
    recordHashes: database.prepare<PageOf, { first: number; hashes: Uint8Array }>(
      `SELECT * FROM record_hash_run ${behind("first")}`,
    ),
  };
}

function lookUpStatements(database: Connection) {
  return {
    wallet: database.prepare<[number], WalletSqlRow>(`${WALLET_ROWS} WHERE w.number = +?`).safeIntegers(true),
    walletNumber: database
      .prepare<[string, string, string], number>(
        `SELECT w.number FROM tenant t JOIN owner o ON o.tenant = t.number JOIN wallet w ON w.owner = o.number
         WHERE t.name = +? AND o.name = +? AND w.purse = +?`,
      )
      .pluck(),
    hold: database.prepare<[number], HoldSqlRow>(`${HOLD} WHERE h.number = +?`),
    owner: database.prepare<[number], { tenant: TenantName; owner: OwnerName }>(
      `SELECT t.name AS tenant, o.name AS owner FROM owner o JOIN tenant t ON t.number = o.tenant
       WHERE o.number = +?`,
    ),
    saga: database.prepare<[number], SummedRow>("SELECT sum, body FROM saga WHERE number = ?"),
    hasTimer: database
      .prepare<[number, number], number>("SELECT 1 FROM timer WHERE kind = ? AND target = ?")
      .pluck(),
  };
}

function sweepStatements(database: Connection) {
  return {
    miscountedOwners: database
      .prepare<[number], number>(
        "SELECT number FROM owner o WHERE wallets <> (SELECT count(*) FROM wallet w WHERE w.owner = o.number) LIMIT ?",
      )
      .pluck(),
    integrity: database.prepare<[], string>("PRAGMA integrity_check(20)").pluck(),
  };
}
