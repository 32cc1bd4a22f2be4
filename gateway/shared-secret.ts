// Secrets that all gateways of an installation share: 32 random bytes under a name, made once by whoever asks first and
// kept in NATS KV. What one gateway signs, another one knows to be genuine, also after all of them were restarted.
//
//   const secret = await openSharedSecret(nc, { name: "tickets", replicas, fillRandom });   // Buffer, 32 bytes
//
// Owns: the bucket `coffer_gateway`. Each purpose has a name of its own, so no two purposes share bytes.
// Invariant: of two gateways that make a secret at once both get the one that was first (create is a compare-and-set).
// To change a secret: delete its entry and restart the gateways. Whoever may read the bucket may sign: see docs/keys.md.

import { JetStreamApiError, jetstream, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ClientClock } from "../client/clock.ts";
import { assert } from "../protocol/assert.ts";

/** The bucket's name. */
export const SECRET_BUCKET = "coffer_gateway";
/** Bytes of a secret. */
const SECRET_BYTES = 32;
/** Bytes of a stored value with the headers of its message. */
const VALUE_BYTES_MAX = 1024;
/** Bytes of the bucket. */
const BUCKET_BYTES_MAX = 1024 * 1024;
/** How long one question to JetStream may take, ms. */
const ANSWER_MS_MAX = 2_000;
/** Looks before a bucket that gives nothing and takes nothing is told. */
const TRIES = 3;

/** Which secret. */
export interface SecretOrder extends Pick<ClientClock, "fillRandom"> {
  /** What it is for, `[a-z]+`. */
  readonly name: string;
  /** Copies of a new bucket: 1, 3 or 5. */
  readonly replicas: number;
}

/**
 * Reads a secret, and makes it when there is none.
 * Errors: rejects with what NATS says, and when the bucket holds something else under the name.
 */
export async function openSharedSecret(nc: NatsConnection, order: SecretOrder): Promise<Buffer> {
  const { name, replicas, fillRandom } = order;
  assert(/^[a-z]+$/.test(name), "a secret's name is a word");
  const bucket = await new Kvm(jetstream(nc, { timeout: ANSWER_MS_MAX })).create(SECRET_BUCKET, {
    description: "secrets that Coffer's gateways share",
    replicas,
    history: 1,
    storage: StorageType.File,
    maxValueSize: VALUE_BYTES_MAX,
    max_bytes: BUCKET_BYTES_MAX,
  });
  for (let tries = 0; tries < TRIES; tries += 1) {
    const found = await readSecret(bucket, name);
    if (found !== null) return found;
    const fresh = Buffer.alloc(SECRET_BYTES);
    fillRandom(fresh);
    if (await isFirst(bucket, name, fresh)) return fresh;
  }
  throw new Error(`the bucket ${SECRET_BUCKET} neither gives nor takes the secret ${name}`);
}

async function readSecret(bucket: KV, name: string): Promise<Buffer | null> {
  const entry = await bucket.get(name);
  if (entry === null || entry.operation !== "PUT") return null;
  const secret = Buffer.from(entry.value);
  if (secret.length !== SECRET_BYTES)
    throw new Error(`the secret ${name} in the bucket ${SECRET_BUCKET} has another length`);
  return secret;
}

/** Whether this one became the secret; `false` when another was there. */
async function isFirst(bucket: KV, name: string, secret: Buffer): Promise<boolean> {
  try {
    await bucket.create(name, secret);
    return true;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError) return false;
    throw thrown;
  }
}
