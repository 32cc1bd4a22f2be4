// A bucket of NATS KV in memory, kept equal to it by a watch. A change counts as soon as it arrives.
//
//   opening ──whole──► following ──reconnected, behind, or ended──► opening …          close() ──► closed
//
// A watch is begun anew after each reconnect and whenever the bucket turns out to be further than what has arrived: the
// watch's own recovery takes up to a minute. It reads the whole bucket into a new map, which then takes the place of the
// old one; until then the old one answers. So a value that was removed meanwhile goes, too.
//
// Owns: its watch. Does not own: the connection, nor writing, nor what a value means.
// Invariant: what the bucket holds under a key and cannot be read is nothing here, even when it was something before.

import { setTimeout as delay } from "node:timers/promises";
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import type { KV, KvWatchEntry } from "@nats-io/kv";
import type { NatsConnection, QueuedIterator } from "@nats-io/transport-node";

/** Pause before a watch is begun again, ms. */
const AGAIN_MS = 100;
/** How often the bucket is asked how far it is, ms. What did not arrive within one such time begins the watch again. */
const CHECK_MS = 1_000;

/** Which bucket it is, and how it is read. */
export interface BucketReading<Value> {
  /** Opens the bucket, and makes it when there is none. Rejects with what NATS says. */
  readonly open: () => Promise<KV>;
  /** Reads one value; null for what is none. The bytes are a view over a buffer that is used again. Never throws. */
  readonly decode: (key: string, bytes: Uint8Array) => Value | null;
  /** Values that are held; what comes beyond is passed over. */
  readonly entriesMax: number;
}

interface Held<Value> {
  readonly value: Value;
  readonly revision: number;
}

/** One watch, from its first message to its last. */
interface Watching {
  readonly bucket: KV;
  readonly entries: QueuedIterator<KvWatchEntry>;
  /** Nothing of the bucket up to this revision is missing here. */
  revision: number;
}

/** See the file header. */
export class WatchedBucket<Value> {
  readonly #nc: NatsConnection;
  readonly #reading: BucketReading<Value>;
  readonly #closing = new AbortController();
  #values: Map<string, Held<Value>> = new Map();
  #watching: Watching | null = null;
  #reconnects = 0;
  #isReady = false;

  private constructor(nc: NatsConnection, reading: BucketReading<Value>) {
    this.#nc = nc;
    this.#reading = reading;
  }

  /** Opens the bucket (and makes it when there is none) and reads it whole. Errors: rejects with what NATS says. */
  static async open<Value>(nc: NatsConnection, reading: BucketReading<Value>): Promise<WatchedBucket<Value>> {
    const watched = new WatchedBucket(nc, reading);
    const whole = Promise.withResolvers<void>();
    void watched.#followConnection().catch(() => undefined);
    const first = watched.#watch(whole.resolve);
    await Promise.race([whole.promise, first]);
    void watched.#watchOn(first);
    void watched.#checkOn();
    return watched;
  }

  /** Whether the values here are the bucket's. While NATS is away, or asks for a new beginning, the last known ones count. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** How many values are held. */
  get size(): number {
    return this.#values.size;
  }

  /** The value under a key as it was last heard of. Never throws. */
  get(key: string): Value | undefined {
    return this.#values.get(key)?.value;
  }

  /** Takes what was written here before the watch brings it, unless something newer came already. Never throws. */
  note(key: string, value: Value, revision: number): void {
    if ((this.#values.get(key)?.revision ?? 0) < revision) this.#hold(this.#values, key, { value, revision });
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

  /** Goes on until this is closed or its connection is. Never rejects. */
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
    const bucket = await this.#reading.open();
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
    const values: Map<string, Held<Value>> = new Map();
    const adopt = (): void => {
      this.#values = values;
      this.#isReady = !this.#closing.signal.aborted;
      onWhole();
    };
    if (isEmpty) adopt();
    for await (const entry of watching.entries) {
      this.#apply(values, entry);
      watching.revision = Math.max(watching.revision, entry.revision);
      if (this.#values !== values && entry.delta === 0) adopt();
    }
  }

  /** Takes one entry of the bucket into a map. Reads the value at once: see {@link BucketReading}. */
  #apply(values: Map<string, Held<Value>>, { key, operation, value: bytes, revision }: KvWatchEntry): void {
    if ((values.get(key)?.revision ?? 0) > revision) return;
    const value = operation === "PUT" ? this.#reading.decode(key, bytes) : null;
    if (value === null) values.delete(key);
    else this.#hold(values, key, { value, revision });
  }

  #hold(values: Map<string, Held<Value>>, key: string, held: Held<Value>): void {
    if (values.has(key) || values.size < this.#reading.entriesMax) values.set(key, held);
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
