/**
 * How many copies the logs of an installation have, asked of the server: for those who have no data directory at hand.
 * Does not own: choosing the number; that is done once, in coffer.json.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { shardStream } from "../protocol/subject.ts";
import { API_CODE, JetStreamApiError, numberIn, objectIn, requestApi } from "./jetstream-api.ts";

/**
 * Copies of shard 0's log, or null when there is none.
 * Errors: ClusterError `jetstream_unavailable`, `stream_api`.
 */
export async function logCopies(nc: NatsConnection): Promise<number | null> {
  try {
    const info = await requestApi(nc, `STREAM.INFO.${shardStream(0)}`, {});
    return numberIn(objectIn(info["config"]), "num_replicas", 1);
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.apiCode === API_CODE.streamNotFound) return null;
    throw thrown;
  }
}
