/**
 * Redis killed, emptied, frozen, absent, full of others' values: it costs speed and never an answer.
 * Every call is answered, no wallet is older than asked for, no outcome is another one's, and once Redis is back it is
 * asked again.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { CacheClock } from "../../../gateway/cache/gateway-cache.ts";
import type { RedisCacheOptions } from "../../../gateway/cache/redis-cache.ts";
import { contentHash, RedisCache } from "../../../gateway/cache/redis-cache.ts";
import { ValueSeal } from "../../../gateway/cache/sealed-value.ts";
import { until, within } from "../../support/condition.ts";
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
  SECRET,
  spendingOf,
  stillClock,
  stillWall,
  walletAt,
} from "./cache-sample.ts";

const WALLET_KEY = "coffer:test:w:demo:alice:usd";
const BUCKET_KEY = "coffer:test:b:b";
/** The shipped limit of 25 ms would make a busy machine look like a slow Redis where a test wants a healthy one. */
const PATIENT_MS = 500;

let redis: TestRedis;
before(async () => {
  redis = await startTestRedis();
});
after(() => redis.stop());
beforeEach(() => redis.command("FLUSHALL"));

/** Runs a check with one connected cache. */
async function withCache(
  check: (cache: RedisCache) => Promise<void>,
  changes: Partial<RedisCacheOptions> = {},
  clock: CacheClock = REAL_CLOCK,
): Promise<void> {
  const cache = await connectedCache(redis.url, clock, { timeLimitMs: PATIENT_MS, ...changes });
  try {
    await check(cache);
  } finally {
    await cache.close();
  }
}

/** Every kind of call once; each must be answered in a short time. */
async function callAll(cache: RedisCache): Promise<void> {
  const key = outcomeKey();
  await within(
    "each call is answered",
    (async () => {
      await cache.keepWallet(DEMO, walletAt(3), 0);
      assert.equal((await cache.wallet(DEMO, ALICE_USD, 60_000))?.wallet.version, 3);
      await cache.keepOutcome(key, outcomeOf(key));
      assert.deepEqual(await cache.outcome(key), outcomeOf(key));
      const left = await cache.spend(spendingOf());
      assert.ok(left === null || left < 1_000, `${left}`);
      const claim = claimOf({ campaign: `c-${key.id}` });
      assert.equal((await cache.claim(claim)).allowed, true);
      await cache.unclaim(claim);
    })(),
    10_000,
  );
}

/** Asks until a probe has closed the breaker. */
async function untilClosed(cache: RedisCache): Promise<void> {
  await until("Redis is asked again", async () => {
    await cache.spend(spendingOf());
    return cache.stats().breaker === "closed";
  });
}

describe("redis away", () => {
  test("killed amid many calls: each is answered, and after a restart it is shared again", async () => {
    await withCache(async (cache) => {
      const calls: Promise<unknown>[] = [];
      for (let index = 0; index < 300; index += 1) calls.push(callAll(cache));
      await redis.kill();
      for (let index = 0; index < 300; index += 1) calls.push(callAll(cache));
      await Promise.all(calls);
      await callAll(cache);
      assert.equal(cache.stats().breaker, "open");
      assert.ok(cache.stats().failures >= 5);
      const failures = cache.stats().failures;
      await callAll(cache);
      assert.ok(cache.stats().failures <= failures + 1, "an open breaker does not ask, but for a probe");
      await redis.restart();
      await untilClosed(cache);
      await callAll(cache);
      assert.equal(typeof (await redis.command("GET", WALLET_KEY)), "string");
    });
  });

  test("absent from the start: the built-in cache serves, and Redis joins when it comes", async () => {
    await redis.kill();
    const cache = new RedisCache({ url: redis.url, cluster: "test", secret: SECRET }, REAL_CLOCK);
    try {
      await callAll(cache);
      await callAll(cache);
      assert.equal(cache.stats().breaker, "open");
      await redis.restart();
      await untilClosed(cache);
    } finally {
      await cache.close();
    }
  });

  test("emptied: what was kept near stays, what was not is a miss, scripts are loaded again", async () => {
    await withCache(async (writer) => {
      await withCache(async (reader) => {
        await writer.keepWallet(DEMO, walletAt(3), 0);
        await redis.command("FLUSHALL");
        await redis.command("SCRIPT", "FLUSH");
        assert.equal(await reader.wallet(DEMO, ALICE_USD, 60_000), null);
        assert.equal((await writer.wallet(DEMO, ALICE_USD, 60_000))?.wallet.version, 3);
        await callAll(reader);
        assert.deepEqual([reader.stats().failures, reader.stats().breaker], [0, "closed"]);
      });
    });
  });

  test("closed: calls are still answered", async () => {
    await withCache(async (cache) => {
      const asked = callAll(cache);
      await cache.close();
      await asked;
      await callAll(cache);
    });
  });
});

