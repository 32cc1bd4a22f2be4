// The keys of an installation in memory, kept equal to the bucket by a watch. A revocation counts as soon as it arrives.
//
//   opening ──whole──► following ──reconnected, behind, or ended──► opening …          close() ──► closed
//
// A watch is begun anew after each reconnect and whenever the bucket turns out to be further than what has arrived: the
// watch's own recovery takes up to a minute. It reads the whole bucket into a new map, which then takes the place of the
// old one; until then the old one answers. So a key that was removed meanwhile goes, too.
//
// Owns: its watch. Does not own: the connection, nor writing (key-admin.ts).
// Invariant: what the bucket holds under an id and is no valid record is no key, even when it was one before.

import { setTimeout as delay } from "node:timers/promises";
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import type { KV, KvWatchEntry } from "@nats-io/kv";
import type { NatsConnection, QueuedIterator } from "@nats-io/transport-node";
import type { ClientClock } from "../client/clock.ts";
import { isKeyId, isSecretOf, parseApiKey } from "./api-key.ts";
import { KEYS_MAX, openKeyBucket } from "./key-bucket.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { decodeKeyRecord, endOf } from "./key-record.ts";
import type { Principal } from "./principal.ts";
import { withIncluded } from "./principal.ts";

/** Pause before a watch is begun again, ms. */
const AGAIN_MS = 100;
/** How often the bucket is asked how far it is, ms. What did not arrive within one such time begins the watch again. */
const CHECK_MS = 1_000;

/** Tells the time of day. */
export type KeyClock = Pick<ClientClock, "wallMs">;

interface HeldKey {
  readonly hash: Buffer;
  readonly principal: Principal;
  /** Refused from then on; Infinity = never. */
  readonly endMs: number;
}

/** One watch, from its first message to its last. */
interface Watching {
  readonly bucket: KV;
  readonly entries: QueuedIterator<KvWatchEntry>;
  /** Nothing of the bucket up to this revision is missing here. */
  revision: number;
}

/** See the file header. */
export class KeyStore implements KeyDirectory {
  readonly #nc: NatsConnection;
  readonly #clock: KeyClock;
  readonly #replicas: number;
  readonly #closing = new AbortController();
  #keys: Map<string, HeldKey> = new Map();
  #watching: Watching | null = null;
  #reconnects = 0;
  #isReady = false;

  private constructor(nc: NatsConnection, clock: KeyClock, replicas: number) {
    this.#nc = nc;
    this.#clock = clock;
    this.#replicas = replicas;
  }

  /**
   * Opens the bucket (and makes it when there is none) and reads it whole.
   * @param replicas copies of a new bucket: as many as the logs have
   * Errors: rejects with what NATS says.
   */
  static async open(nc: NatsConnection, clock: KeyClock, replicas: number): Promise<KeyStore> {
    const store = new KeyStore(nc, clock, replicas);
    const whole = Promise.withResolvers<void>();
    void store.#followConnection().catch(() => undefined);
    const first = store.#watch(whole.resolve);
    await Promise.race([whole.promise, first]);
    void store.#watchOn(first);
    void store.#checkOn();
    return store;
  }

  /** Whether the keys here are the bucket's. While NATS is away, or asks for a new beginning, the last known ones count. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** How many keys are held, ended ones included. */
  get size(): number {
    return this.#keys.size;
  }

  principalOf(bearer: string): Principal | null {
    const key = parseApiKey(bearer);
    if (key === null) return null;
    const held = this.#keys.get(key.id);
    if (!isSecretOf(key.secret, held?.hash) || held === undefined) return null;
    return this.#clock.wallMs() < held.endMs ? held.principal : null;
  }

  /** Follows no more. The connection stays open. Never throws. */
  close(): void {
    this.#closing.abort();
    this.#isReady = false;
    this.#watching?.entries.stop();
  }

