// Holds by their command's number, their list by owner, and what of settled transfers was reversed. A hold that the
// last turns placed or changed is in their log and in memory; it becomes a row when it is left alone. Owns which holds
// a listing shows (placed ones: not those that are still being placed or were refused).
//
// Invariant: of a hold that is in the log and a row, the log says what it is.

import type { Hold } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Connection } from "./database.ts";
import { holdNumbers, isListed, readHold, writeHold } from "./hold-row.ts";
import type { NameTable } from "./name-table.ts";
import { NumberedValues } from "./numbered-values.ts";
import { RowBatch } from "./row-batch.ts";
import { requireSum, rowSum, type SummedRow } from "./row-sum.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import type { LoggedHold, TurnLog } from "./turn-log.ts";

interface HoldSqlRow extends SummedRow {
  readonly number: number;
  readonly owner: number;
  readonly listed: number;
}

const HOLD_ROW = "SELECT number, owner, listed, sum, body FROM hold";

interface RecentHold {
  readonly hold: Hold;
  /** The owner's number. */
  readonly owner: number;
  /** The turn that changed it last. */
  readonly turn: number;
}

/** What the holds work with. */
export interface HoldParts {
  readonly names: NameTable;
  readonly turns: TurnLog;
}

/** See the file header. */
export class HoldTable {
  readonly #log: StateLog;
  readonly #names: NameTable;
  readonly #turns: TurnLog;
  /** By number. */
  readonly #recent = new NumberedValues<RecentHold>();
  readonly #rows: RowBatch;
  readonly #writer = new ByteWriter();
  readonly #sql;

  constructor(database: Connection, log: StateLog, { names, turns }: HoldParts) {
    this.#log = log;
    this.#names = names;
    this.#turns = turns;
    this.#rows = new RowBatch(database, "hold", ["number", "owner", "listed", "sum", "body"], "REPLACE");
    this.#sql = {
      one: database.prepare<[number], HoldSqlRow>(`${HOLD_ROW} WHERE number = ?`),
      listed: database.prepare<[number, number, number], HoldSqlRow>(
        `${HOLD_ROW} WHERE owner = ? AND listed = 1 AND number < ?
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
    const { number } = hold;
    const owner = this.#recent.get(number)?.owner ?? this.#names.internOwner(hold.tenant, hold.owner).number;
    assert(hold.left >= 0n && hold.captured >= 0n && hold.reversed >= 0n, "a hold's units are not negative");
    assert(hold.reversed <= hold.captured, "no more of a hold is reversed than was captured");
    const start = this.#log.open(WRITE.hold);
    const { writer } = this.#log;
    writer.varint(number);
    writer.varint(owner);
    writeHold(writer, hold);
    this.#turns.hold(writer, start);
    this.#note(hold, owner);
  }

  /** A hold by its command's number, or undefined. */
  hold(number: number): Hold | undefined {
    const recent = this.#recent.get(number);
    if (recent) return recent.hold;
    const row = this.#sql.one.get(number);
    return row && this.#readRow(row);
  }

  /** A hold that is in memory; undefined does not say that there is none. */
  loaded(number: number): Hold | undefined {
    return this.#recent.get(number)?.hold;
  }

  /** The number of the owner of a hold that the last turns changed. Errors: asserts that they did. */
  ownerOf(number: number): number {
    const recent = this.#recent.get(number);
    assert(recent !== undefined, "a hold is put before its timer is set");
    return recent.owner;
  }

  /** Placed holds of an owner below a number, newest first. Cost: linear in the page and in the holds in memory. */
  listed(tenant: TenantName, owner: OwnerName, page: { below: number; limit: number }): Hold[] {
    const row = this.#names.findOwner(tenant, owner);
    if (!row) return [];
    const { below, limit } = page;
    const recent = this.#recent.filter(
      (each) => each.owner === row.number && each.hold.number < below && isListed(each.hold),
    );
    const holds = recent.map(({ hold }) => hold);
    for (const stored of this.#sql.listed.all(row.number, below, limit)) {
      if (!this.#recent.get(stored.number)) holds.push(this.#readRow(stored));
    }
    return holds.sort((left, right) => right.number - left.number).slice(0, limit);
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

  /** Makes rows of the holds that only turns below one have changed. Cost: linear in the holds in memory. */
  moveOut(below: number): void {
    const old = this.#recent.filter(({ turn }) => turn < below);
    for (const { hold, owner } of old.sort((left, right) => left.hold.number - right.hold.number)) {
      this.#recent.take(hold.number);
      const start = this.#writer.length;
      writeHold(this.#writer, hold);
      const body = this.#writer.view(start);
      const columns = holdNumbers(hold.number, owner, isListed(hold) ? 1 : 0);
      this.#rows.push(...columns, rowSum(columns, body), body);
    }
    this.#rows.flush();
    this.#writer.reset();
  }

  /** A hold of the log, while it is read. Errors: `StorageFault("corrupt")`. */
  restore({ number, owner, body }: LoggedHold): void {
    this.#note(this.#read({ number, owner, body }), owner);
  }

  /** Forgets what is in memory: a rollback. */
  drop(): void {
    this.#recent.clear();
    this.#rows.drop();
    this.#writer.reset();
  }

  #note(hold: Hold, owner: number): void {
    this.#recent.set(hold.number, { hold, owner, turn: this.#turns.turn });
  }

  #readRow(row: HoldSqlRow): Hold {
    requireSum(row, holdNumbers(row.number, row.owner, row.listed), `hold ${row.number}`);
    return this.#read(row);
  }

  #read({ number, owner, body }: LoggedHold): Hold {
    const { tenant, name } = this.#names.owner(owner);
    return readHold(body, { number, tenant, owner: name });
  }
}
