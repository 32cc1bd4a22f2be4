/**
 * The script that keeps a bucket for all gateways, on a real Redis: what it makes of whatever lies in the key.
 * The bucket holds 1,000 and fills by one a second; where a test wants time to pass, it sets back when the bucket was
 * filled. Guards against: a value that others wrote stopping callers for good, or letting them pass for good.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { RedisCache } from "../../../gateway/cache/redis-cache.ts";
import type { TestRedis } from "../../support/redis.ts";
import { startTestRedis } from "../../support/redis.ts";
import { connectedCache, REAL_CLOCK, spendingOf } from "./cache-sample.ts";

const KEY = "coffer:test:b:b";
/** Ms that a test may take between two of its commands. */
const SLACK_MS = 20_000;

let redis: TestRedis;
let cache: RedisCache;
before(async () => {
  redis = await startTestRedis();
  cache = await connectedCache(redis.url, REAL_CLOCK);
});
after(async () => {
  await cache.close();
  await redis.stop();
});

/** The server's clock, ms. */
async function serverMs(): Promise<number> {
  const [seconds, micros] = (await redis.command("TIME")) as readonly string[];
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}

/** A minute ago, now, and in an hour, as the server's clock has them. */
const AGO = -60_000;
const NOW = 0;
const AHEAD = 3_600_000;

// What lies in the key (null = nothing) and since when; what is spent; what is left then, within SLACK_MS of filling.
const cases: readonly (readonly [tokens: string | null, atMs: number, spent: number, left: number])[] = [
  [null, NOW, 1, 999],
  [null, NOW, 0.25, 999.75],
  [null, NOW, 1_000, 0],
  [null, NOW, 1_500, -500],
  [null, NOW, 9_999, -640],
  ["500", NOW, 100, 400],
  ["500", AGO, 100, 460],
  ["990", AGO, 100, 900],
  ["-500", AGO, 1, -441],
  ["-640", NOW, 1, -640],
  ["500", AHEAD, 100, 400],
  // What is out of range is its end; what is no number is a full bucket.
  ["1e300", NOW, 1, 999],
  ["inf", NOW, 1, 999],
  ["-1e300", AGO, 1, -581],
  ["-inf", NOW, 1, -640],
  ["nan", NOW, 1, 999],
  ["x", NOW, 1, 999],
  ["", NOW, 1, 999],
  ["5 5", NOW, 1, 999],
];

for (const [tokens, atMs, spent, left] of cases) {
  test(`${JSON.stringify(tokens)} of ${atMs / 1_000} s: ${spent} spent leave ${left}`, async () => {
    const at = (await serverMs()) + atMs;
    if (tokens === null) await redis.command("DEL", KEY);
    else await redis.command("SET", KEY, `${tokens} ${at}`);
    const slow = spendingOf({ spent, perSecond: 1e-9, debtMax: 640 });
    const answer = await cache.spend(atMs === NOW ? slow : { ...slow, perSecond: 1 });
    const slack = atMs === AGO ? SLACK_MS / 1_000 : 1e-3;
    assert.ok(answer !== null && answer >= left - 1e-3 && answer <= left + slack, `${answer}`);
    const kept = /^(\S+) (\S+)$/.exec(String(await redis.command("GET", KEY)));
    assert.equal(Number(kept?.[1]), answer);
    assert.ok(Math.abs(Number(kept?.[2]) - (await serverMs())) < SLACK_MS, "it is filled up to now");
  });
}

for (const [at, left] of [
  ["nan", 999],
  ["-inf", 999],
  ["-5", 999],
  ["x", 999],
  ["inf", 499],
] as const) {
  test(`500 of ${at}: one spent leaves ${left}, and it counts on from now`, async () => {
    await redis.command("SET", KEY, `500 ${at}`);
    const slow = spendingOf({ perSecond: 1e-9 });
    assert.equal(Math.round((await cache.spend(slow)) ?? Number.NaN), left);
    assert.equal(Math.round((await cache.spend(slow)) ?? Number.NaN), left - 1);
  });
}

test("a bucket is kept until it is full, and no longer than 30 days", async () => {
  for (const [spent, perSecond, leastMs, mostMs] of [
    [500, 10, 50_000, 51_000],
    [1_500, 10, 150_000, 151_000],
    [500, 1e-9, 2_592_000_000, 2_592_000_000],
  ] as const) {
    await redis.command("DEL", KEY);
    await cache.spend(spendingOf({ spent, perSecond }));
    const liveMs = Number(await redis.command("PTTL", KEY));
    assert.ok(liveMs > leastMs - SLACK_MS && liveMs <= mostMs, `${liveMs}`);
  }
});

test("what may not be spent is a bug of the caller", async () => {
  await assert.rejects(cache.spend(spendingOf({ bucket: "a\nb" })), /key/);
  await assert.rejects(cache.spend(spendingOf({ spent: 0 })), /spent/);
  await assert.rejects(cache.spend(spendingOf({ spent: Number.NaN })), /spent/);
  await assert.rejects(cache.spend(spendingOf({ perSecond: 0 })), /refills/);
  await assert.rejects(cache.spend(spendingOf({ burst: Number.POSITIVE_INFINITY })), /holds/);
  await assert.rejects(cache.spend(spendingOf({ debtMax: 0 })), /debt/);
});
