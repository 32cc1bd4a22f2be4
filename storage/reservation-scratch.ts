// Adds up per wallet what is reserved, in a temporary database that spills to disk: open holds and moves may
// be millions, and a sweep's memory stays bounded.

import Database from "better-sqlite3";

/** What is reserved of one wallet. */
export interface ReservedSum {
  readonly held: bigint;
  readonly incoming: bigint;
}

/** See the file header. */
export class ReservationScratch implements Disposable {
  readonly #database: Database.Database;
  readonly #insert;
  readonly #range;

  constructor() {
    this.#database = new Database("");
    this.#database.pragma("journal_mode = OFF");
    this.#database.pragma("synchronous = OFF");
    this.#database.exec("CREATE TABLE reserved (wallet INTEGER, held INTEGER, incoming INTEGER)");
    this.#database.exec("CREATE INDEX reserved_wallet ON reserved (wallet)");
    this.#insert = this.#database.prepare<[number, bigint, bigint]>("INSERT INTO reserved VALUES (?, ?, ?)");
    this.#range = this.#database
      .prepare<[number], { held: bigint; incoming: bigint }>(
        "SELECT held, incoming FROM reserved WHERE wallet = ?",
      )
      .safeIntegers(true);
  }

  /** Adds a reservation of a wallet. */
  add(wallet: number, held: bigint, incoming: bigint): void {
    this.#insert.run(wallet, held, incoming);
  }

  /** What is reserved of a wallet; summed wider than int64. */
  sumOf(wallet: number): ReservedSum {
    let held = 0n;
    let incoming = 0n;
    for (const row of this.#range.all(wallet)) {
      held += row.held;
      incoming += row.incoming;
    }
    return { held, incoming };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
