// Appends rows sixteen at a time. A single-row INSERT through better-sqlite3 costs 1.9 µs, one row of a
// sixteen-row INSERT 0.9 µs (measured, 140-byte blobs). Owns rows that were not inserted yet: whoever reads
// the table within the turn flushes first.

import { assert } from "../protocol/assert.ts";
import type { Connection } from "./database.ts";

const ROWS = 16;
/** Rows of the smaller statements: what is left at a flush takes one of each at most. */
const REST_ROWS = [8, 4, 2, 1] as const;

/** A value that SQLite binds. */
export type Bindable = number | bigint | string | Uint8Array | null;

/** A statement that inserts a fixed number of rows. The values go over as one list: as arguments they are copied twice. */
interface Insert {
  run(values: readonly Bindable[]): unknown;
}

/** See the file header. */
export class RowBatch {
  readonly #columns: number;
  readonly #many: Insert;
  readonly #rest: readonly { readonly rows: number; readonly insert: Insert }[];
  #values: Bindable[] = [];

  /** @param verb `REPLACE` when the row of a key may be there already */
  constructor(
    database: Connection,
    table: string,
    columns: readonly string[],
    verb: "INSERT" | "REPLACE" = "INSERT",
  ) {
    const row = `(${columns.map(() => "?").join(", ")})`;
    const head = `${verb} INTO ${table} (${columns.join(", ")}) VALUES `;
    this.#columns = columns.length;
    const insert = (rows: number): Insert =>
      database.prepare<[readonly Bindable[]]>(head + Array.from({ length: rows }, () => row).join(", "));
    this.#many = insert(ROWS);
    this.#rest = REST_ROWS.map((rows) => ({ rows, insert: insert(rows) }));
  }

  /** Adds a row; blobs must stay unchanged until the next flush. */
  push(...values: Bindable[]): void {
    assert(values.length === this.#columns, "a row has a value for each column");
    for (const value of values) this.#values.push(value);
    if (this.#values.length === ROWS * this.#columns) this.#insertMany();
  }

  /** Inserts what waits. */
  flush(): void {
    const waiting = this.#values;
    if (waiting.length === 0) return;
    let at = 0;
    for (const { rows, insert } of this.#rest) {
      const end = at + rows * this.#columns;
      if (end > waiting.length) continue;
      insert.run(waiting.slice(at, end));
      at = end;
    }
    assert(at === waiting.length, "the smaller statements take every rest");
    this.#values = [];
  }

  /** Forgets what waits: a rollback. */
  drop(): void {
    this.#values = [];
  }

  #insertMany(): void {
    this.#many.run(this.#values);
    this.#values.length = 0;
  }
}
