// The baseline's HTTP process. Takes one JSON argument, says over IPC when it listens, and ends when it is asked to or
// when nobody listens to it any more.
//
//   {"event":"ready","url":…} | {"event":"failed","message":…}        SIGTERM, closed channel ► ends

import fastify from "fastify";
import pg from "pg";
import { errorText } from "../../cluster/cluster-error.ts";
import { Ledger } from "./ledger.ts";
import { LEDGER_SCHEMA } from "./ledger-schema.ts";
import type { PostgresAddress } from "./postgres-server.ts";
import { addRoutes, type StoredKey } from "./routes.ts";

const BODY_BYTES_MAX = 2 * 2 ** 20;

/** What the process is told. */
export interface BaselineOptions {
  readonly postgres: PostgresAddress;
  readonly poolSize: number;
  readonly key: StoredKey;
}

const options: BaselineOptions = JSON.parse(process.argv[2] ?? "{}");
const pool = new pg.Pool({
  ...options.postgres,
  ...{ max: options.poolSize, pipeline: true, idleTimeoutMillis: 0 },
});
// As the gateway: a number is not taken for a text.
const server = fastify({
  ...{ logger: false, bodyLimit: BODY_BYTES_MAX },
  ajv: { customOptions: { coerceTypes: false } },
});

async function stop(): Promise<void> {
  await server.close();
  await pool.end();
  process.exit(0);
}

try {
  pool.on("error", () => undefined);
  await pool.query(LEDGER_SCHEMA);
  addRoutes(server, new Ledger(pool), options.key);
  const listening: Promise<string> = server.listen({ host: "127.0.0.1", port: 0 });
  const url = await listening;
  process.once("SIGTERM", () => void stop());
  process.once("disconnect", () => void stop());
  process.send?.({ event: "ready", url });
} catch (thrown) {
  process.send?.({ event: "failed", message: errorText(thrown) });
  process.exitCode = 1;
  await pool.end();
  process.disconnect?.();
}
