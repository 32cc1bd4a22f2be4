// Open sagas at their coordinator. They live only while the move is under way; what came of it is in the journal and in
// the outcome. A saga starts in the log of the last turns (saga-log) and becomes a row here only if it outlives it.

import type { Saga } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Connection } from "./database.ts";
import type { Journal } from "./journal.ts";
import { requireSum, rowSum, type SummedRow } from "./row-sum.ts";
import { isSagaChange, writeSagaChange } from "./saga-change.ts";
import { SagaLog } from "./saga-log.ts";
import { readSaga, writeSaga } from "./saga-row.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import type { WalletTable } from "./wallet-table.ts";

/** What the sagas work with. */
export interface SagaParts {
  readonly journal: Journal;
  readonly wallets: WalletTable;
}

/** See the file header. */
export class SagaTable {
  readonly #log: StateLog;
  readonly #journal: Journal;
  readonly #recent: SagaLog;
  readonly #writer = new ByteWriter(1024);
  readonly #sql;
  /** Rows of the table `saga`: nearly always none, and then it is not asked. */
  #rows = 0;

  constructor(database: Connection, log: StateLog, { journal, wallets }: SagaParts) {
    this.#log = log;
    this.#journal = journal;
    this.#recent = new SagaLog(database, (number) => {
      const step = journal.step(number);
      const wallet = step?.entries[0] && wallets.stored(step.entries[0].wallet);
      return step && wallet && { step, wallet };
    });
    this.#sql = {
      one: database.prepare<[number], SummedRow>("SELECT sum, body FROM saga WHERE number = ?"),
      count: database.prepare<[], number>("SELECT count(*) FROM saga").pluck(),
      insert: database.prepare<[number, number, Uint8Array]>(
        "INSERT INTO saga (number, sum, body) VALUES (?, ?, ?)",
      ),
      end: database.prepare<[number]>("DELETE FROM saga WHERE number = ?"),
    };
    this.#rows = this.#sql.count.get() ?? 0;
  }

  /** Open sagas. */
  get openSagas(): number {
    return this.#recent.size + this.#rows;
  }

  /** Stores a saga or its changed state. */
  put(saga: Saga): void {
    const before = this.saga(saga.number);
    this.#log.open(WRITE.saga);
    const { writer } = this.#log;
    writer.varint(saga.number);
    const start = writer.length;
    if (before !== undefined && isSagaChange(before, saga)) {
      writeSagaChange(writer, before, saga);
      if (!this.#recent.change(saga, writer, start)) this.#putWhole(saga);
      return;
    }
    const plain = writeSaga(writer, saga, this.#journal.last);
    if (before && !this.#recent.has(saga.number)) this.#removeRow(saga.number);
    this.#recent.put(plain ?? saga, writer, start);
  }

  /** An open saga, or undefined. */
  saga(number: number): Saga | undefined {
    const recent = this.#recent.saga(number);
    if (recent || this.#rows === 0) return recent;
    const row = this.#sql.one.get(number);
    return row && readSagaRow(number, row);
  }

  /** Removes a saga. Errors: asserts that it was open. */
  end(number: number): void {
    this.#log.open(WRITE.sagaEnd);
    this.#log.writer.varint(number);
    assert(this.#recent.end(number) || this.#removeRow(number), "a saga ends once");
  }

  /** Writes what the turn changed. */
  flush(): void {
    this.#recent.flush((saga) => this.#insertRow(saga));
  }

  /** Reads what is in memory again: after a rollback. */
  reload(): void {
    this.#recent.reload();
    this.#rows = this.#sql.count.get() ?? 0;
  }

  /** Takes a saga that outlived the log back into it. */
  #putWhole(saga: Saga): void {
    this.#writer.reset();
    writeSaga(this.#writer, saga);
    this.#removeRow(saga.number);
    this.#recent.put(saga, this.#writer, 0);
  }

  #insertRow(saga: Saga): void {
    this.#writer.reset();
    writeSaga(this.#writer, saga);
    const body = this.#writer.view();
    this.#sql.insert.run(saga.number, rowSum([saga.number], body), body);
    this.#rows += 1;
  }

  /** @returns whether there was one */
  #removeRow(number: number): boolean {
    if (this.#rows === 0 || this.#sql.end.run(number).changes === 0) return false;
    this.#rows -= 1;
    return true;
  }
}

/** Reads a row of the table `saga`. Errors: `StorageFault("corrupt")`. */
export function readSagaRow(number: number, row: SummedRow): Saga {
  requireSum(row, [number], `saga ${number}`);
  return readSaga(number, row.body);
}
