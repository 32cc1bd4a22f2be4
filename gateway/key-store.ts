// The keys of an installation in memory, kept equal to the bucket (watched-bucket.ts). A revocation counts as soon as it
// arrives.
//
// Owns: what a record means for a caller. Does not own: the connection, the watch, nor writing (key-admin.ts).
// Invariant: what the bucket holds under an id and is no valid record is no key, even when it was one before.

import type { NatsConnection } from "@nats-io/transport-node";
import type { ClientClock } from "../client/clock.ts";
import { isKeyId, isSameKeyText, isSecretOf, parseApiKey } from "./api-key.ts";
import { KEYS_MAX, openKeyBucket } from "./key-bucket.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { decodeKeyRecord, endOf } from "./key-record.ts";
import type { Principal } from "./principal.ts";
import { withIncluded } from "./principal.ts";
import { WatchedBucket } from "./watched-bucket.ts";

/** Tells the time of day. */
export type KeyClock = Pick<ClientClock, "wallMs">;

interface HeldKey {
  readonly hash: Buffer;
  readonly principal: Principal;
  /** Refused from then on; Infinity = never. */
  readonly endMs: number;
  /** The key's text in bytes once it has proved itself: comparing it takes a tenth of hashing it. */
  proven: Buffer | null;
}

/** See the file header. */
export class KeyStore implements KeyDirectory {
  readonly #keys: WatchedBucket<HeldKey>;
  readonly #clock: KeyClock;

  private constructor(keys: WatchedBucket<HeldKey>, clock: KeyClock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /**
   * Opens the bucket (and makes it when there is none) and reads it whole.
   * @param replicas copies of a new bucket: as many as the logs have
   * Errors: rejects with what NATS says.
   */
  static async open(nc: NatsConnection, clock: KeyClock, replicas: number): Promise<KeyStore> {
    const open = () => openKeyBucket(nc, replicas);
    return new KeyStore(await WatchedBucket.open(nc, { open, decode: heldKey, entriesMax: KEYS_MAX }), clock);
  }

  /** Whether the keys here are the bucket's. While NATS is away, or asks for a new beginning, the last known ones count. */
  get isReady(): boolean {
    return this.#keys.isReady;
  }

  /** How many keys are held, ended ones included. */
  get size(): number {
    return this.#keys.size;
  }

  principalOf(bearer: string): Principal | null {
    const key = parseApiKey(bearer);
    if (key === null) return null;
    const held = this.#keys.get(key.id);
    if (held === undefined || held.proven === null || !isSameKeyText(bearer, held.proven)) {
      if (!isSecretOf(key.secret, held?.hash) || held === undefined) return null;
      held.proven = Buffer.from(bearer, "latin1");
    }
    return this.#clock.wallMs() < held.endMs ? held.principal : null;
  }

  isLive(keyId: string): boolean {
    const held = this.#keys.get(keyId);
    return held !== undefined && this.#clock.wallMs() < held.endMs;
  }

  /** Follows no more. The connection stays open. Never throws. */
  close(): void {
    this.#keys.close();
  }
}

function heldKey(id: string, bytes: Uint8Array): HeldKey | null {
  const record = isKeyId(id) ? decodeKeyRecord(bytes) : null;
  if (record === null) return null;
  const { tenant, scopes, owners, hash } = record;
  const principal: Principal = {
    keyId: id,
    tenant,
    scopes: withIncluded(scopes),
    owners: owners === null ? null : new Set(owners),
  };
  return { hash: Buffer.from(hash, "hex"), principal, endMs: endOf(record) ?? Infinity, proven: null };
}
