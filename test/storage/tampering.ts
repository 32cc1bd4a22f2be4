// Changes shard files behind the program's back, and gives rows their checksums again, so that what a test changed is
// not hidden behind them.

import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import { rowSum } from "../../storage/row-sum.ts";

/** Gives every row that has a checksum the one that it should have. */
export const SUMMED = `
  UPDATE index_page SET sum = crc32(body);
  UPDATE index_filter SET sum = crc32(body);
  UPDATE index_layout SET sum = row_sum(seed, capacity, page_bits, block_bits, fan_out_bits);
  UPDATE index_run SET sum = row_sum(NULL, number, level, first, last, started, done);
  UPDATE hold SET sum = row_sum(body, number, owner, listed);
  UPDATE saga SET sum = row_sum(body, number);
  UPDATE saga_log SET sum = row_sum(body, number);
  UPDATE turn_log SET sum = row_sum(body, number)`;

/** Runs SQL on a file; `crc32` and `row_sum` are functions there. */
export function tamper(path: string, sql: string): void {
  const database = new Database(path);
  try {
    database.unsafeMode(true);
    database.pragma("foreign_keys = OFF");
    database.function("crc32", (body) => (body instanceof Uint8Array ? crc32(body) : null));
    database.function("row_sum", { varargs: true }, (body: unknown, ...numbers: unknown[]) =>
      rowSum(numbers.map(Number), body instanceof Uint8Array ? body : undefined),
    );
    database.exec(sql);
  } finally {
    database.close();
  }
}
