/**
 * Checks that a server that we did not configure does what the log relies on: subject mappings with our number of
 * shards, and a sync before each acknowledgement.
 *
 * The mappings are tried, not read: messages for probe owners are published on the outside subjects and must come back
 * to a plain subscription on the mapped ones. Nothing lands in a log: the probe names a stream that does not exist as
 * the expected one, so a log refuses it, and it names no reply, so an engine that sees it answers nobody.
 * Guards against: a missing mapping (commands would vanish: no responders) and one with another number of shards
 * (owners would be split over two logs).
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { headers as emptyHeaders } from "@nats-io/transport-node";
import { assert } from "../protocol/assert.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import { parseOwner, parseTenant } from "../protocol/names.ts";
import { shardOf } from "../protocol/shard-map.ts";
import type { SubjectMapping } from "../protocol/subject.ts";
import {
  askedCallsOfTenant,
  askedGetsOfTenant,
  callSubject,
  commandSubject,
  getSubject,
  shardCommandsOfTenant,
  subjectMappings,
} from "../protocol/subject.ts";
import { ClusterError } from "./cluster-error.ts";
import { objectIn, textIn } from "./jetstream-api.ts";

/** Owners probed for each kind of subject: no two numbers of shards up to 4,096 place all of them alike. */
const OWNERS_PROBED = 64;
const PROBE_WAIT_MS = 2_000;
const VARZ_WAIT_MS = 2_000;
const MONITOR_PORT = 8222;

/** `always`: each acknowledged record is on disk. `interval`: it may not be. `unverified`: monitoring was not reachable. */
export type SyncFinding = "always" | "interval" | "unverified";

/**
 * Verifies the mappings of commands, calls and reads for `shards`.
 * Returns when all probes came back on the right shard.
 * Errors: ClusterError `mapping_missing`; its message names the mapping and says what to put into the server's configuration.
 */
export async function probeMappings(nc: NatsConnection, shards: number): Promise<void> {
  const tenant = parseTenant("coffer-probe");
  assert(tenant !== undefined, "the probe's tenant is a valid name");
  const mappings = subjectMappings(shards);
  const kinds = [
    { mapping: mappings.cmd, outside: commandSubject, inside: shardCommandsOfTenant(tenant) },
    { mapping: mappings.call, outside: callSubject, inside: askedCallsOfTenant(tenant) },
    { mapping: mappings.get, outside: getSubject, inside: askedGetsOfTenant(tenant) },
  ];
  for (const { mapping, outside, inside } of kinds) {
    const arrived = await probe(nc, tenant, outside, inside);
    const wrong = probeOwners().find((owner) => arrived.get(owner) !== shardOf(tenant, owner, shards));
    if (wrong !== undefined) {
      throw wrongMapping(
        mapping,
        arrived.get(wrong),
        `owner ${wrong} is on ${shardOf(tenant, wrong, shards)}`,
      );
    }
  }
}

function wrongMapping(mapping: SubjectMapping, found: number | undefined, expected: string): ClusterError {
  const { outside, inside } = mapping;
  const state =
    found === undefined ? "is not in force" : `is for another number of shards (${expected}, not ${found})`;
  const message = `The NATS server's mapping of ${outside} ${state}. Put this into its mappings: "${outside}": "${inside}"`;
  return new ClusterError("mapping_missing", message, { facts: { outside, inside } });
}

function probeOwners(): OwnerName[] {
  return Array.from({ length: OWNERS_PROBED }, (_, index) => {
    const owner = parseOwner(`probe-${index}`);
    assert(owner !== undefined, "a probe's owner is a valid name");
    return owner;
  });
}

/** The shard on which each owner's message arrived. */
async function probe(
  nc: NatsConnection,
  tenant: TenantName,
  outside: (tenant: TenantName, owner: OwnerName) => string,
  inside: string,
): Promise<Map<string, number>> {
  const arrived = new Map<string, number>();
  const owners = probeOwners();
  let onAll: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    onAll = resolve;
  });
  const timer = setTimeout(() => onAll(), PROBE_WAIT_MS);
  const subscription = nc.subscribe(inside, {
    callback: (_error, message) => {
      const tokens = message.subject.split(".");
      arrived.set(tokens[5] ?? "", Number(tokens[2]));
      if (arrived.size === owners.length) onAll();
    },
  });
  try {
    await nc.flush();
    const headers = emptyHeaders();
    headers.set("Nats-Expected-Stream", "COFFER_NONE");
    for (const owner of owners) nc.publish(outside(tenant, owner), new Uint8Array(0), { headers });
    await nc.flush();
    await all;
  } finally {
    clearTimeout(timer);
    subscription.unsubscribe();
  }
  return arrived;
}

/**
 * Asks the server's monitoring whether JetStream syncs always. `monitorUrl` such as `http://127.0.0.1:8222`; by default
 * the usual port of the host that the connection is on. An answer of another server than ours counts as `unverified`.
 * Never throws.
 */
export async function probeSync(nc: NatsConnection, monitorUrl?: string): Promise<SyncFinding> {
  const host = nc.getServer().replace(/:\d+$/, "");
  try {
    const answer = await fetch(`${monitorUrl ?? `http://${host}:${MONITOR_PORT}`}/varz`, {
      signal: AbortSignal.timeout(VARZ_WAIT_MS),
    });
    const varz = objectIn(await answer.json());
    if (textIn(varz, "server_id") !== nc.info?.server_id) return "unverified";
    const config = objectIn(objectIn(varz["jetstream"])["config"]);
    return config["sync_always"] === true ? "always" : "interval";
  } catch {
    return "unverified";
  }
}
