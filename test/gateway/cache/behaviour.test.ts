/**
 * What every cache does, run on both kinds: the built-in one, and two Redis caches on one server where the second reads
 * what the first has kept (so that nothing is answered from the memory of the one that kept it).
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BuiltInCache } from "../../../gateway/cache/built-in-cache.ts";
import type { GatewayCache } from "../../../gateway/cache/gateway-cache.ts";
import { OUTCOME_KEEP_MS, WALLET_KEEP_MS } from "../../../gateway/cache/keepable.ts";
import type { OwnerName, TenantName, WalletName } from "../../../protocol/names.ts";
import type { RefusalCode } from "../../../protocol/outcome.ts";
import type { TestRedis } from "../../support/redis.ts";
import { startTestRedis } from "../../support/redis.ts";
import type { StillClock } from "./cache-sample.ts";
import {
  ALICE_USD,
  claimOf,
  connectedCache,
  DEMO,
  OTHER_CONTENT,
  outcomeKey,
  outcomeOf,
  spendingOf,
  stillClock,
  stillWall,
  walletAt,
} from "./cache-sample.ts";

/** One cache to write to and one to read from; the clock is that of the wallets. */
interface Pair {
  readonly clock: StillClock;
  readonly writer: GatewayCache;
  readonly reader: GatewayCache;
  close(): Promise<void>;
}

let redis: TestRedis;
before(async () => {
  redis = await startTestRedis();
});
after(() => redis.stop());

const KINDS: Readonly<Record<string, () => Promise<Pair>>> = {
  "built-in": async () => {
    const clock = stillClock();
    const cache = new BuiltInCache("test", clock);
    return { clock, writer: cache, reader: cache, close: () => cache.close() };
  },
  redis: async () => {
    const clock = stillClock();
    await redis.command("FLUSHALL");
    const writer = await connectedCache(redis.url, stillWall(clock));
    const reader = await connectedCache(redis.url, stillWall(clock));
    const close = async () => {
      await writer.close();
      await reader.close();
    };
    return { clock, writer, reader, close };
  },
};

/** Runs a check with a fresh pair of each kind. */
function onBoth(name: string, check: (pair: Pair) => Promise<void>): void {
  for (const [kind, open] of Object.entries(KINDS)) {
    test(`${kind}: ${name}`, async () => {
      const pair = await open();
      try {
        await check(pair);
        assert.equal(pair.reader.stats().refused, 0);
        assert.equal(pair.reader.stats().failures, 0);
      } finally {
        await pair.close();
      }
    });
  }
}

describe("wallets", () => {
  onBoth("what was never kept is a miss", async ({ reader }) => {
    assert.equal(await reader.wallet(DEMO, ALICE_USD, 1000), null);
    assert.deepEqual([reader.stats().hits, reader.stats().misses], [0, 1]);
  });

  onBoth("what was kept comes back whole, with its age", async ({ clock, writer, reader }) => {
    await writer.keepWallet(DEMO, walletAt(7), 30);
    clock.advance(20);
    assert.deepEqual(await reader.wallet(DEMO, ALICE_USD, 50), { ...walletAt(7), ageMs: 50 });
    assert.equal(reader.stats().hits, 1);
  });

  onBoth("nobody gets one that is older than asked for", async ({ clock, writer, reader }) => {
    await writer.keepWallet(DEMO, walletAt(7), 0);
    clock.advance(501);
    assert.equal(await reader.wallet(DEMO, ALICE_USD, 500), null);
    assert.equal((await reader.wallet(DEMO, ALICE_USD, 501))?.ageMs, 501);
  });

  onBoth("a lower version never replaces a higher one, however young it is", async (pair) => {
    await pair.writer.keepWallet(DEMO, walletAt(9), 40);
    await pair.writer.keepWallet(DEMO, walletAt(8), 0);
    assert.equal((await pair.reader.wallet(DEMO, ALICE_USD, 1000))?.wallet.version, 9);
    await pair.writer.keepWallet(DEMO, walletAt(10), 45);
    assert.equal((await pair.reader.wallet(DEMO, ALICE_USD, 1000))?.wallet.posted, 1000n);
  });

  onBoth("an equal version makes it younger and never older", async ({ writer, reader }) => {
    await writer.keepWallet(DEMO, walletAt(9), 40);
    await writer.keepWallet(DEMO, walletAt(9), 10);
    assert.equal((await reader.wallet(DEMO, ALICE_USD, 1000))?.ageMs, 10);
    await writer.keepWallet(DEMO, walletAt(9), 30);
    assert.equal((await reader.wallet(DEMO, ALICE_USD, 1000))?.ageMs, 10);
  });

  onBoth("a wallet of another tenant or purse is another wallet", async ({ writer, reader }) => {
    await writer.keepWallet(DEMO, walletAt(9), 0);
    assert.equal(await reader.wallet("other" as TenantName, ALICE_USD, 1000), null);
    assert.equal(await reader.wallet(DEMO, "alice:eur" as WalletName, 1000), null);
  });

  onBoth("after its time it is a miss, whatever age is allowed", async ({ clock, writer, reader }) => {
    await writer.keepWallet(DEMO, walletAt(9), 0);
    clock.advance(WALLET_KEEP_MS + 1);
    assert.equal(await reader.wallet(DEMO, ALICE_USD, Number.POSITIVE_INFINITY), null);
    await writer.keepWallet(DEMO, walletAt(9), WALLET_KEEP_MS + 1);
    assert.equal(await reader.wallet(DEMO, ALICE_USD, Number.POSITIVE_INFINITY), null);
  });
});

