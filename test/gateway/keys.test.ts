// Keys against a real nats-server: made, shown, revoked, rotated and expired while a store follows the bucket.
// Guards against: a revoked key that still counts, a wrong secret that counts, garbage that gives rights or crashes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Kvm } from "@nats-io/kv";
import { KeyStore } from "../../gateway/key-store.ts";
import { until } from "../support/condition.ts";
import { owner, startKeySite, tenant } from "./key-site.ts";

/** What a revocation may take to reach a store that follows, ms. */
const REVOCATION_MS = 1_000;
const DAY_MS = 86_400_000;

test("a new key counts, with its tenant, scopes and owners, and an unlimited one has no owners", async (t) => {
  const { store, key } = await startKeySite(t);
  const limited = await key({ tenant: tenant("acme"), scopes: ["write"], owners: [owner("alice")] });
  const whole = await key();
  await until("both keys arrive", () => store.size === 2);
  const principal = store.principalOf(limited.key);
  assert.deepEqual(
    [principal?.keyId, principal?.tenant, [...(principal?.scopes ?? [])], [...(principal?.owners ?? [])]],
    [limited.id, "acme", ["read", "write"], ["alice"]],
  );
  assert.equal(store.principalOf(whole.key)?.owners, null);
  assert.match(whole.key, /^coffer\.[a-z0-9]{12}\.[A-Za-z0-9_-]{43}$/);
});

test("nothing but the exact key counts", async (t) => {
  const { store, key } = await startKeySite(t);
  const { id, key: text } = await key();
  const other = await key();
  await until("both keys arrive", () => store.size === 2);
  const secret = text.slice(-43);
  // The last character of 32 bytes in base64url carries two bits that mean nothing.
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const twin = alphabet[alphabet.indexOf(text.slice(-1)) ^ 1] ?? "";
  const wrong = [
    "",
    "coffer",
    id,
    secret,
    `coffer.${id}.`,
    `coffer.${id}.${"A".repeat(43)}`,
    `coffer.${id}.${other.key.slice(-43)}`,
    `coffer.aaaaaaaaaaaa.${secret}`,
    `${text.slice(0, -1)}${twin}`,
    `${text}A`,
    `${text} `,
    ` ${text}`,
    text.toUpperCase(),
    `Bearer ${text}`,
    `coffer.${id}.${"\u0000".repeat(43)}`,
    `coffer.__proto__000.${secret}`,
    "x".repeat(1_000_000),
  ];
  for (const bearer of wrong) assert.equal(store.principalOf(bearer), null, bearer.slice(0, 80));
  assert.notEqual(store.principalOf(text), null);
});

test("a revoked key is refused within a second by a store that follows, also one whose clock is behind", async (t) => {
  const { nats, admin, store, clock, key } = await startKeySite(t);
  const behind = await KeyStore.open((await nats.connect()).nc, { wallMs: () => clock.nowMs - DAY_MS }, 1);
  t.after(() => behind.close());
  const { id, key: text } = await key();
  await until("it counts", () => store.principalOf(text) !== null && behind.principalOf(text) !== null);
  const { status } = await admin.revoke(id, 0);
  const sinceMs = performance.now();
  await until("it is refused", () => store.principalOf(text) === null && behind.principalOf(text) === null);
  const tookMs = performance.now() - sinceMs;
  assert.ok(tookMs < REVOCATION_MS, `it took ${tookMs} ms`);
  assert.equal(status, "revoked");
  await admin.revoke(id, DAY_MS);
  assert.equal((await admin.show(id)).status, "revoked", "a later revocation brings nothing back");
});

test("a key expires at its time, and a revocation in a while counts from then", async (t) => {
  const { admin, store, clock, key } = await startKeySite(t);
  const short = await key({ lifetimeMs: DAY_MS });
  const long = await key({ lifetimeMs: 10 * DAY_MS });
  await admin.revoke(long.id, 2 * DAY_MS);
  await until("both arrive", () => store.size === 2);
  const startMs = clock.nowMs;
  const at = (ms: number): boolean[] => {
    clock.nowMs = startMs + ms;
    return [short, long].map(({ id, key: text }) => {
      assert.equal(store.isLive(id), store.principalOf(text) !== null, "its id counts as the key does");
      return store.isLive(id);
    });
  };
  assert.equal(store.isLive("aaaaaaaaaaaa"), false);
  assert.deepEqual(at(DAY_MS - 1), [true, true]);
  assert.deepEqual(at(DAY_MS), [false, true]);
  await until("the revocation arrives", () => !at(2 * DAY_MS)[1] && at(2 * DAY_MS - 1)[1]);
  clock.nowMs = startMs + 2 * DAY_MS;
  assert.deepEqual(
    (await admin.list()).map(({ id, status }) => [id, status]).sort(),
    [
      [short.id, "expired"],
      [long.id, "revoked"],
    ].sort(),
  );
});

