/**
 * Two gateways on one Redis at the same time: versions only go up, a bucket loses all that was spent, a campaign
 * gives its budget once.
 * The two caches have connections of their own, so Redis sees their commands in any order.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { RedisCache, RedisCacheOptions } from "../../../gateway/cache/redis-cache.ts";
import type { OwnerName, WalletName } from "../../../protocol/names.ts";
import type { TestRedis } from "../../support/redis.ts";
import { startTestRedis } from "../../support/redis.ts";
import {
  ALICE_USD,
  claimOf,
  connectedCache,
  DEMO,
  outcomeKey,
  outcomeOf,
  REAL_CLOCK,
  spendingOf,
  stillClock,
  stillWall,
  walletAt,
} from "./cache-sample.ts";

let redis: TestRedis;
let caches: readonly [RedisCache, RedisCache];
const opened: RedisCache[] = [];
before(async () => {
  redis = await startTestRedis();
  caches = [await open(), await open()];
});
after(async () => {
  await Promise.all(opened.map((cache) => cache.close()));
  await redis.stop();
  for (const cache of opened)
    assert.deepEqual([cache.stats().failures, cache.stats().late, cache.stats().refused], [0, 0, 0]);
});
beforeEach(() => redis.command("FLUSHALL"));

/** A cache that is closed at the end, however its test ends. */
async function open(clock = REAL_CLOCK, changes: Partial<RedisCacheOptions> = {}): Promise<RedisCache> {
  const cache = await connectedCache(redis.url, clock, changes);
  opened.push(cache);
  return cache;
}

/** 0..count-1 in an order that is always the same and looks like none. */
function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 7919) % count);
}

/** Runs `call` for each number, all at once, by turns on the one and the other cache. */
async function byTurns<Value>(
  count: number,
  call: (cache: RedisCache, index: number) => Promise<Value>,
): Promise<Value[]> {
  return await Promise.all(shuffled(count).map((index) => call(caches[index % 2 === 0 ? 0 : 1], index)));
}

describe("two caches on one redis", () => {
  test("of versions that race, the highest stays, and a reader never sees them go down", async () => {
    let isOver = false;
    const watcher = await open();
    const watched = (async () => {
      const seen: number[] = [];
      while (!isOver) seen.push((await watcher.wallet(DEMO, ALICE_USD, 60_000))?.wallet.version ?? 0);
      return seen;
    })();
    await byTurns(1009, (cache, index) => cache.keepWallet(DEMO, walletAt(index + 1), 0));
    isOver = true;
    const seen = await watched;
    assert.deepEqual(
      seen,
      seen.toSorted((one, other) => one - other),
    );
    const fresh = await open();
    assert.equal((await fresh.wallet(DEMO, ALICE_USD, 60_000))?.wallet.version, 1009);
  });

  test("a version of more digits is higher", async () => {
    for (const version of [9, 10, 9, 99, 100, 99]) await caches[0].keepWallet(DEMO, walletAt(version), 0);
    assert.equal((await caches[1].wallet(DEMO, ALICE_USD, 60_000))?.wallet.version, 100);
  });

  test("clocks that differ are added to each age, so that no age is understated", async () => {
    const clock = stillClock();
    const skewed = await open(stillWall(clock), { clockSkewMs: 100 });
    const ahead = { ...stillWall(clock), wallMs: () => clock.wallMs() + 100 };
    const writer = await open(ahead, { clockSkewMs: 100 });
    const wallet = "alice:skew" as WalletName;
    await writer.keepWallet(DEMO, walletAt(1, wallet), 0);
    clock.advance(40);
    const ageMs = (await skewed.wallet(DEMO, wallet, 1000))?.ageMs ?? 0;
    assert.ok(ageMs >= 40, `${ageMs}`);
    assert.equal(await skewed.wallet(DEMO, wallet, 39), null);
  });

  test("a bucket loses what either spent, each telling once", async () => {
    const answers = await byTurns(997, (cache) => cache.spend(spendingOf({ bucket: "shared" })));
    const lefts = answers.map((left) => Math.round(left ?? Number.NaN)).toSorted((one, other) => one - other);
    assert.deepEqual(
      lefts,
      Array.from({ length: 997 }, (_, index) => index + 3),
    );
  });

  test("a campaign gives its budget once, and each owner its cap", async () => {
    const answers = await byTurns(997, (cache, index) =>
      cache.claim(claimOf({ owner: `o${index % 100}` as OwnerName, perOwnerMax: 3, budget: 2505n })),
    );
    assert.equal(answers.filter((answer) => answer.allowed).length, 250);
    assert.deepEqual(
      [...new Set(answers.map((answer) => answer.reason))].sort(),
      ["budget", null, "owner_cap"].sort(),
    );
    const roomy = await byTurns(997, (cache, index) =>
      cache.claim(claimOf({ campaign: "roomy", owner: `o${index % 10}` as OwnerName, perOwnerMax: 7 })),
    );
    assert.equal(roomy.filter((answer) => answer.allowed).length, 10);
    const unbound = await byTurns(997, (cache, index) =>
      cache.claim(
        claimOf({ campaign: "unbound", owner: `o${index % 10}` as OwnerName, perOwnerMax: 7, budget: null }),
      ),
    );
    assert.equal(unbound.filter((answer) => answer.allowed).length, 70);
  });

  test("an outcome that one kept is answered by the other", async () => {
    const keys = Array.from({ length: 100 }, () => outcomeKey());
    await Promise.all(keys.map((key) => caches[0].keepOutcome(key, outcomeOf(key))));
    for (const key of keys) assert.deepEqual(await caches[1].outcome(key), outcomeOf(key));
  });
});
