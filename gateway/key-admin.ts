// Making, showing and ending keys: what `coffer keys` does to the bucket.
//
// Owns: writing records. Does not own: following them (key-store.ts), nor who may do this: whoever reaches the bucket.
// Invariant: a secret leaves this file once, in the answer that made it; a change names the revision it was decided on,
// so that of two changes at once one is done again on what the other left.

import type { KV, KvEntry } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ClientClock } from "../client/clock.ts";
import { assert } from "../protocol/assert.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import { apiKeyText, isKeyId, isSecretOf, newApiKey, parseApiKey, secretHash } from "./api-key.ts";
import { KEYS_MAX, openKeyBucket } from "./key-bucket.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyRecord } from "./key-record.ts";
import { decodeKeyRecord, encodeKeyRecord, endOf } from "./key-record.ts";
import type { Scope } from "./principal.ts";

/** Tries of a change that others get ahead of. */
const TRIES_MAX = 5;

/** What is asked of a new key. */
export interface KeyWish {
  readonly tenant: TenantName;
  readonly scopes: readonly Scope[];
  /** Null = every owner of the tenant. */
  readonly owners: readonly OwnerName[] | null;
  /** Ms from now; null = for ever. */
  readonly lifetimeMs: number | null;
  readonly name: string | null;
}

/** A key as lists show it: everything but its secret and the hash. */
export interface KeySummary extends Omit<KeyRecord, "hash"> {
  readonly id: string;
  /** `ending` = it counts until a time that a revocation or a rotation set. */
  readonly status: "active" | "ending" | "expired" | "revoked";
}

/** A new key. `key` is the only place where its secret ever is. */
export interface CreatedKey extends KeySummary {
  readonly key: string;
}

/** Where time and randomness of keys come from. */
export type KeyMaker = Pick<ClientClock, "wallMs" | "fillRandom">;

interface Found {
  readonly record: KeyRecord;
  readonly revision: number;
}

/** See the file header. */
export class KeyAdmin {
  readonly #bucket: KV;
  readonly #maker: KeyMaker;

  private constructor(bucket: KV, maker: KeyMaker) {
    this.#bucket = bucket;
    this.#maker = maker;
  }

  /**
   * Opens the bucket, and makes it when there is none, with so many copies.
   * Errors: rejects with what NATS says.
   */
  static async open(nc: NatsConnection, maker: KeyMaker, replicas: number): Promise<KeyAdmin> {
    return new KeyAdmin(await openKeyBucket(nc, replicas), maker);
  }

