/**
 * A real engine node for tests: a process of its own over a data directory, against a test's nats-server. It can
 * be killed and started again on the same data, and it is gone with the test.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineArguments } from "../../cli/dev/engine-process.ts";
import { createClusterFile, readClusterFile } from "../../cluster/cluster-file.ts";
import type { NodeEvent } from "../../engine/node-events.ts";
import { parseTenant } from "../../protocol/names.ts";

const READY_MS_MAX = 60_000;
/** A node that has not ended so long after SIGTERM is killed, ms. */
const STOP_MS_MAX = 15_000;

/** What a test may choose. */
export interface TestEngineOptions {
  readonly natsUrl: string;
  /** Default 4; must be the number in the server's mappings. */
  readonly shards?: number;
  /** An existing data directory, which `stop` then leaves. */
  readonly dataDir?: string;
  readonly events?: boolean;
  readonly workers?: number;
  readonly phases?: boolean;
  /** A program, with its arguments, that runs the node as its own process (`sh -c …; exec "$@"`, `strace -D …`). */
  readonly wrapper?: readonly [string, ...string[]];
}

/** A running node. */
export interface TestEngine {
  readonly dataDir: string;
  readonly pid: number;
  /** Everything that the node has said, in order. */
  readonly events: readonly NodeEvent[];
  /** Waits until an event that fits was said, also in the past. */
  heard(fits: (event: NodeEvent) => boolean): Promise<NodeEvent>;
  /** Resolves with the exit code, or null after a signal. */
  readonly exited: Promise<number | null>;
  /** SIGKILL; resolves when the process is gone. The data stays. */
  kill(): Promise<void>;
  /** Graceful end; resolves when the process is gone. The data stays. */
  end(): Promise<void>;
  /** Ends the node if it runs and removes a data directory that was made for it. */
  stop(): Promise<void>;
}

/** Makes an initialised data directory, by default in the system's directory for temporary files. */
export async function makeDataDir(
  shards: number,
  durability: "strict" | "relaxed" = "relaxed",
  parent: string = tmpdir(),
): Promise<string> {
  const dataDir = await mkdtemp(join(parent, "coffer-data-"));
  const tenant = parseTenant("demo");
  if (!tenant) throw new Error("demo is a tenant");
  const made = createClusterFile(dataDir, {
    format: 1,
    cluster: randomUUID(),
    shards,
    durability,
    replicas: 1,
    tenant,
  });
  if (!made.ok) throw new Error(made.error.message);
  return dataDir;
}

/** The cluster id of a data directory. */
export function clusterOf(dataDir: string): string {
  const file = readClusterFile(dataDir);
  if (!file.ok) throw new Error(file.error.message);
  return file.value.cluster;
}

/** Starts a node without waiting for it to be ready. */
export async function launchEngine(options: TestEngineOptions): Promise<TestEngine> {
  const isOwn = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await makeDataDir(options.shards ?? 4));
  const settings = JSON.stringify({
    natsUrl: options.natsUrl,
    dataDir,
    events: options.events ?? true,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.phases === undefined ? {} : { phases: options.phases }),
  });
  const command = [process.execPath, ...engineArguments(settings)] as const;
  const [program, ...args] = [...(options.wrapper ?? []), ...command];
  const child = spawn(program ?? process.execPath, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  return running(child, dataDir, isOwn);
}

/** Starts a node and waits until every shard is active. */
export async function startEngine(options: TestEngineOptions): Promise<TestEngine> {
  const engine = await launchEngine(options);
  try {
    const first = await engine.heard(({ event }) => event === "ready" || event === "failed");
    if (first.event === "failed") throw new Error(`the engine failed: ${first.code}: ${first.message}`);
    return engine;
  } catch (error) {
    await engine.kill();
    await engine.stop();
    throw error;
  }
}

function running(child: ChildProcess, dataDir: string, isOwn: boolean): TestEngine {
  const events: NodeEvent[] = [];
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  child.on("message", (event) => {
    events.push(event as NodeEvent);
    tell();
  });
  let hasExited = false;
  const exited = once(child, "exit").then(([code]) => {
    hasExited = true;
    setImmediate(tell);
    return code as number | null;
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return {
    dataDir,
    pid: child.pid ?? -1,
    events,
    exited,
    heard: async (fits) => {
      const deadline = AbortSignal.timeout(READY_MS_MAX);
      for (;;) {
        const found = events.find(fits);
        if (found) return found;
        if (deadline.aborted || hasExited) {
          const why = hasExited ? "the engine has ended" : "too long";
          throw new Error(`not heard: ${why}; it said ${JSON.stringify(events)}`);
        }
        await new Promise<void>((resolve) => {
          const listener = (): void => {
            listeners.delete(listener);
            resolve();
          };
          listeners.add(listener);
          deadline.addEventListener("abort", listener, { once: true });
        });
      }
    },
    kill: () => end("SIGKILL"),
    end: () => end("SIGTERM"),
    stop: async () => {
      const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
      await end("SIGTERM");
      clearTimeout(killer);
      if (isOwn) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