describe("redis slow", () => {
  test("frozen: calls wait at most the time limit, then not at all; thawed it is asked again", async () => {
    const heard: string[] = [];
    const options = {
      timeLimitMs: 25,
      onBreaker: (state: string, why: string) => heard.push(`${state}: ${why}`),
    };
    await withCache(async (cache) => {
      await untilClosed(cache);
      heard.length = 0;
      redis.freeze();
      try {
        for (let round = 0; round < 5; round += 1) await callAll(cache);
        const { late, breaker } = cache.stats();
        assert.equal(breaker, "open");
        assert.ok(late >= 5 && late <= 7, `late: ${late}`);
        assert.deepEqual(heard, ["open: no answer in time"]);
      } finally {
        redis.thaw();
      }
      await untilClosed(cache);
      assert.equal(heard.at(-1), "closed: a probe was answered in time");
    }, options);
  });

  test("frozen amid a burst: no more than the bound is under way, and nothing is queued", async () => {
    await withCache(async (cache) => {
      redis.freeze();
      try {
        const tellings = Array.from({ length: 10_050 }, () => cache.spend(spendingOf()));
        const answers = await within("every telling is answered", Promise.all(tellings));
        assert.deepEqual(new Set(answers), new Set([null]));
        assert.ok(cache.stats().failures >= 5, "what is beyond the bound fails at once");
      } finally {
        redis.thaw();
      }
      await untilClosed(cache);
    });
  });

  test("silent for long: the connection is given up and a new one made", async () => {
    let skippedMs = 0;
    const clock = { wallMs: REAL_CLOCK.wallMs, steadyMs: () => REAL_CLOCK.steadyMs() + skippedMs };
    await withCache(
      async (cache) => {
        await untilClosed(cache);
        redis.freeze();
        for (let round = 0; round < 2; round += 1) await callAll(cache);
        skippedMs = 10_000;
        assert.deepEqual([cache.isConnected, cache.stats().breaker], [true, "open"]);
        await cache.spend(spendingOf());
        assert.equal(cache.isConnected, false);
        redis.thaw();
        await untilClosed(cache);
        assert.equal(cache.isConnected, true);
      },
      { timeLimitMs: 25 },
      clock,
    );
  });
});

