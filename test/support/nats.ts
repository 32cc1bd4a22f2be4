/**
 * A real nats-server for tests: on free ports, in a directory of its own, gone with the test.
 * Owns the directory and the connections that it hands out. Does not create streams: a test says what it needs.
 * Guards against: a server or a file that a failed test leaves behind (the server also dies with the test's process).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../../cluster/connection.ts";
import { openConnection } from "../../cluster/connection.ts";
import type { NatsBinary } from "../../cluster/nats-binary.ts";
import { findNatsServer } from "../../cluster/nats-binary.ts";
import { SYNC_OF_PROFILE } from "../../cluster/nats-conf.ts";
import type { NatsServer } from "../../cluster/nats-server.ts";
import { startNatsServer } from "../../cluster/nats-server.ts";

/** What a test may choose. Default: 4 shards, `relaxed` (no fsync a message). */
export interface TestNatsOptions {
  readonly shards?: number;
  readonly durability?: "strict" | "relaxed";
}

/**
 * A running server. `restart` ends it (by default gracefully) and starts it on the same port and store; `meanwhile` runs
 * between the two, when nobody has the store open.
 */
export interface TestNats {
  readonly url: string;
  readonly conf: string;
  readonly directory: string;
  readonly server: () => NatsServer;
  /** A connection that `stop` closes. */
  connect(name?: string): Promise<Connection>;
  restart(how?: "stop" | "kill", meanwhile?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

let binary: Promise<NatsBinary> | null = null;

/** The nats-server that all tests of this process use; fetched when the machine has none. */
export async function testNatsBinary(): Promise<NatsBinary> {
  binary ??= findNatsServer({ env: process.env, onProgress: (line) => console.error(line) });
  return await binary;
}

/** Starts a server; `stop` ends it and removes its directory. */
export async function startTestNats(options: TestNatsOptions = {}): Promise<TestNats> {
  const directory = await mkdtemp(join(tmpdir(), "coffer-nats-"));
  const connections: Connection[] = [];
  const settings = {
    binary: (await testNatsBinary()).path,
    directory,
    shards: options.shards ?? 4,
    sync: SYNC_OF_PROFILE[options.durability ?? "relaxed"],
  };
  let server = await startNatsServer(settings);
  const { port, url, confFile } = server;
  return {
    url,
    conf: confFile,
    directory,
    server: () => server,
    connect: async (name = "test") => {
      const connection = await openConnection({ servers: url, name });
      connections.push(connection);
      return connection;
    },
    restart: async (how = "stop", meanwhile) => {
      if (how === "kill") process.kill(server.pid, "SIGKILL");
      await (how === "kill" ? server.exited : server.stop());
      await meanwhile?.();
      server = await startNatsServer({ ...settings, port });
    },
    stop: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
