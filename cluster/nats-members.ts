/**
 * Several nats-servers of our own on this machine as one cluster: the ports they find each other at, and when all of
 * them are there.
 *
 * Guards against: streams made before every member is known. JetStream refuses a copy for which it has no server, and
 * says so with an error that is final.
 */
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError } from "./cluster-error.ts";
import { numberIn, objectIn } from "./jetstream-api.ts";
import { type ClusterMember, clusterMembers } from "./nats-conf.ts";

const LOOK_MS = 50;
const LOOK_WAIT_MS = 1_000;

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
 * Returns once one of the servers leads the others and all of these follow it.
 * Errors: ClusterError `nats_server_start_failed` after `waitMs`.
 */
export async function untilWhole(monitorUrls: readonly string[], waitMs: number): Promise<void> {
  const deadline = AbortSignal.timeout(waitMs);
  const others = monitorUrls.length - 1;
  while (!deadline.aborted) {
    const followers = await Promise.all(monitorUrls.map((url) => followersOf(url)));
    if (followers.includes(others)) return;
    await delay(LOOK_MS);
  }
  throw new ClusterError(
    "nats_server_start_failed",
    `The ${monitorUrls.length} nats-servers did not become one cluster within ${waitMs / 1000} s.`,
    { retryable: true },
  );
}

/** How many servers are up to date with this one; only the one that leads knows all of them. Never rejects. */
async function followersOf(monitorUrl: string): Promise<number> {
  try {
    const answer = await fetch(`${monitorUrl}/jsz`, { signal: AbortSignal.timeout(LOOK_WAIT_MS) });
    const meta = objectIn(objectIn(await answer.json())["meta_cluster"]);
    const replicas = Array.isArray(meta["replicas"]) ? meta["replicas"].map((one) => objectIn(one)) : [];
    return replicas.filter((one) => one["current"] === true && one["offline"] !== true).length;
  } catch {
    return 0;
  }
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
