// The NATS server of a dev: our own child on the data directory, restarted on the same port, or one that runs
// already and is only checked (mappings tried, sync setting read where its monitoring can be reached).
//
// Does not own: streams (the engine creates them).

import { createServer } from "node:net";
import { join } from "node:path";
import type { ClusterFile } from "../../cluster/cluster-file.ts";
import type { Connection } from "../../cluster/connection.ts";
import { openConnection } from "../../cluster/connection.ts";
import type { SyncFinding } from "../../cluster/mapping-probe.ts";
import { probeMappings, probeSync } from "../../cluster/mapping-probe.ts";
import { findNatsServer } from "../../cluster/nats-binary.ts";
import { SYNC_OF_PROFILE } from "../../cluster/nats-conf.ts";
import type { NatsServer } from "../../cluster/nats-server.ts";
import { startNatsServer } from "../../cluster/nats-server.ts";
import { CliFailure } from "../failure.ts";
import type { Surroundings } from "../surroundings.ts";
import type { Running, Supervised } from "./supervisor.ts";
import { Supervisor } from "./supervisor.ts";

/** The port that clients try when nothing else is said. */
export const NATS_PORT = 4222;

/** Asks for whatever port is free. */
export const FREE_PORT = -1;

/** A server that serves. */
export interface NatsService {
  readonly url: string;
  readonly version: string | null;
  /** What is known about syncing before an acknowledgement; `own` servers are configured by the profile. */
  readonly sync: SyncFinding;
  /** Null when the server is not ours. */
  readonly supervisor: Supervisor | null;
  /** Syncs the store of our own server; does nothing for another's. */
  syncStore(): Promise<void>;
}

/** What an own server needs. */
export interface OwnServer {
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  /** Null = 4222, or a free one when that is taken; -1 = a free one. */
  readonly port: number | null;
  readonly surroundings: Surroundings;
  readonly onProgress: (line: string) => void;
  readonly onRestart: Supervised["onRestart"];
}

/**
 * Finds or fetches nats-server and starts it on the data directory.
 * Errors: ClusterError `nats_server_missing`, `nats_server_fetch_failed`, `nats_server_start_failed`, …;
 * CliFailure `port_in_use` for a port that was asked for.
 */
export async function startOwnServer(own: OwnServer): Promise<NatsService> {
  const binary = await findNatsServer({ env: own.surroundings.env, onProgress: own.onProgress });
  let port = await choosePort(own.port);
  let current: NatsServer | null = null;
  const start = async (): Promise<Running> => {
    const server = await startNatsServer({
      binary: binary.path,
      directory: join(own.dataDir, "nats"),
      shards: own.cluster.shards,
      sync: SYNC_OF_PROFILE[own.cluster.durability],
      port,
    });
    current = server;
    port = server.port;
    const ended = server.exited.then(({ reason }) => ({ reason, isFinal: false, code: "nats_server_ended" }));
    return { pid: server.pid, ended, stop: () => server.stop() };
  };
  const { onRestart, surroundings } = own;
  const supervisor = new Supervisor({ name: "nats-server", start, clock: surroundings.clock, onRestart });
  await supervisor.start().catch(async (thrown: unknown) => {
    // Whoever else starts now may have taken the port after we looked.
    if (port === FREE_PORT || (await isFree(port))) throw thrown;
    port = portInstead(own.port);
    await supervisor.start();
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    version: binary.version,
    sync: own.cluster.durability === "strict" ? "always" : "interval",
    supervisor,
    syncStore: async () => await current?.syncStore(),
  };
}

/**
 * Checks a server that runs already: its mappings for this number of shards, and how it syncs.
 * Errors: ClusterError `nats_unreachable`, `mapping_missing` (its message holds the mapping to add).
 */
export async function checkExternalServer(
  connect: { readonly url: string; readonly credentials: Uint8Array | null; readonly waitMs: number },
  cluster: ClusterFile,
): Promise<NatsService> {
  const connection: Connection = await openConnection({
    servers: connect.url,
    name: "coffer-dev",
    connectWaitMs: connect.waitMs,
    ...(connect.credentials === null ? {} : { credentials: connect.credentials }),
  });
  try {
    await probeMappings(connection.nc, cluster.shards);
    const sync = await probeSync(connection.nc);
    const version = connection.nc.info?.version ?? null;
    return { url: connect.url, version, sync, supervisor: null, syncStore: () => Promise.resolve() };
  } finally {
    await connection.close();
  }
}

async function choosePort(wanted: number | null): Promise<number> {
  if (wanted === FREE_PORT) return FREE_PORT;
  return (await isFree(wanted ?? NATS_PORT)) ? (wanted ?? NATS_PORT) : portInstead(wanted);
}

/** What to listen on when a port is taken: only one that nobody asked for is left for a free one. */
function portInstead(wanted: number | null): number {
  if (wanted === null) return FREE_PORT;
  throw new CliFailure(
    "port_in_use",
    `Port ${wanted} is in use. Name another with --nats-port, or leave it out.`,
  );
}

/** Whether nothing listens on a loopback port. Never throws. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port }, () => server.close(() => resolve(true)));
  });
}
