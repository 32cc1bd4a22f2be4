// The system that Coffer is compared with, running: PostgreSQL and an HTTP process before it.
//
// Owns both; ends them together, HTTP first. Neither outlives this process.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { stopChild } from "../../cluster/child-stop.ts";
import { BenchFailure } from "../bench-failure.ts";
import type { WatchedProcess } from "../process-usage.ts";
import type { BaselineOptions } from "./node-main.ts";
import { findPostgres, type PostgresSearch } from "./postgres.ts";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";

const MAIN_FILE = fileURLToPath(new URL("node-main.ts", import.meta.url));
const STOP_MS_MAX = 5_000;
const ERROR_BYTES_KEPT = 4_096;
/** Connections to PostgreSQL: the best of 4, 8, 16 and 32 on two cores (docs/performance-http.md). */
export const POOL_SIZE = 8;

/** How to start it. */
export interface BaselineSettings extends PostgresSearch {
  /** 32 bytes that nobody knows: the secret of the key. */
  readonly secret: Uint8Array;
  readonly poolSize?: number;
  readonly durability?: "strict" | "relaxed";
}

/** A running baseline. */
export interface Baseline {
  readonly url: string;
  /** The bearer that it lets in. */
  readonly key: string;
  readonly version: string;
  readonly postgres: PostgresServer;
  /** What to watch: names and pids as they are now. */
  processes(): Promise<WatchedProcess[]>;
  /** Returns when everything is gone. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL and the HTTP process on an empty ledger.
 * Errors: BenchFailure; nothing is left running then.
 */
export async function startBaseline(settings: BaselineSettings): Promise<Baseline> {
  const postgres = await startPostgres(await findPostgres(settings), settings.durability === "relaxed");
  const secret = Buffer.from(settings.secret).toString("base64url");
  const id = "baseline0000";
  const { host, port, user, database, version } = postgres;
  const hash = createHash("sha256").update(secret).digest("hex");
  try {
    const http = await startHttp({
      postgres: { host, port, user, database },
      poolSize: settings.poolSize ?? POOL_SIZE,
      key: { id, hash },
    });
    return {
      ...{ url: http.url, key: `legacy.${id}.${secret}`, version, postgres },
      processes: async () => [
        { name: "baseline", pids: [http.pid] },
        { name: "postgres", pids: await postgres.pids() },
      ],
      stop: async () => {
        await http.stop();
        await postgres.stop();
      },
    };
  } catch (thrown) {
    await postgres.stop();
    throw thrown;
  }
}

interface HttpProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

async function startHttp(options: BaselineOptions): Promise<HttpProcess> {
  const child = spawn(process.execPath, [MAIN_FILE, JSON.stringify(options)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    detached: true,
  });
  let errorOutput = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errorOutput = (errorOutput + text).slice(-ERROR_BYTES_KEPT);
  });
  const exited = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  const stop = async (): Promise<void> => await stopChild(child, exited, STOP_MS_MAX);
  const ready = new Promise<string>((resolve, reject) => {
    child.on("message", (message: { event: string; url?: string; message?: string }) => {
      if (message.event === "ready" && message.url !== undefined) resolve(message.url);
      else reject(new BenchFailure(`the baseline did not start: ${message.message ?? "unknown"}`));
    });
    void exited.then(() => reject(new BenchFailure(`the baseline ended: ${errorOutput.trim()}`)));
  });
  try {
    return { url: await ready, pid: child.pid ?? 0, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}