describe("redis poisoned", () => {
  const clock = stillClock();
  const stamps = stillWall(clock);

  /** A value that a gateway without the right secret, or for another key, has sealed. */
  const forged = (key: string, secret: Buffer, version = 99) =>
    new ValueSeal(secret).sealWallet(key, walletAt(version), stamps.wallMs());
  const mine = forged(WALLET_KEY, SECRET);
  const cases: readonly (readonly [string, string])[] = [
    ["text that is none of ours", "hello"],
    ["nothing", ""],
    ["sealed with another secret", forged(WALLET_KEY, Buffer.alloc(32, 8))],
    ["sealed for another key", forged("coffer:test:w:demo:bob:usd", SECRET)],
    ["sealed for another cluster", forged("coffer:older:w:demo:alice:usd", SECRET)],
    ["another format", `2${mine.slice(1)}`],
    ["an amount changed", mine.replace('"posted":"9900"', '"posted":"9901"')],
    ["the stamp changed", mine.replace("0000000000000099", "0000000000000100")],
    ["cut", mine.slice(0, -1)],
    [
      "a stamp of the future",
      new ValueSeal(SECRET).sealWallet(WALLET_KEY, walletAt(99), stamps.wallMs() + 1),
    ],
  ];

  for (const [what, text] of cases) {
    test(`${what}: a miss that is counted, and gone for the next`, async () => {
      await withCache(
        async (cache) => {
          await redis.command("SET", WALLET_KEY, text);
          assert.equal(await cache.wallet(DEMO, ALICE_USD, 60_000), null);
          assert.equal(cache.stats().refused, 1);
          assert.equal(await redis.command("GET", WALLET_KEY), null);
          await cache.keepWallet(DEMO, walletAt(3), 0);
          assert.equal((await cache.wallet(DEMO, ALICE_USD, 0))?.wallet.version, 3);
        },
        {},
        stamps,
      );
    });
  }

  test("what is changed is ours before: the cases test what they say", async () => {
    await withCache(
      async (cache) => {
        await redis.command("SET", WALLET_KEY, mine);
        assert.equal((await cache.wallet(DEMO, ALICE_USD, 0))?.wallet.version, 99);
      },
      {},
      stamps,
    );
  });

  test("an older value put back is as old as it is", async () => {
    await withCache(
      async (cache) => {
        await redis.command(
          "SET",
          WALLET_KEY,
          new ValueSeal(SECRET).sealWallet(WALLET_KEY, walletAt(2), stamps.wallMs() - 700),
        );
        assert.equal(await cache.wallet(DEMO, ALICE_USD, 699), null);
        assert.equal((await cache.wallet(DEMO, ALICE_USD, 700))?.ageMs, 700);
      },
      {},
      stamps,
    );
  });

  test("an outcome under another id, or of another secret, is a miss", async () => {
    await withCache(async (cache) => {
      const [key, other] = [outcomeKey(), outcomeKey()];
      const name = (id: string) => `coffer:test:o:demo:alice:${id}`;
      const sealed = new ValueSeal(SECRET).sealOutcome(
        name(other.id),
        contentHash(other.content),
        outcomeOf(other),
      );
      await redis.command("SET", name(key.id), sealed);
      assert.equal(await cache.outcome(key), null);
      const foreign = new ValueSeal(Buffer.alloc(32, 8));
      await redis.command(
        "SET",
        name(key.id),
        foreign.sealOutcome(name(key.id), contentHash(key.content), outcomeOf(key)),
      );
      assert.equal(await cache.outcome(key), null);
      assert.equal(cache.stats().refused, 2);
    });
  });

  test("keys of another kind, and numbers that are none, stop nobody", async () => {
    await withCache(async (cache) => {
      const claim = claimOf();
      const claims = "coffer:test:c:{demo:spring}:alice";
      for (const key of [WALLET_KEY, BUCKET_KEY, "coffer:test:c:{demo:spring}"])
        await redis.command("RPUSH", key, "x");
      await redis.command("SET", claims, "x");
      assert.equal(await cache.wallet(DEMO, ALICE_USD, 60_000), null);
      assert.equal(await cache.spend(spendingOf()), null);
      assert.equal((await cache.claim(claim)).allowed, true);
      assert.equal(cache.stats().refused, 3);
      for (const text of ["x", "-7", "00012", "99999999999999999999", "9223372036854775807"]) {
        await redis.command("SET", "coffer:test:c:{demo:spring}", text);
        const answer = await cache.claim(claimOf({ perOwnerMax: 1000, budget: null }));
        assert.equal(answer.allowed, true, text);
      }
      await callAll(cache);
      assert.deepEqual([cache.stats().failures, cache.stats().breaker], [0, "closed"]);
    });
  });
});
