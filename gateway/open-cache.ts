// The cache that a gateway works with: built-in, or shared through Redis when an address is given.
//
//   Redis: the logs say which cluster this is ► the secret that seals what Redis holds, from NATS ► connect, not waited for
//
// Does not wait for Redis: it may be away, now and later. The logs must be there: what is kept belongs to them.
// Guards against: outcomes of another cluster, or of an earlier one in the same Redis (the cluster is part of each key).

import type { NatsConnection } from "@nats-io/transport-node";
import type { ClientClock } from "../client/clock.ts";
import { readStreamIdentity } from "../cluster/streams.ts";
import { shardStream } from "../protocol/subject.ts";
import { BuiltInCache } from "./cache/built-in-cache.ts";
import type { GatewayCache } from "./cache/gateway-cache.ts";
import { RedisCache } from "./cache/redis-cache.ts";
import { openSharedSecret } from "./shared-secret.ts";

/** What of the gateway's options and parts a cache needs. */
export interface CacheOrder {
  /** `redis://` or `rediss://`; undefined = built-in. */
  readonly redisUrl: string | undefined;
  /** Copies of the bucket of the secret. */
  readonly replicas: number;
  readonly clock: ClientClock;
  readonly onProblem: (text: string) => void;
}

/**
 * Opens the cache.
 * Errors: what NATS says of logs and bucket; an Error when there are no logs; a TypeError for an address that is none.
 */
export async function openCache(nc: NatsConnection, order: CacheOrder): Promise<GatewayCache> {
  const { redisUrl: url, replicas, clock, onProblem } = order;
  if (url === undefined) return new BuiltInCache("local", clock);
  const log = await readStreamIdentity(nc, shardStream(0));
  if (log === null)
    throw new Error("a cache in Redis needs to know the cluster, and NATS has no logs of one");
  const fillRandom = (bytes: Uint8Array): void => clock.fillRandom(bytes);
  const secret = await openSharedSecret(nc, { name: "cache", replicas, fillRandom });
  const onBreaker = (state: "open" | "closed", why: string): void =>
    onProblem(state === "open" ? `Redis is not asked any more: ${why}` : `Redis is asked again: ${why}`);
  return new RedisCache({ url, cluster: log.cluster, secret, onBreaker }, clock);
}

/** What a cache has counted since its start, by what happened: the reading for metrics. */
export function cacheCounts(cache: GatewayCache): Readonly<Record<string, number>> {
  const { hits, misses, late, refused, failures } = cache.stats();
  return { hits, misses, late, refused, failures };
}
