// Gateways that share a Redis keep one rate together; without it each keeps its own. Admission with real caches on a real
// Redis, and two whole gateways. Tokens come back so slowly that no test sees one, unless it says so.
// Guards against: N gateways that let N times the rate pass; a Redis that is killed, emptied or lied to and stops callers,
// or fails them; two callers who share a bucket.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import {
  type AdmissionSettings,
  DEFAULT_ADMISSION,
  type RateSettings,
} from "../../gateway/admission/settings.ts";
import type { Shed } from "../../gateway/admission/shed.ts";
import { AdmissionGate, bucketOf } from "../../gateway/admission-gate.ts";
import { BuiltInCache } from "../../gateway/cache/built-in-cache.ts";
import { CacheKeys } from "../../gateway/cache/cache-key.ts";
import type { GatewayCache } from "../../gateway/cache/gateway-cache.ts";
import type { RedisCache } from "../../gateway/cache/redis-cache.ts";
import type { Principal } from "../../gateway/principal.ts";
import { TenantClients } from "../../gateway/tenant-clients.ts";
import { until } from "../support/condition.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { connectedCache, DEMO, REAL_CLOCK, spendingOf } from "./cache/cache-sample.ts";
import { callHttp, startGatewaySite, startTestGateway, testClock } from "./gateway-site.ts";

/** A lot is 10. */
const SLOW: RateSettings = { perSecond: 1e-6, burst: 640, bucketsMax: 100 };
const slow: AdmissionSettings = { ...DEFAULT_ADMISSION, key: SLOW };
const REQUEST: FastifyRequest = Object.create(null);

let redis: TestRedis;
let caches: readonly RedisCache[];
before(async () => {
  redis = await startTestRedis();
  caches = await Promise.all([0, 1].map(() => connectedCache(redis.url, REAL_CLOCK)));
});
after(async () => {
  await Promise.all(caches.map((cache) => cache.close()));
  await redis.stop();
});
beforeEach(() => redis.command("FLUSHALL"));

/** Admission of one gateway, with what it asks of its cache in view. */
class Gate {
  told = 0;
  readonly #gate: AdmissionGate;
  readonly #underWay = new Set<Promise<number | null>>();