  async #followConnection(): Promise<void> {
    for await (const { type } of this.#nc.status()) {
      if (this.#closing.signal.aborted) return;
      if (type === "disconnect") this.#isReady = false;
      if (type !== "reconnect") continue;
      this.#reconnects += 1;
      this.#watching?.entries.stop();
    }
  }

  /** Goes on until the store is closed or its connection is. Never rejects. */
  async #watchOn(first: Promise<void>): Promise<void> {
    await first.catch(() => undefined);
    while (!this.#isOver()) {
      await this.#pause(AGAIN_MS);
      if (!this.#isOver()) await this.#watch(() => undefined).catch(() => undefined);
    }
  }

  /** One watch, until it ends. Errors: rejects when it cannot begin. */
  async #watch(onWhole: () => void): Promise<void> {
    const { signal } = this.#closing;
    const reconnects = this.#reconnects;
    const bucket = await openKeyBucket(this.#nc, this.#replicas);
    const { values, streamInfo } = await bucket.status();
    const entries = await bucket.watch();
    // The server forgets a watch with its connection.
    if (signal.aborted || reconnects !== this.#reconnects) entries.stop();
    this.#watching = { bucket, entries, revision: streamInfo.state.last_seq };
    try {
      await this.#take(this.#watching, values === 0, onWhole);
    } finally {
      this.#isReady = false;
    }
  }

  /** Takes what a watch brings until it ends. */
  async #take(watching: Watching, isEmpty: boolean, onWhole: () => void): Promise<void> {
    const keys: Map<string, HeldKey> = new Map();
    const adopt = (): void => {
      this.#keys = keys;
      this.#isReady = !this.#closing.signal.aborted;
      onWhole();
    };
    if (isEmpty) adopt();
    for await (const entry of watching.entries) {
      apply(keys, entry);
      watching.revision = Math.max(watching.revision, entry.revision);
      if (this.#keys !== keys && entry.delta === 0) adopt();
    }
  }

  /** Asks how far the bucket is and begins the watch again when it does not follow. Never rejects. */
  async #checkOn(): Promise<void> {
    let expected = 0;
    while (!this.#isOver()) {
      await this.#pause(CHECK_MS);
      const watching = this.#watching;
      if (watching === null || !this.#isReady || this.#isOver()) continue;
      const { revision: seen } = watching;
      const revision = seen < expected ? null : await lastRevision(watching.bucket, seen);
      // A bucket that is gone, or shorter than what was read from it, is another one.
      const isOther = revision === null || revision < seen;
      expected = isOther ? 0 : revision;
      if (isOther) watching.entries.stop();
    }
  }

  #isOver(): boolean {
    return this.#closing.signal.aborted || this.#nc.isClosed();
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
  }
}

/** The bucket's last revision, null when there is no such bucket any more; `otherwise` when nobody answers. Never rejects. */
async function lastRevision(bucket: KV, otherwise: number): Promise<number | null> {
  try {
    return (await bucket.status()).streamInfo.state.last_seq;
  } catch (thrown) {
    return thrown instanceof JetStreamApiError && thrown.code === JetStreamApiCodes.StreamNotFound
      ? null
      : otherwise;
  }
}

/** Takes one entry of the bucket into a map. Reads the value at once: it is a view over a buffer that is used again. */
function apply(keys: Map<string, HeldKey>, entry: KvWatchEntry): void {
  const { key: id } = entry;
  const record = entry.operation === "PUT" && isKeyId(id) ? decodeKeyRecord(entry.value) : null;
  if (record === null) {
    keys.delete(id);
    return;
  }
  if (!keys.has(id) && keys.size >= KEYS_MAX) return;
  const { tenant, scopes, owners } = record;
  const principal: Principal = {
    keyId: id,
    tenant,
    scopes: withIncluded(scopes),
    owners: owners === null ? null : new Set(owners),
  };
  keys.set(id, { hash: Buffer.from(record.hash, "hex"), principal, endMs: endOf(record) ?? Infinity });
}