test("a rotated key and its successor count together for the overlap, and then the successor alone", async (t) => {
  const { admin, store, clock, key } = await startKeySite(t);
  const first = await key({
    scopes: ["read", "write"],
    owners: [owner("bob")],
    name: "till",
    lifetimeMs: 30 * DAY_MS,
  });
  clock.nowMs += DAY_MS;
  const { created, old } = await admin.rotate(first.id, 3_600_000);
  assert.deepEqual(
    [created.scopes, created.owners, created.name, created.expiresMs, old.status],
    [["read", "write"], ["bob"], "till", clock.nowMs + 30 * DAY_MS, "ending"],
  );
  const both = (): boolean[] => [first, created].map((each) => store.principalOf(each.key) !== null);
  await until("the successor arrives", () => both()[1]);
  assert.deepEqual(both(), [true, true]);
  clock.nowMs += 3_600_000;
  await until("the first has ended", () => !both()[0]);
  assert.deepEqual(both(), [false, true]);
  await assert.rejects(admin.rotate(first.id, 0), { code: "key_ended" });
  const again = await admin.rotate(created.id, 0);
  await until("without an overlap the old one ends at once", () => store.principalOf(created.key) === null);
  await until("and the new one counts", () => store.principalOf(again.created.key) !== null);
});

test("garbage in the bucket is no key, crashes nothing, and takes the rights of the id that it overwrote", async (t) => {
  const { nats, admin, store, key } = await startKeySite(t);
  const bucket = await new Kvm((await nats.connect()).nc).open("coffer_keys");
  const [good, spoiled] = [await key(), await key()];
  const stored = (await bucket.get(good.id))?.json<Record<string, unknown>>() ?? {};
  const garbage: readonly unknown[] = [
    null,
    [],
    "text",
    7,
    {},
    { ...stored, v: 2 },
    { ...stored, tenant: "No Tenant" },
    { ...stored, scopes: [] },
    { ...stored, scopes: ["root"] },
    { ...stored, scopes: ["read", "read", "read", "read"] },
    { ...stored, owners: [] },
    { ...stored, owners: "alice" },
    { ...stored, owners: ["a.b"] },
    { ...stored, owners: undefined },
    { ...stored, owners: Array.from({ length: 101 }, (_, index) => `o${index}`) },
    { ...stored, hash: "00" },
    { ...stored, expires: "tomorrow" },
    { ...stored, revokes: 12 },
    { ...stored, name: "a\nb" },
    { ...stored, limit: "of a newer version" },
    JSON.parse(`{"v":1,"__proto__":{"tenant":"demo"}}`),
  ];
  await until("both keys arrive", () => store.size === 2);
  for (const [index, value] of garbage.entries()) {
    await bucket.put(`garbage${String(index).padStart(5, "0")}`, JSON.stringify(value));
  }
  await bucket.put("binary000000", new Uint8Array([0xff, 0xfe, 0x00]));
  await bucket.put("empty0000000", "");
  await bucket.put("a.key/with=odd_parts", JSON.stringify(stored));
  await bucket.put("TOOUPPERCASE", JSON.stringify(stored));
  await bucket.put("deep00000000", "[".repeat(10_000));
  await bucket.put(spoiled.id, "garbage");
  const last = await key();
  await until("the last key arrives", () => store.principalOf(last.key));
  assert.equal(store.size, 2, "the good one and the last");
  assert.notEqual(store.principalOf(good.key), null);
  assert.equal(store.principalOf(spoiled.key), null);
  assert.deepEqual((await admin.list()).map(({ id }) => id).sort(), [good.id, last.id].sort());
  await assert.rejects(admin.revoke(spoiled.id, 0), { code: "key_not_found" });
  await assert.rejects(admin.revoke("no key's id", 0), { code: "key_not_found" });
});

test("a thousand keys are all found, by a store that watched and by one that came later", async (t) => {
  const { nats, admin, store, key } = await startKeySite(t);
  const made = await Promise.all(
    Array.from({ length: 1_000 }, (_, index) =>
      key({ name: `key ${index}`, owners: [owner(`owner-${index}`)] }),
    ),
  );
  const late = await KeyStore.open((await nats.connect()).nc, { wallMs: () => 0 }, 1);
  t.after(() => late.close());
  await until("all have arrived", () => store.size === 1_000);
  assert.equal(late.size, 1_000, "an opened store is whole");
  for (const each of [store, late]) {
    for (const { id, key: text, owners } of made) {
      const principal = each.principalOf(text);
      assert.deepEqual([principal?.keyId, [...(principal?.owners ?? [])]], [id, owners]);
    }
  }
  assert.equal((await admin.list()).length, 1_000);
});

test("what the bucket holds of a key is not enough to be its holder", async (t) => {
  const { nats, store, key } = await startKeySite(t);
  const bucket = await new Kvm((await nats.connect()).nc).open("coffer_keys");
  const { id, key: text } = await key({ name: "till" });
  const stored = (await bucket.get(id))?.string() ?? "";
  assert.ok(!stored.includes(text.slice(-43)), "the secret is not stored");
  const { hash } = JSON.parse(stored);
  await until("it arrives", () => store.principalOf(text));
  for (const bearer of [`coffer.${id}.${hash.slice(0, 43)}`, `coffer.${id}.${hash}`])
    assert.equal(store.principalOf(bearer), null);
});
