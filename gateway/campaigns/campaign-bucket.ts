// The bucket that holds the campaigns of an installation: one record each, with as many copies as its logs have.
//
// Owns: the bucket's settings. Does not own: what a record means (campaign.ts), who follows it (campaign-store.ts).
// Invariant: a bucket that exists is taken as it is.

import { jetstream, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { CAMPAIGN_RECORD_BYTES_MAX } from "./campaign.ts";

/** The bucket's name. */
export const CAMPAIGN_BUCKET = "coffer_campaigns";
/** Campaigns of an installation, closed ones included; more cannot be made. */
export const CAMPAIGNS_MAX = 10_000;
/** Bytes of the bucket; when it is full a new campaign is refused. */
const BUCKET_BYTES_MAX = 64 * 1024 * 1024;
/** How long one question to JetStream may take, ms. What is asked while the connection is down gets no answer at all. */
const ANSWER_MS_MAX = 2_000;

/**
 * Opens the bucket, and makes it when there is none.
 * @param replicas copies of a new bucket: 1, 3 or 5
 * Errors: rejects with what NATS says (no JetStream, no permission, no answer in time).
 */
export async function openCampaignBucket(nc: NatsConnection, replicas: number): Promise<KV> {
  return await new Kvm(jetstream(nc, { timeout: ANSWER_MS_MAX })).create(CAMPAIGN_BUCKET, {
    description: "campaigns of Coffer's gateways",
    replicas,
    history: 1,
    storage: StorageType.File,
    maxValueSize: CAMPAIGN_RECORD_BYTES_MAX,
    max_bytes: BUCKET_BYTES_MAX,
  });
}
