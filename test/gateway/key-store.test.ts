// A store of keys through what happens to the server and to the bucket under it.
// Guards against: a revocation that is never heard after a reconnect or a lost watch, keys that outlive their bucket,
// memory that grows with the bucket.

import assert from "node:assert/strict";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { until } from "../support/condition.ts";
import { startKeySite } from "./key-site.ts";

/** The bound of keys, as ADR 0022 has it. */
const KEYS_MAX = 10_000;

for (const how of ["stop", "kill"] as const) {
  test(`after its server was restarted (${how}) a store knows its keys, and hears of revocations and new keys`, async (t) => {
    const { nats, admin, store, key } = await startKeySite(t);
    const [kept, revoked] = [await key(), await key()];
    await until("both arrive", () => store.size === 2);
    await nats.restart(how, async () => {
      await until("the store knows that it may be behind", () => !store.isReady);
      assert.notEqual(store.principalOf(kept.key), null, "the last known keys count meanwhile");
    });
    await until("it is ready again", () => store.isReady);
    await until("the admin's connection is back", () => admin.revoke(revoked.id, 0));
    await until("the revocation arrives", () => store.principalOf(revoked.key) === null);
    const late = await key();
    await until("a new key arrives", () => store.principalOf(late.key));
    assert.notEqual(store.principalOf(kept.key), null);
  });
}

test("a store whose watch was lost at the server hears of a revocation all the same", async (t) => {
  const { nats, admin, store, key } = await startKeySite(t);
  const { id, key: text } = await key();
  await until("it arrives", () => store.principalOf(text));
  const jsm = await jetstreamManager((await nats.connect()).nc);
  const watches = await jsm.consumers.list("KV_coffer_keys").next();
  assert.equal(watches.length, 1);
  for (const { name } of watches) await jsm.consumers.delete("KV_coffer_keys", name);
  await admin.revoke(id, 0);
  await until("the revocation arrives", () => store.principalOf(text) === null, 10_000);
});

test("keys go with their bucket, and a store makes a new one and follows it", async (t) => {
  const { nats, store, key } = await startKeySite(t);
  const { key: text } = await key();
  await until("it arrives", () => store.principalOf(text));
  const kvm = new Kvm((await nats.connect()).nc);
  await (await kvm.open("coffer_keys")).destroy();
  await until("the key is gone", () => store.principalOf(text) === null);
  const { streamInfo } = await until("the bucket is back", async () =>
    (await kvm.open("coffer_keys")).status(),
  );
  assert.deepEqual([streamInfo.config.num_replicas, streamInfo.config.max_msgs_per_subject], [1, 1]);
  assert.equal(streamInfo.config.storage, "file");
  const next = await key();
  await until("a new key arrives", () => store.principalOf(next.key));
});

test("a removed key counts no more, and a closed store hears nothing", async (t) => {
  const { nats, store, key } = await startKeySite(t);
  const [removed, deleted, kept] = [await key(), await key(), await key()];
  await until("all arrive", () => store.size === 3);
  const bucket = await new Kvm((await nats.connect()).nc).open("coffer_keys");
  await bucket.purge(removed.id);
  await bucket.delete(deleted.id);
  await until("both are gone", () => store.size === 1);
  store.close();
  assert.equal(store.isReady, false);
  await key();
  assert.notEqual(store.principalOf(kept.key), null, "what it knew it still knows");
  assert.equal(store.size, 1);
});

test("there are at most ten thousand keys; those that have ended make room", async (t) => {
  const { nats, admin, store, key, clock } = await startKeySite(t);
  const bucket = await new Kvm((await nats.connect()).nc).open("coffer_keys");
  const model = await key();
  const stored = (await bucket.get(model.id))?.string() ?? "";
  const idOf = (index: number): string => `many${String(index).padStart(8, "0")}`;
  await Promise.all(Array.from({ length: KEYS_MAX - 1 }, (_, index) => bucket.put(idOf(index), stored)));
  await until("a full store", () => store.size === KEYS_MAX);
  await assert.rejects(key(), { code: "too_many_keys" });
  await bucket.put(idOf(KEYS_MAX), stored);
  await admin.revoke(idOf(1), 0);
  await admin.revoke(idOf(2), 0);
  await bucket.purge(idOf(3));
  await until("one was removed", () => store.size === KEYS_MAX - 1);
  clock.nowMs += 1;
  const fresh = await key();
  await until("a new key arrives", () => store.principalOf(fresh.key));
  assert.ok(store.size <= KEYS_MAX);
});
