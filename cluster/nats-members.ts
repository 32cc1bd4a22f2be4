/**
 * Several nats-servers of our own on this machine as one cluster: the ports they find each other at, and when all of
 * them take copies.
 *
 * Guards against: streams made before every member is known. JetStream refuses a copy for which it has no server, and
 * says so with an error that is final.
 */
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError, errorText } from "./cluster-error.ts";
import { openConnection } from "./connection.ts";
import { numberIn, objectIn, requestApi } from "./jetstream-api.ts";
import { type ClusterMember, clusterMembers } from "./nats-conf.ts";

const PROBE_STREAM = "COFFER_PROBE";
const PAUSE_MS = 50;
const ANSWER_MS = 2_000;

/**
 * The places of `count` servers on ports that are free now.
 * Errors: rejects when the machine has no free port.
 */
export async function freeMembers(count: number): Promise<ClusterMember[]> {
  const holders = await Promise.all(Array.from({ length: count }, () => listenAnywhere()));
  const members = clusterMembers(holders.map(({ port }) => port));
  await Promise.all(holders.map(({ close }) => close()));
  return members;
}

/**
 * Returns once `count` servers take part, each with room for a copy: a stream in memory with that many copies was made,
 * and removed. What the servers say of each other is not enough: a member can be up to date and not placed on yet.
 * Errors: ClusterError `nats_unreachable`, `nats_server_start_failed` with the last reason after `waitMs`.
 */
export async function untilWhole(servers: string, count: number, waitMs: number): Promise<void> {
  const deadline = AbortSignal.timeout(waitMs);
  const connection = await openConnection({ servers, name: "coffer-start", connectWaitMs: waitMs });
  let last = "nobody was asked";
  try {
    while (!deadline.aborted) {
      try {
        const probe = { name: PROBE_STREAM, storage: "memory", num_replicas: count };
        await requestApi(connection.nc, `STREAM.CREATE.${PROBE_STREAM}`, probe, ANSWER_MS);
        await requestApi(connection.nc, `STREAM.DELETE.${PROBE_STREAM}`, {}, ANSWER_MS);
        return;
      } catch (error) {
        last = errorText(error);
        await delay(PAUSE_MS);
      }
    }
  } finally {
    await connection.close();
  }
  throw new ClusterError(
    "nats_server_start_failed",
    `The ${count} nats-servers did not become one cluster within ${waitMs / 1000} s: ${last}.`,
    { retryable: true },
  );
}

interface Holder {
  readonly port: number;
  close(): Promise<void>;
}

function listenAnywhere(): Promise<Holder> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const port = numberIn(objectIn(server.address()), "port");
      resolve({ port, close: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}