  /**
   * Makes a key. On return the bucket has stored it; gateways that run take it within a second.
   * Errors: KeyFailure `too_many_keys`, after keys that have ended were removed for it.
   */
  async create(wish: KeyWish): Promise<CreatedKey> {
    const { tenant, scopes, owners, lifetimeMs, name } = wish;
    assert(scopes.length > 0, "a key may do something");
    await this.#makeRoom();
    const createdMs = this.#nowMs();
    const key = newApiKey(this.#maker);
    const record: KeyRecord = {
      ...{ tenant, scopes, owners, createdMs, name, revokesMs: null },
      hash: secretHash(key.secret).toString("hex"),
      expiresMs: lifetimeMs === null ? null : createdMs + lifetimeMs,
    };
    await this.#bucket.create(key.id, encodeKeyRecord(record));
    return { ...this.#summary(key.id, record), key: apiKeyText(key) };
  }

  /** All keys, newest first; what the bucket holds beside keys is left out. */
  async list(): Promise<KeySummary[]> {
    const summaries: KeySummary[] = [];
    for (const [id, record] of await this.#records()) summaries.push(this.#summary(id, record));
    return summaries.sort((one, other) => other.createdMs - one.createdMs || (one.id < other.id ? -1 : 1));
  }

  /** One key. Errors: KeyFailure `key_not_found`. */
  async show(id: string): Promise<KeySummary> {
    return this.#summary(id, (await this.#find(id)).record);
  }

  /** Whether a key's text is one of this bucket that counts now, for a tenant. */
  async counts(text: string, tenant: TenantName): Promise<boolean> {
    const key = parseApiKey(text);
    if (key === null) return false;
    const { record } = await this.#find(key.id).catch((thrown: unknown) => {
      if (thrown instanceof KeyFailure) return { record: null };
      throw thrown;
    });
    if (record === null || record.tenant !== tenant) return false;
    const isActive = this.#summary(key.id, record).status === "active";
    return isActive && isSecretOf(key.secret, Buffer.from(record.hash, "hex"));
  }

  /**
   * Ends a key, now or after a while; a time that was set before is only ever brought forward. Gateways that run refuse
   * the key within a second. @param delayMs 0 = at once
   * Errors: KeyFailure `key_not_found`, `key_changed`.
   */
  async revoke(id: string, delayMs: number): Promise<KeySummary> {
    // At once is written as the beginning of time: clocks of gateways may be behind this one.
    const endMs = delayMs === 0 ? 0 : this.#nowMs() + delayMs;
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      const { record, revision } = await this.#find(id);
      const isEarlier = record.revokesMs === null || endMs < record.revokesMs;
      const changed: KeyRecord = { ...record, revokesMs: isEarlier ? endMs : record.revokesMs };
      if (!isEarlier || (await this.#replace(id, changed, revision))) return this.#summary(id, changed);
    }
    throw new KeyFailure("key_changed", `Others keep changing key ${id}; try again.`);
  }

  /**
   * Makes a key with the rights, the name and the length of life of another, which counts for `overlapMs` more.
   * @returns both; when it rejects the new key is gone again
   * Errors: KeyFailure `key_not_found`, `key_ended`, `too_many_keys`, `key_changed`.
   */
  async rotate(
    id: string,
    overlapMs: number,
  ): Promise<{ readonly created: CreatedKey; readonly old: KeySummary }> {
    const { record } = await this.#find(id);
    const { status } = this.#summary(id, record);
    const isOver = status === "revoked" || status === "expired";
    if (isOver) throw new KeyFailure("key_ended", `Key ${id} is ${status}; create another one instead.`);
    const { tenant, scopes, owners, createdMs, expiresMs, name } = record;
    const lifetimeMs = expiresMs === null ? null : expiresMs - createdMs;
    const created = await this.create({ tenant, scopes, owners, lifetimeMs, name });
    try {
      return { created, old: await this.revoke(id, overlapMs) };
    } catch (thrown) {
      await this.#bucket.purge(created.id);
      throw thrown;
    }
  }

  /** Removes keys that have ended when there are too many. */
  async #makeRoom(): Promise<void> {
    if ((await this.#bucket.status()).values < KEYS_MAX) return;
    const records = await this.#records();
    const ended = [...records].filter(([, record]) => (endOf(record) ?? Infinity) <= this.#nowMs());
    if (records.size - ended.length >= KEYS_MAX) {
      const message = `There are ${KEYS_MAX} keys, and none has ended. Revoke those that nobody uses.`;
      throw new KeyFailure("too_many_keys", message);
    }
    for (const [id] of ended) await this.#bucket.purge(id);
  }

  async #records(): Promise<Map<string, KeyRecord>> {
    const records: Map<string, KeyRecord> = new Map();
    for await (const entry of await this.#bucket.history()) {
      const record = recordOf(entry);
      if (record !== null) records.set(entry.key, record);
    }
    return records;
  }

  async #find(id: string): Promise<Found> {
    const entry = isKeyId(id) ? await this.#bucket.get(id) : null;
    const record = entry === null ? null : recordOf(entry);
    if (entry === null || record === null) throw new KeyFailure("key_not_found", `There is no key ${id}.`);
    return { record, revision: entry.revision };
  }

  /** @returns false when the record is not at that revision any more */
  async #replace(id: string, record: KeyRecord, revision: number): Promise<boolean> {
    try {
      await this.#bucket.update(id, encodeKeyRecord(record), revision);
      return true;
    } catch (thrown) {
      if ((await this.#find(id)).revision !== revision) return false;
      throw thrown;
    }
  }

  #summary(id: string, { hash: _, ...shown }: KeyRecord): KeySummary {
    const { expiresMs, revokesMs } = shown;
    const nowMs = this.#nowMs();
    if (revokesMs !== null && revokesMs <= nowMs) return { id, status: "revoked", ...shown };
    if (expiresMs !== null && expiresMs <= nowMs) return { id, status: "expired", ...shown };
    return { id, status: revokesMs === null ? "active" : "ending", ...shown };
  }

  #nowMs(): number {
    return this.#maker.wallMs();
  }
}

function recordOf(entry: KvEntry): KeyRecord | null {
  return entry.operation === "PUT" && isKeyId(entry.key) ? decodeKeyRecord(entry.value) : null;
}