describe("outcomes", () => {
  onBoth("come back for the same content", async ({ writer, reader }) => {
    const key = outcomeKey();
    assert.equal(await reader.outcome(key), null);
    await writer.keepOutcome(key, outcomeOf(key));
    assert.deepEqual(await reader.outcome(key), outcomeOf(key));
    const refused = outcomeKey();
    await writer.keepOutcome(refused, outcomeOf(refused, "insufficient_funds"));
    assert.deepEqual(await reader.outcome(refused), outcomeOf(refused, "insufficient_funds"));
  });

  onBoth("miss for another content, owner or tenant", async ({ writer, reader }) => {
    const key = outcomeKey();
    await writer.keepOutcome(key, outcomeOf(key));
    assert.equal(await reader.outcome({ ...key, content: OTHER_CONTENT }), null);
    assert.equal(await reader.outcome({ ...key, owner: "bob" as OwnerName }), null);
    assert.equal(await reader.outcome({ ...key, tenant: "other" as TenantName }), null);
  });

  onBoth("that are not the answer for ever are not kept", async ({ writer, reader }) => {
    const codes: readonly RefusalCode[] = ["malformed", "too_large", "id_conflict", "internal_error"];
    for (const code of codes) {
      const key = outcomeKey();
      await writer.keepOutcome(key, outcomeOf(key, code));
      assert.equal(await reader.outcome(key), null, code);
    }
    const key = outcomeKey();
    await writer.keepOutcome(key, { ...outcomeOf(key), position: 0 });
    assert.equal(await reader.outcome(key), null);
  });

  test("built-in: end with their time", async () => {
    const clock = stillClock();
    const cache = new BuiltInCache("test", clock);
    const key = outcomeKey();
    await cache.keepOutcome(key, outcomeOf(key));
    clock.advance(OUTCOME_KEEP_MS);
    assert.notEqual(await cache.outcome(key), null);
    clock.advance(1);
    assert.equal(await cache.outcome(key), null);
  });

  onBoth("every key in Redis has a time to live", async ({ writer }) => {
    const key = outcomeKey();
    await writer.keepOutcome(key, outcomeOf(key));
    await writer.keepWallet(DEMO, walletAt(1), 0);
    await writer.spend(spendingOf());
    await writer.claim(claimOf());
    await writer.claim(claimOf({ campaign: "refused", budget: 0n }));
    const names = writer.stats().kind === "redis" ? await redis.command("KEYS", "*") : [];
    assert.ok(Array.isArray(names));
    assert.equal(names.length, writer.stats().kind === "redis" ? 6 : 0);
    for (const name of names) {
      assert.match(String(name), /^coffer:test:/);
      assert.ok(Number(await redis.command("PTTL", String(name))) > 0, String(name));
    }
  });
});

test("built-in: nobody else knows what was spent, and nothing of it is kept", async () => {
  const cache = new BuiltInCache("test", stillClock());
  assert.deepEqual([cache.isShared, await cache.spend(), cache.stats().entries], [false, null, 0]);
});

describe("campaign counts", () => {
  onBoth("end with the owner's cap", async ({ writer, reader }) => {
    assert.deepEqual(await writer.claim(claimOf()), {
      allowed: true,
      reason: null,
      ownerClaims: 1,
      spent: 10n,
    });
    assert.deepEqual(await reader.claim(claimOf()), {
      allowed: true,
      reason: null,
      ownerClaims: 2,
      spent: 20n,
    });
    assert.deepEqual(await writer.claim(claimOf()), {
      allowed: false,
      reason: "owner_cap",
      ownerClaims: 2,
      spent: 20n,
    });
    assert.equal((await writer.claim(claimOf({ owner: "bob" as OwnerName }))).allowed, true);
  });

  onBoth("count a command's id once", async ({ writer, reader }) => {
    const claim = claimOf({ perOwnerMax: 1, budget: 10n });
    for (const cache of [writer, reader, writer]) {
      assert.deepEqual(await cache.claim(claim), {
        allowed: true,
        reason: null,
        ownerClaims: 1,
        spent: 10n,
      });
    }
  });

  onBoth("end with the budget, exactly, beyond 2^53", async ({ writer }) => {
    const budget = 2n ** 62n + 1n;
    assert.equal((await writer.claim(claimOf({ amount: 2n ** 62n, budget }))).allowed, true);
    const over = await writer.claim(claimOf({ amount: 2n, budget }));
    assert.deepEqual([over.allowed, over.reason, over.spent], [false, "budget", 2n ** 62n]);
    assert.equal((await writer.claim(claimOf({ amount: 1n, budget }))).spent, budget);
  });

  onBoth("give back what was counted, once", async ({ writer, reader }) => {
    const claim = claimOf({ perOwnerMax: 1, budget: 10n });
    await writer.unclaim(claim);
    await writer.claim(claim);
    await writer.unclaim(claim);
    await writer.unclaim(claim);
    const again = await reader.claim(claimOf({ perOwnerMax: 1, budget: 10n }));
    assert.deepEqual([again.allowed, again.spent], [true, 10n]);
  });
});

describe("wrong arguments", () => {
  onBoth("are a bug of the caller", async ({ writer }) => {
    await assert.rejects(writer.claim(claimOf({ campaign: "a:b" })), /key/);
    await assert.rejects(writer.claim(claimOf({ amount: 0n })), /positive/);
    await assert.rejects(writer.claim(claimOf({ perOwnerMax: 1001 })), /cap/);
  });
});
