// Holds by their command's number, their list by owner, and what of settled transfers was reversed. Owns which
// holds a listing shows (placed ones: not those that are still being placed or were refused).

import type { Hold } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import type { Connection } from "./database.ts";
import { readHold, writeHold } from "./hold-row.ts";
import type { NameTable } from "./name-table.ts";
import { type StateLog, WRITE } from "./state-log.ts";

interface HoldSqlRow {
  readonly number: number;
  readonly owner: number;
  readonly body: Uint8Array;
}

/** See the file header. */
export class HoldTable {
  readonly #log: StateLog;
  readonly #names: NameTable;
  readonly #sql;

  constructor(database: Connection, log: StateLog, names: NameTable) {
    this.#log = log;
    this.#names = names;
    this.#sql = {
      one: database.prepare<[number], HoldSqlRow>("SELECT number, owner, body FROM hold WHERE number = ?"),
      owner: database.prepare<[number], number>("SELECT owner FROM hold WHERE number = ?").pluck(),
      put: database.prepare<
        [number, number, number, Uint8Array]
      >(`INSERT INTO hold (number, owner, listed, body)
        VALUES (?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET listed = excluded.listed, body = excluded.body`),
      listed: database.prepare<[number, number, number], HoldSqlRow>(
        `SELECT number, owner, body FROM hold WHERE owner = ? AND listed = 1 AND number < ?
         ORDER BY number DESC LIMIT ?`,
      ),
      reversed: database
        .prepare<[number], bigint>("SELECT units FROM reversal WHERE number = ?")
        .pluck()
        .safeIntegers(),
      putReversed: database.prepare<[number, bigint]>(`INSERT INTO reversal (number, units) VALUES (?, ?)
        ON CONFLICT (number) DO UPDATE SET units = excluded.units`),
    };
  }

  /** Stores a new hold or its changed state. */
  put(hold: Hold): void {
    const owner = this.#names.internOwner(hold.tenant, hold.owner).number;
    assert(hold.left >= 0n && hold.captured >= 0n && hold.reversed >= 0n, "a hold's units are not negative");
    assert(hold.reversed <= hold.captured, "no more of a hold is reversed than was captured");
    this.#log.open(WRITE.hold);
    const { writer } = this.#log;
    writer.varint(hold.number);
    writer.varint(owner);
    const start = writer.length;
    writeHold(writer, hold);
    const isListed = hold.status !== "placing" && hold.status !== "refused";
    this.#sql.put.run(hold.number, owner, isListed ? 1 : 0, writer.view(start));
  }

  /** A hold by its command's number, or undefined. */
  hold(number: number): Hold | undefined {
    const row = this.#sql.one.get(number);
    return row && this.#read(row);
  }

  /** The number of a hold's owner. Errors: asserts that the hold exists. */
  ownerOf(number: number): number {
    const owner = this.#sql.owner.get(number);
    assert(owner !== undefined, "a hold exists before its timer");
    return owner;
  }

  /** Placed holds of an owner below a number, newest first. */
  listed(tenant: TenantName, owner: OwnerName, page: { below: number; limit: number }): Hold[] {
    const row = this.#names.findOwner(tenant, owner);
    if (!row) return [];
    return this.#sql.listed.all(row.number, page.below, page.limit).map((hold) => this.#read(hold));
  }

  /** Units of a settled transfer that are reversed or in a reverse under way. */
  reversed(number: number): bigint {
    return this.#sql.reversed.get(number) ?? 0n;
  }

  /** Stores them. */
  putReversed(number: number, units: bigint): void {
    assert(units >= 0n, "reversed units are not negative");
    this.#log.open(WRITE.reversed);
    this.#log.writer.varint(number);
    this.#log.writer.int64(units);
    this.#sql.putReversed.run(number, units);
  }

  #read({ number, owner, body }: HoldSqlRow): Hold {
    const { tenant, name } = this.#names.owner(owner);
    return readHold(body, { number, tenant, owner: name });
  }
}
