// NATS for a dev: our own children on the data directory, each restarted on its port, or a server that runs already
// and is only checked (mappings tried, sync setting read where its monitoring can be reached).
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
import { type ClusterMember, SYNC_OF_PROFILE } from "../../cluster/nats-conf.ts";
import { freeMembers, untilWhole } from "../../cluster/nats-members.ts";
import type { NatsServer } from "../../cluster/nats-server.ts";
import { READY_WAIT_MS, startNatsServer } from "../../cluster/nats-server.ts";
import { assert } from "../../protocol/assert.ts";
import { CliFailure } from "../failure.ts";
import type { Surroundings } from "../surroundings.ts";
import type { Running, Supervised } from "./supervisor.ts";
import { Supervisor } from "./supervisor.ts";

/** The port that clients try when nothing else is said. */
export const NATS_PORT = 4222;

/** Asks for whatever port is free. */
export const FREE_PORT = -1;

/** NATS as an engine needs it. */
export interface NatsService {
  /** Where clients connect: one server, or several of a cluster with commas between them. */
  readonly url: string;
  readonly version: string | null;
  /** What is known about syncing before an acknowledgement; `own` servers are configured by the profile. */
  readonly sync: SyncFinding;
  /** One a server of ours; none when the server is not ours. */
  readonly supervisors: readonly Supervisor[];
  /** Syncs the stores of our own servers; does nothing for another's. */
  syncStore(): Promise<void>;
}

/** What own servers need. */
export interface OwnServers {
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  /** Of the first server. Null = 4222, or a free one when that is taken; -1 = a free one. */
  readonly port: number | null;
  readonly surroundings: Surroundings;
  readonly onProgress: (line: string) => void;
  readonly onRestart: (name: string, restart: Parameters<Supervised["onRestart"]>[0]) => void;
}

/**
 * Finds or fetches nats-server and starts as many on the data directory as its logs have copies.
 * Errors: ClusterError `nats_server_missing`, `nats_server_fetch_failed`, `nats_server_start_failed`, …;
 * CliFailure `port_in_use` for a port that was asked for. No server is left running then.
 */
export async function startOwnServers(own: OwnServers): Promise<NatsService> {
  const binary = await findNatsServer({ env: own.surroundings.env, onProgress: own.onProgress });
  const { durability, replicas } = own.cluster;
  const directory = join(own.dataDir, "nats");
  const places: readonly Place[] =
    replicas === 1
      ? [{ name: "nats-server", directory, port: own.port }]
      : (await freeMembers(replicas)).map((member, index) => ({
          name: `nats-server-${index + 1}`,
          directory: join(directory, String(index + 1)),
          port: index === 0 ? own.port : FREE_PORT,
          member,
        }));
  const servers = places.map((place) => new OwnServer(own, binary.path, place));
  const supervisors = servers.map(({ supervisor }) => supervisor);
  try {
    await allStarted(servers);
    if (servers.length > 1) await untilWhole(urlOf(servers), servers.length, READY_WAIT_MS);
  } catch (thrown) {
    await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
    throw thrown;
  }
  return {
    url: urlOf(servers),
    version: binary.version,
    sync: durability === "strict" ? "always" : "interval",
    supervisors,
    syncStore: async () => {
      await Promise.all(servers.map((one) => one.running.syncStore()));
    },
  };
}

function urlOf(servers: readonly OwnServer[]): string {
  return servers.map((one) => one.running.url).join(",");
}

/** Waits for each, so that none is still starting when the first failure is told. */
async function allStarted(servers: readonly OwnServer[]): Promise<void> {
  const outcomes = await Promise.allSettled(servers.map((one) => one.start()));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** Where one of our servers lives. */
interface Place {
  readonly name: string;
  readonly directory: string;
  readonly port: number | null;
  readonly member?: ClusterMember;
}

/** One of our servers, started again on the port that it had. */
class OwnServer {
  readonly supervisor: Supervisor;
  readonly #own: OwnServers;
  readonly #binary: string;
  readonly #place: Place;
  #port = FREE_PORT;
  #server: NatsServer | null = null;

  constructor(own: OwnServers, binary: string, place: Place) {
    this.#own = own;
    this.#binary = binary;
    this.#place = place;
    const { name } = place;
    this.supervisor = new Supervisor({
      name,
      start: () => this.#launch(),
      clock: own.surroundings.clock,
      onRestart: (restart) => own.onRestart(name, restart),
    });
  }

  /** The server as it was started last. */
  get running(): NatsServer {
    assert(this.#server !== null, "a server is asked for after it was started");
    return this.#server;
  }

  async start(): Promise<void> {
    this.#port = await choosePort(this.#place.port);
    await this.supervisor.start().catch(async (thrown: unknown) => {
      // Whoever else starts now may have taken the port after we looked.
      if (this.#port === FREE_PORT || (await isFree(this.#port))) throw thrown;
      this.#port = portInstead(this.#place.port);
      await this.supervisor.start();
    });
  }

  async #launch(): Promise<Running> {
    const { directory, member } = this.#place;
    const { shards, durability } = this.#own.cluster;
    const server = await startNatsServer({
      ...{ binary: this.#binary, directory, shards, sync: SYNC_OF_PROFILE[durability], port: this.#port },
      ...(member === undefined ? {} : { member }),
    });
    this.#server = server;
    this.#port = server.port;
    const ended = server.exited.then(({ reason }) => ({ reason, isFinal: false, code: "nats_server_ended" }));
    return { pid: server.pid, ended, stop: () => server.stop() };
  }
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
    return { url: connect.url, version, sync, supervisors: [], syncStore: () => Promise.resolve() };
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
