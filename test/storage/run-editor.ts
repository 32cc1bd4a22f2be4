// Takes the runs of a shard file apart into rows, and writes them again as sound runs: what a sweep must see in rows
// is then not hidden behind a checksum, and a test can cut runs where it likes.

import Database from "better-sqlite3";
import { ByteWriter } from "../../storage/byte-writer.ts";
import { OpenRun, type RowPlace } from "../../storage/row-run.ts";
import { RunReader } from "../../storage/run-reader.ts";
import type { RunTableName } from "../../storage/schema.ts";

/** A row of a run. */
export interface RunRow {
  readonly number: number;
  readonly place: RowPlace;
  readonly parts: readonly Uint8Array[];
}

/**
 * Writes all rows of a table again.
 * @param rowsMax rows of a run at most
 */
export function editRuns(
  path: string,
  name: RunTableName,
  edit: (rows: RunRow[]) => RunRow[],
  rowsMax = 100,
): void {
  const database = new Database(path);
  try {
    const rows = edit(rowsOf(database, name));
    database.exec(`DELETE FROM ${name.table}`);
    const insert = database.prepare<[number, Uint8Array]>(`INSERT INTO ${name.table} VALUES (?, ?)`);
    const run = new OpenRun();
    const write = () => {
      if (run.count > 0) insert.run(run.first, run.seal());
      run.reset();
    };
    for (const row of rows) {
      if (run.count === rowsMax || row.number !== run.first + run.count) write();
      addRow(run, row);
    }
    write();
  } finally {
    database.close();
  }
}

function rowsOf(database: Database.Database, name: RunTableName): RunRow[] {
  const rows: RunRow[] = [];
  for (const run of new RunReader(database, name).from(1)) {
    for (let number = run.first; run.has(number); number += 1) {
      const parts: Uint8Array[] = [];
      for (let part = 0; part < name.parts; part += 1) {
        parts.push(Buffer.from(run.part(number, part) ?? new Uint8Array()));
      }
      rows.push({ number, place: run.placeOf(number), parts });
    }
  }
  return rows;
}

function addRow(run: OpenRun, { number, place, parts }: RunRow): void {
  const writer = new ByteWriter();
  run.addRow(number, place);
  for (const part of parts) {
    const start = writer.length;
    writer.raw(part);
    run.addPart(writer, start, writer.length);
  }
}
