// The bucket that holds the keys of an installation: made with as many copies as its logs have, on disk, one record a key.
//
// Owns: the bucket's settings. Does not own: what a record means (key-record.ts), who follows it (key-store.ts).
// Invariant: a bucket that exists is taken as it is.

import { jetstream, StorageType } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { KEY_RECORD_BYTES_MAX } from "./key-record.ts";

/** The bucket's name. */
export const KEY_BUCKET = "coffer_keys";
/** Keys of an installation; more cannot be created, and a gateway holds no more. */
export const KEYS_MAX = 10_000;
/** Bytes of the bucket; when it is full a new key is refused. */
const BUCKET_BYTES_MAX = 64 * 1024 * 1024;
/** How long one question to JetStream may take, ms. What is asked while the connection is down gets no answer at all. */
const ANSWER_MS_MAX = 2_000;

/**
 * Opens the bucket, and makes it when there is none.
 * @param replicas copies of a new bucket: 1, 3 or 5
 * Errors: rejects with what NATS says (no JetStream, no permission, no answer in time).
 */
export async function openKeyBucket(nc: NatsConnection, replicas: number): Promise<KV> {
  return await new Kvm(jetstream(nc, { timeout: ANSWER_MS_MAX })).create(KEY_BUCKET, {
    description: "API keys of Coffer's gateways: hashes, no secrets",
    replicas,
    history: 1,
    storage: StorageType.File,
    maxValueSize: KEY_RECORD_BYTES_MAX,
    max_bytes: BUCKET_BYTES_MAX,
  });
}
