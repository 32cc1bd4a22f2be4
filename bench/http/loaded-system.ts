// What a load is put on: the gateway of an installation of our own, the baseline, or one that runs already.
//
// Invariant: one that was started here is gone when `stop` returns, with its data.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { stopChild } from "../../cluster/child-stop.ts";
import { startBaseline } from "../baseline/baseline.ts";
import { BenchFailure } from "../bench-failure.ts";
import type { WatchedProcess } from "../process-usage.ts";
import { processTree } from "./process-tree.ts";

const CLI_FILE = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 20_000;
const ERROR_BYTES_KEPT = 4_096;

/** How commands survive a power cut. */
export type Durability = "strict" | "relaxed";

/** A system that answers. */
export interface LoadedSystem {
  readonly url: string;
  readonly key: string;
  /** What it is, for the report, such as `PostgreSQL 15.18`. */
  readonly about: string;
  /** What to watch, as it is now; empty for one that was not started here. */
  processes(): Promise<WatchedProcess[]>;
  stop(): Promise<void>;
}

/** A system that runs already; it stays. */
export function runningSystem(url: string, key: string): LoadedSystem {
  return { url, key, about: url, processes: () => Promise.resolve([]), stop: () => Promise.resolve() };
}

/** The baseline on an empty ledger. Errors: BenchFailure. */
export async function baselineSystem(settings: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly durability: Durability;
  readonly secret: Uint8Array;
  readonly poolSize?: number;
  readonly onProgress: (line: string) => void;
}): Promise<LoadedSystem> {
  const baseline = await startBaseline(settings);
  const { url, key, version, processes, stop } = baseline;
  return { url, key, about: `PostgreSQL ${version}`, processes, stop };
}

/**
 * An installation of its own with a gateway, as `coffer dev` starts it, on an empty directory.
 * Errors: BenchFailure with what it said last; nothing is left then.
 */
export async function cofferSystem({
  durability,
  shards,
}: {
  readonly durability: Durability;
  readonly shards: number;
}): Promise<LoadedSystem> {
  const directory = await mkdtemp(join(tmpdir(), "coffer-bench-http-"));
  const words = [
    "dev",
    "--json",
    "--no-demo",
    "--no-events",
    "--data",
    directory,
    "--durability",
    durability,
    "--shards",
    String(shards),
  ];
  const { NATS_URL: _, ...env } = process.env;
  const port = ["--http-port", String(await freePort())];
  const child = spawn(process.execPath, [CLI_FILE, ...words, ...port], {
    ...{ env, stdio: ["ignore", "pipe", "pipe"] },
    detached: true,
  });
  let errorOutput = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errorOutput = (errorOutput + text).slice(-ERROR_BYTES_KEPT);
  });
  const exited = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  const stop = async (): Promise<void> => {
    await stopChild(child, exited, STOP_MS_MAX);
    await rm(directory, { recursive: true, force: true });
  };
  const { promise: ready, resolve, reject } = Promise.withResolvers<{ url: string; key: string }>();
  const fail = (reason: string): void =>
    reject(new BenchFailure(`coffer dev ${reason}: ${errorOutput.trim()}`));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const gateway = gatewayIn(line);
    if (gateway !== null) resolve(gateway);
  });
  void exited.then(() => fail("ended"));
  const late = setTimeout(() => fail("was not ready in time"), READY_MS_MAX);
  try {
    const gateway = await ready;
    const pid = child.pid ?? 0;
    return { ...gateway, about: "Coffer", processes: async () => await processTree(pid), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  } finally {
    clearTimeout(late);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The gateway that a line of `coffer dev --json` tells of; null for every other line. */
export function gatewayIn(line: string): { readonly url: string; readonly key: string } | null {
  try {
    const told: { gateway?: { url?: unknown; key?: unknown } } = JSON.parse(line);
    const { url, key } = told.gateway ?? {};
    return typeof url === "string" && typeof key === "string" ? { url, key } : null;
  } catch {
    return null;
  }
}
