// What this machine can do at best, measured beside the run, so that a figure can be judged without knowing the disk:
// one small synced write, PubAcks of the same server for small messages, and SQLite rows in the same shape of work.
//
// Does not own: the run. Each measure takes about a second, works on files and a stream of its own, and removes them.

import { fdatasync, ftruncate, open as openFile, write } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { NatsConnection } from "@nats-io/transport-node";
import type { BenchClock } from "./bench-clock.ts";

const MEASURE_MS = 1_000;
const SYNCS_MAX = 1_000;
const BLOCK_BYTES = 4_096;
const MESSAGE_BYTES = 150;
const ACKS_IN_FLIGHT = 512;
const ROWS_PER_TRANSACTION = 1_000;
const API_WAIT_MS = 5_000;

/** Figures of the machine; null = could not be measured here. */
export interface Reference {
  /** Median of one 4 KB write with fdatasync, ms. */
  readonly fsyncMs: number | null;
  /** Acknowledged 150-byte messages per second into one stream on disk, under the server's own sync setting. */
  readonly pubAcksPerSecond: number | null;
  /** Journal rows, each with an entry in an index of ids in time order, 1,000 a transaction, WAL with synchronous=FULL. */
  readonly sqliteRowsPerSecond: number | null;
}

/** Where and with what to measure. */
export interface ReferenceParts {
  /** Null = no server is measured. */
  readonly nc: NatsConnection | null;
  readonly clock: BenchClock;
  /** A directory on the disk in question. */
  readonly directory: string;
  /** Unique for this run. */
  readonly token: string;
  readonly inboxPrefix: string;
}

/** Measures all three, one after the other. Never rejects. */
export async function measureReference(parts: ReferenceParts): Promise<Reference> {
  const directory = await mkdtemp(join(parts.directory, "coffer-bench-")).catch(() => null);
  try {
    return {
      fsyncMs: directory === null ? null : await measureSync(directory, parts.clock).catch(() => null),
      pubAcksPerSecond: await measurePubAcks(parts).catch(() => null),
      sqliteRowsPerSecond:
        directory === null ? null : await measureRows(directory, parts.clock).catch(() => null),
    };
  } finally {
    if (directory !== null) await rm(directory, { recursive: true, force: true });
  }
}

async function measureSync(directory: string, clock: BenchClock): Promise<number> {
  const file = await promisify(openFile)(join(directory, "sync"), "w+");
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  const timesMs: number[] = [];
  await promisify(ftruncate)(file, BLOCK_BYTES * SYNCS_MAX);
  await promisify(fdatasync)(file);
  const endMs = clock.steadyMs() + MEASURE_MS;
  for (let index = 0; index < SYNCS_MAX && clock.steadyMs() < endMs; index += 1) {
    const startMs = clock.steadyMs();
    await promisify(write)(file, block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
    await promisify(fdatasync)(file);
    timesMs.push(clock.steadyMs() - startMs);
  }
  timesMs.sort((left, right) => left - right);
  return Math.round((timesMs[Math.floor(timesMs.length / 2)] ?? 0) * 1000) / 1000;
}

/** Publishes into a stream of its own with a bounded window and counts the acknowledgements. */
async function measurePubAcks({ nc, clock, token, inboxPrefix }: ReferenceParts): Promise<number | null> {
  if (nc === null) return null;
  const stream = `BENCH_${token}`;
  const subject = `bench.${token}`;
  const config = {
    name: stream,
    subjects: [subject],
    storage: "file",
    retention: "limits",
    num_replicas: 1,
    max_bytes: 256 * 2 ** 20,
  };
  await api(nc, `STREAM.CREATE.${stream}`, config);
  const inbox = `${inboxPrefix}.${token}.acks`;
  const payload = Buffer.alloc(MESSAGE_BYTES, 1);
  const { promise, resolve } = Promise.withResolvers<void>();
  const startMs = clock.steadyMs();
  let acked = 0;
  let sent = 0;
  const send = (): void => {
    sent += 1;
    nc.publish(subject, payload, { reply: inbox });
  };
  const subscription = nc.subscribe(inbox, {
    callback: () => {
      acked += 1;
      if (clock.steadyMs() - startMs < MEASURE_MS) send();
      else if (acked === sent) resolve();
    },
  });
  try {
    for (let index = 0; index < ACKS_IN_FLIGHT; index += 1) send();
    const late = setTimeout(resolve, MEASURE_MS + API_WAIT_MS);
    await promise;
    clearTimeout(late);
    return Math.round(acked / ((clock.steadyMs() - startMs) / 1000));
  } finally {
    subscription.unsubscribe();
    await api(nc, `STREAM.DELETE.${stream}`, {});
  }
}

async function api(nc: NatsConnection, action: string, request: object): Promise<void> {
  const answer = await nc.request(`$JS.API.${action}`, JSON.stringify(request), { timeout: API_WAIT_MS });
  const reply: unknown = answer.json();
  if (typeof reply === "object" && reply !== null && "error" in reply)
    throw new Error(`${action} was refused`);
}

async function measureRows(directory: string, clock: BenchClock): Promise<number> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(join(directory, "rows.db"));
  try {
    database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY");
    database.exec("CREATE TABLE journal(number INTEGER PRIMARY KEY, body BLOB) STRICT");
    database.exec("CREATE TABLE ids(id BLOB PRIMARY KEY, number INTEGER) STRICT, WITHOUT ROWID");
    const insert = database.prepare("INSERT INTO journal(number, body) VALUES(?, ?)");
    const index = database.prepare("INSERT INTO ids(id, number) VALUES(?, ?)");
    const id = Buffer.alloc(16, 1);
    const body = Buffer.alloc(80, 1);
    const startMs = clock.steadyMs();
    let rows = 0;
    while (clock.steadyMs() - startMs < MEASURE_MS) {
      database.exec("BEGIN");
      for (let row = rows; row < rows + ROWS_PER_TRANSACTION; row += 1) {
        id.writeUInt32BE(row, 4);
        insert.run(row, body);
        index.run(id, row);
      }
      database.exec("COMMIT");
      rows += ROWS_PER_TRANSACTION;
    }
    return Math.round(rows / ((clock.steadyMs() - startMs) / 1000));
  } finally {
    database.close();
  }
}
