/**
 * A real redis-server for tests: on a free port, without persistence, in a directory of its own, gone with the test.
 * Owns the directory, the process and one client of its own, with which a test looks and meddles.
 * Guards against: a server that a failed test leaves behind (it also dies with the test's process).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { isProcessAlive } from "../../cluster/process-alive.ts";
import type { ServerProcess } from "../../cluster/server-process.ts";
import { startServerProcess } from "../../cluster/server-process.ts";
import { until } from "./condition.ts";
import { freePort } from "./free-port.ts";
import type { RedisBinary } from "./redis-binary.ts";
import { findRedisServer } from "./redis-binary.ts";

/** A running server. */
export interface TestRedis {
  readonly url: string;
  /** Sends one command on a connection of the test's own. */
  command(...args: readonly string[]): Promise<unknown>;
  /** SIGKILL; returns when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: the connections stay, nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

let binary: Promise<RedisBinary> | null = null;

/** Starts a server; `stop` ends it and removes its directory. Returns once it answers. */
export async function startTestRedis(): Promise<TestRedis> {
  binary ??= findRedisServer(process.env);
  const found = await binary;
  const directory = await mkdtemp(join(tmpdir(), "coffer-redis-"));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server = await started(found, directory, port);
  let client = await connected(url);
  return {
    url,
    command: async (...args) => await client.sendCommand([...args]),
    kill: async () => {
      process.kill(server.pid, "SIGKILL");
      await server.exited;
    },
    freeze: () => process.kill(server.pid, "SIGSTOP"),
    thaw: () => process.kill(server.pid, "SIGCONT"),
    restart: async () => {
      if (client.isOpen) client.destroy();
      server = await started(found, directory, port);
      client = await connected(url);
    },
    stop: async () => {
      if (client.isOpen) client.destroy();
      if (isProcessAlive(server.pid)) process.kill(server.pid, "SIGCONT");
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function started(found: RedisBinary, directory: string, port: number): Promise<ServerProcess> {
  const settings = { port, bind: "127.0.0.1", save: "", appendonly: "no", dir: directory, daemonize: "no" };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value.toString()]);
  return await startServerProcess(found.path, args, {
    cwd: directory,
    pidFile: join(directory, "pid"),
    env: found.env,
  });
}

type Client = ReturnType<typeof newClient>;

function newClient(url: string) {
  return createClient({ url, RESP: 2, socket: { reconnectStrategy: false } });
}

async function connected(url: string): Promise<Client> {
  return await until("redis-server answers", async () => {
    const client = newClient(url);
    client.on("error", () => undefined);
    await client.connect();
    return client;
  });
}
