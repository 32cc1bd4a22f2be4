// Moves that other shards coordinate and that this one has reserved for: a row each until they are decided, and the
// newest in memory, because each is asked for twice within some milliseconds, when it is prepared and when it is decided.
//
// Owns the rows and what of them is in memory. Invariants: a row that is not in memory is counted, so that the table is
// asked only when there is one; what is in memory leaves no trace.

import type { Prepared } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";
import { readPrepared, writePrepared } from "./saga-row.ts";
import { type StateLog, WRITE } from "./state-log.ts";

/** Reservations of moves in memory, about 150 bytes each; beyond it all are let go, and read again. */
const RESERVATIONS_KEPT_MAX = 50_000;

/** See the file header. */
export class PreparedTable {
  readonly #log: StateLog;
  readonly #sql;
  /** By coordinator, then by saga. */
  #kept = new Map<number, Map<number, Prepared>>();
  /** In the moves in memory. */
  #reservations = 0;
  /** Rows that are not in memory: nearly always none. */
  #others = 0;

  constructor(database: Connection, log: StateLog) {
    this.#log = log;
    this.#sql = {
      count: database.prepare<[], number>("SELECT count(*) FROM prepared").pluck(),
      one: database
        .prepare<[number, number], Uint8Array>("SELECT body FROM prepared WHERE coordinator = ? AND saga = ?")
        .pluck(),
      put: database.prepare<[number, number, Uint8Array]>(
        "INSERT INTO prepared (coordinator, saga, body) VALUES (?, ?, ?)",
      ),
      end: database.prepare<[number, number]>("DELETE FROM prepared WHERE coordinator = ? AND saga = ?"),
    };
    this.#others = this.#sql.count.get() ?? 0;
  }

  /** Stores a prepared move. Errors: the key refuses a second one. */
  put(prepared: Prepared): void {
    const { coordinator, saga } = prepared;
    this.#log.open(WRITE.prepared);
    const { writer } = this.#log;
    writer.varint(coordinator);
    writer.varint(saga);
    const start = writer.length;
    writePrepared(writer, prepared);
    this.#sql.put.run(coordinator, saga, writer.view(start));
    if (this.#reservations > RESERVATIONS_KEPT_MAX) this.#letGo();
    let sagas = this.#kept.get(coordinator);
    if (!sagas) {
      sagas = new Map();
      this.#kept.set(coordinator, sagas);
    }
    sagas.set(saga, prepared);
    this.#reservations += prepared.reserved.length;
  }

  /** A prepared move, or undefined. */
  prepared(coordinator: number, saga: number): Prepared | undefined {
    const kept = this.#kept.get(coordinator)?.get(saga);
    if (kept || this.#others === 0) return kept;
    const body = this.#sql.one.get(coordinator, saga);
    return body && readPrepared(body, { coordinator, saga });
  }

  /** Removes a prepared move. Errors: asserts that it was there. */
  end(coordinator: number, saga: number): void {
    this.#log.open(WRITE.preparedEnd);
    this.#log.writer.varint(coordinator);
    this.#log.writer.varint(saga);
    const { changes } = this.#sql.end.run(coordinator, saga);
    assert(changes === 1, "a prepared move ends once");
    const sagas = this.#kept.get(coordinator);
    const kept = sagas?.get(saga);
    if (kept) this.#reservations -= kept.reserved.length;
    if (!sagas?.delete(saga)) this.#others -= 1;
  }

  /** Forgets what is in memory and counts again: after a rollback. */
  reload(): void {
    this.#kept = new Map();
    this.#reservations = 0;
    this.#others = this.#sql.count.get() ?? 0;
  }

  #letGo(): void {
    for (const sagas of this.#kept.values()) this.#others += sagas.size;
    this.#kept = new Map();
    this.#reservations = 0;
  }
}
