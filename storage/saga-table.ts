// Open sagas at their coordinator and prepared moves at the other shards. Rows live only while the move is
// under way; what came of it is in the journal and in the outcome.

import type { Prepared, Saga } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import { readPrepared, readSaga, writePrepared, writeSaga } from "./saga-row.ts";
import { type StateLog, WRITE } from "./state-log.ts";

/** See the file header. */
export class SagaTable {
  readonly #log: StateLog;
  readonly #sql;

  constructor(database: Connection, log: StateLog) {
    this.#log = log;
    this.#sql = {
      one: database.prepare<[number], Uint8Array>("SELECT body FROM saga WHERE number = ?").pluck(),
      put: database.prepare<[number, Uint8Array]>(`INSERT INTO saga (number, body) VALUES (?, ?)
        ON CONFLICT (number) DO UPDATE SET body = excluded.body`),
      end: database.prepare<[number]>("DELETE FROM saga WHERE number = ?"),
      prepared: database
        .prepare<[number, number], Uint8Array>("SELECT body FROM prepared WHERE coordinator = ? AND saga = ?")
        .pluck(),
      putPrepared: database.prepare<[number, number, Uint8Array]>(
        `INSERT INTO prepared (coordinator, saga, body) VALUES (?, ?, ?)
         ON CONFLICT (coordinator, saga) DO UPDATE SET body = excluded.body`,
      ),
      endPrepared: database.prepare<[number, number]>(
        "DELETE FROM prepared WHERE coordinator = ? AND saga = ?",
      ),
    };
  }

  /** Stores a saga or its changed state. */
  put(saga: Saga): void {
    this.#log.open(WRITE.saga);
    const { writer } = this.#log;
    writer.varint(saga.number);
    const start = writer.length;
    writeSaga(writer, saga);
    this.#sql.put.run(saga.number, writer.view(start));
  }

  /** An open saga, or undefined. */
  saga(number: number): Saga | undefined {
    const body = this.#sql.one.get(number);
    return body && readSaga(number, body);
  }

  /** Removes a saga. Errors: asserts that it was open. */
  end(number: number): void {
    this.#log.open(WRITE.sagaEnd);
    this.#log.writer.varint(number);
    assert(this.#sql.end.run(number).changes === 1, "a saga ends once");
  }

  /** Stores a prepared move. */
  putPrepared(prepared: Prepared): void {
    const { coordinator, saga } = prepared;
    this.#log.open(WRITE.prepared);
    const { writer } = this.#log;
    writer.varint(coordinator);
    writer.varint(saga);
    const start = writer.length;
    writePrepared(writer, prepared);
    this.#sql.putPrepared.run(coordinator, saga, writer.view(start));
  }

  /** A prepared move, or undefined. */
  prepared(coordinator: number, saga: number): Prepared | undefined {
    const body = this.#sql.prepared.get(coordinator, saga);
    return body && readPrepared(body, { coordinator, saga });
  }

  /** Removes a prepared move. Errors: asserts that it was there. */
  endPrepared(coordinator: number, saga: number): void {
    this.#log.open(WRITE.preparedEnd);
    this.#log.writer.varint(coordinator);
    this.#log.writer.varint(saga);
    const { changes } = this.#sql.endPrepared.run(coordinator, saga);
    assert(changes === 1, "a prepared move ends once");
  }
}