  constructor(cache: Pick<GatewayCache, "isShared" | "spend">, settings = slow) {
    const spend: GatewayCache["spend"] = (spending) => {
      const answer = cache.spend(spending);
      this.told += 1;
      this.#underWay.add(answer);
      return answer.finally(() => this.#underWay.delete(answer));
    };
    const clients = new TenantClients(
      { natsUrl: "", onProblem: () => undefined, onFrame: () => undefined },
      testClock,
    );
    const watched = { isShared: cache.isShared, spend };
    const none = { loopDelayMs: () => 0, onShed: () => undefined };
    this.#gate = new AdmissionGate(settings, { clock: testClock, clients, cache: watched, ...none });
  }

  /** Sends one request. @returns why it is shed, or null */
  send(keyId = "k"): Shed | null {
    const principal: Principal = { keyId, tenant: DEMO, scopes: new Set(), owners: null };
    return this.#gate.enter(REQUEST, principal, false);
  }

  /** Sends requests one after the other and hears what comes of them. @returns how many passed */
  async passes(count: number, keyId = "k"): Promise<number> {
    let passed = 0;
    for (let sent = 0; sent < count; sent += 1) if (this.send(keyId) === null) passed += 1;
    while (this.#underWay.size > 0) await Promise.all(this.#underWay).then(() => turn());
    return passed;
  }
}

/** Sends to all by turns until none lets anything pass. @returns how many passed at each */
async function exhaust(gates: readonly Gate[], keyId = "k"): Promise<number[]> {
  const passed = gates.map(() => 0);
  for (let before = -1, all = 0; all > before; all = passed.reduce((sum, each) => sum + each, 0)) {
    before = all;
    for (const [index, gate] of gates.entries())
      passed[index] = (passed[index] ?? 0) + (await gate.passes(5, keyId));
  }
  return passed;
}

const sum = (counts: readonly number[]): number => counts.reduce((total, each) => total + each, 0);

/** Both gates have their lot, and what they sent before they heard. */
function assertOnce(passed: readonly number[]): void {
  assert.ok(sum(passed) >= SLOW.burst && sum(passed) <= SLOW.burst + 20, `${passed}`);
}

/** Waits until every cache asks Redis again. */
async function untilAsked(): Promise<void> {
  for (const cache of caches)
    await until("Redis is asked", async () => (await cache.spend(spendingOf({ bucket: "look" }))) !== null);
}

describe("two gateways on one Redis", () => {
  test("let a key pass its rate once, and each of them some of it", async () => {
    const gates = caches.map((cache) => new Gate(cache));
    const passed = await exhaust(gates);
    assertOnce(passed);
    for (const each of passed) assert.ok(each > 200, `${passed}`);
    const shed = gates[0]?.send();
    assert.deepEqual([shed?.reason, shed?.status, shed?.retryAfterSeconds], ["key_rate", 429, 60]);
    assert.match(shed?.rateLimit ?? "", /^"key";r=0;t=\d+$/);
    assertOnce(await exhaust(gates, "other"));
  });

  test("let it pass twice when they do not share: the test above tests what it says", async () => {
    const gates = [1, 2].map(() => new Gate(new BuiltInCache("test", REAL_CLOCK)));
    assert.deepEqual(await exhaust(gates), [640, 640]);
    assert.deepEqual(
      gates.map(({ told }) => told),
      [0, 0],
    );
  });

  test("keep the rate of a tenant together, whatever key is used where", async () => {
    const gates = caches.map((cache) => new Gate(cache, { ...DEFAULT_ADMISSION, tenant: SLOW }));
    const passed = await Promise.all(gates.map((gate, index) => exhaust([gate], `k${index}`)));
    assertOnce(passed.flat());
  });

  test("never ask of what is below a lot", async () => {
    const gate = new Gate(caches[0] ?? assert.fail(), DEFAULT_ADMISSION);
    for (let index = 0; index < 300; index += 1) assert.equal(await gate.passes(10, `k${index}`), 10);
    assert.equal(gate.told, 0);
    assert.equal(await gate.passes(3_125, "k"), 3_125);
    assert.equal(gate.told, 1, "a lot of the key, and not yet one of the tenant");
  });
});

describe("when Redis", () => {
  test("is killed, each gateway counts for itself; when it is back, they count together", async () => {
    const gates = caches.map((cache) => new Gate(cache));
    const before = await Promise.all(gates.map((gate) => gate.passes(100)));
    assert.deepEqual(before, [100, 100]);
    await redis.kill();
    const passed = await exhaust(gates);
    for (const each of passed) assert.ok(each >= 440 && each <= 540, `${passed}`);
    await redis.restart();
    await untilAsked();
    assertOnce(await exhaust(gates, "later"));
  });

  test("is emptied, there is a burst more and no request less", async () => {
    const gates = caches.map((cache) => new Gate(cache));
    for (const gate of gates) assert.equal(await gate.passes(100), 100);
    await redis.command("FLUSHALL");
    await redis.command("SCRIPT", "FLUSH");
    const passed = await exhaust(gates);
    assert.ok(sum(passed) >= 440 && sum(passed) <= SLOW.burst + 20, `${passed}`);
  });

  test("holds another kind of value, it is put right", async () => {
    const gates = caches.map((cache) => new Gate(cache));
    await redis.command("RPUSH", "coffer:test:b:key:k", "x");
    assertOnce(await exhaust(gates));
  });

  test("says that all is owed, callers wait as long as a debt lasts and no longer", async () => {
    const key = { perSecond: 320, burst: 640, bucketsMax: 100 };
    const gate = new Gate(caches[0] ?? assert.fail(), { ...DEFAULT_ADMISSION, key });
    await redis.command("SET", "coffer:test:b:key:k", `-1e300 ${Date.now() + 1e12}`);
    assert.equal(await gate.passes(10), 10);
    const shed = gate.send();
    assert.match(shed?.rateLimit ?? "", /^"key";r=0;t=[1-3]$/);
    await until("it passes again", () => gate.send() === null);
  });
});

test("no two buckets have one name among gateways, and every name fits a key", () => {
  const long = { tenant: "t".repeat(32), owner: "o".repeat(64) };
  const names = [
    { kind: "key", name: "demo" },
    { kind: "tenant", name: "demo" },
    { kind: "owner", name: "demo alice" },
    { kind: "owner", name: "demo-alice x" },
    { kind: "owner", name: "demo alice-x" },
    { kind: "owner", name: "d emo" },
    { kind: "owner", name: `${long.tenant} ${long.owner}` },
  ].map(bucketOf);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(names.slice(0, 3), ["key:demo", "tenant:demo", "owner:demo:alice"]);
  for (const name of names) assert.equal(new CacheKeys("test").bucket(name), `coffer:test:b:${name}`);
});

test("an owner who has sent its burst to one gateway is refused by another one soon", async () => {
  const site = await startGatewaySite({ shards: 1 });
  const admission = { ...DEFAULT_ADMISSION, owner: { ...SLOW, burst: 64 } };
  const options = { redisUrl: redis.url, admission };
  const start = () => startTestGateway(site.nats.url, site.keys, undefined, 5_000, { options });
  const gateways = await Promise.all([start(), start()]);
  try {
    const [one = "", other = ""] = gateways.map(({ url }) => url);
    const pay = (owner = "eve") => ({ id: randomUUID(), from: `${owner}:usd`, to: "ann:usd", amount: "1" });
    const send = (url: string, owner?: string) =>
      callHttp(url, "POST", "/v1/transfers", { body: pay(owner) });
    const bucketsOf = async (owner: string) =>
      String(await redis.command("KEYS", `coffer:*:b:owner:demo:${owner}`));
    for (const [url, probe] of [
      [one, "p1"],
      [other, "p2"],
    ] as const)
      await until("it tells Redis", async () => {
        await send(url, probe);
        return (await bucketsOf(probe)) !== "";
      });
    const commands = Array.from({ length: 60 }, () => ({ op: "transfer", ...pay() }));
    assert.equal((await callHttp(one, "POST", "/v1/batches", { body: { commands } })).status, 200);
    for (let sent = 0; sent < 4; sent += 1) assert.notEqual((await send(one)).status, 429);
    assert.equal((await send(one)).status, 429);
    await until("it has told", async () => (await bucketsOf("eve")) !== "");
    let passed = 0;
    while ((await send(other)).status !== 429) passed += 1;
    assert.ok(passed < 32, `${passed} passed of what was spent`);
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await site.stop();
  }
});
