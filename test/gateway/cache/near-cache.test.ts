/**
 * What a process remembers and answers at once: a wallet under reads and events in any order, and what an event may do.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { DEFAULT_BOUNDS } from "../../../gateway/cache/built-in-cache.ts";
import { CACHED_AGE_MS_MAX } from "../../../gateway/cache/keepable.ts";
import { contentText, NearCache } from "../../../gateway/cache/near-cache.ts";
import { ALICE_USD, DEMO, outcomeKey, outcomeOf, stillClock, walletAt } from "./cache-sample.ts";

const asOf = { shard: 1, position: 99, timeMs: 1_700_000_000_500 };

/** What an event tells of the wallet at a version. */
function changeTo(version: number, isOfBalances = true): Parameters<NearCache["changeWallet"]>[1] {
  const { wallet, posted, held, incoming, available } = walletAt(version).wallet;
  return { balances: { wallet, posted, held, incoming, available, version }, isOfBalances, asOf };
}

describe("a change of a kept wallet", () => {
  test("that is the next version brings its balances and instant, and keeps its age", () => {
    const clock = stillClock();
    const near = new NearCache(clock, DEFAULT_BOUNDS);
    const first = near.putWallet(DEMO, walletAt(7), 0);
    first.shown = { json: "{}", tag: '"x"', instant: "" };
    clock.advance(1_000);
    near.changeWallet(DEMO, changeTo(8));
    const kept = near.peekWallet(DEMO, ALICE_USD, 1_000);
    assert.deepEqual(kept?.wallet, walletAt(8).wallet);
    assert.deepEqual([kept.asOf, kept.shown], [asOf, null]);
    assert.equal(near.peekWallet(DEMO, ALICE_USD, 999), null, "an event does not make it younger");
  });

  test("that leaves something out drops it: a version in between, or more than balances", () => {
    for (const change of [changeTo(9), changeTo(8, false)]) {
      const near = new NearCache(stillClock(), DEFAULT_BOUNDS);
      near.putWallet(DEMO, walletAt(7), 0);
      near.changeWallet(DEMO, change);
      assert.equal(near.hasWallet(DEMO, ALICE_USD), false);
    }
  });

  test("drops one that is too old for any read, and leaves one alone that is as new", () => {
    const clock = stillClock();
    const near = new NearCache(clock, DEFAULT_BOUNDS);
    near.putWallet(DEMO, walletAt(7), 0);
    near.changeWallet(DEMO, changeTo(7));
    near.changeWallet(DEMO, changeTo(3, false));
    assert.equal(near.peekWallet(DEMO, ALICE_USD, 0)?.wallet.version, 7);
    clock.advance(CACHED_AGE_MS_MAX + 1);
    near.changeWallet(DEMO, changeTo(8));
    assert.equal(near.hasWallet(DEMO, ALICE_USD), false);
  });

  test("in any order with reads never lowers a version, nor makes a wallet younger than its read", () => {
    const step = fc.record({
      act: fc.constantFrom("read", "change", "wait"),
      version: fc.integer({ min: 1, max: 6 }),
      ms: fc.integer({ min: 0, max: 400 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const clock = stillClock();
        const near = new NearCache(clock, DEFAULT_BOUNDS);
        let version = 0;
        let lastReadMs = Number.NEGATIVE_INFINITY;
        for (const { act, version: next, ms } of steps) {
          if (act === "wait") clock.advance(ms);
          else if (act === "change") near.changeWallet(DEMO, changeTo(next));
          else {
            near.putWallet(DEMO, walletAt(next), ms);
            lastReadMs = Math.max(lastReadMs, clock.steadyMs() - ms);
          }
          const kept = near.peekWallet(DEMO, ALICE_USD, Number.POSITIVE_INFINITY);
          if (kept === null) version = 0;
          else {
            assert.ok(kept.wallet.version >= version);
            assert.ok(kept.knownMs <= lastReadMs);
            assert.equal(kept.wallet.posted, BigInt(kept.wallet.version) * 100n);
            ({ version } = kept.wallet);
          }
        }
      }),
    );
  });
});

describe("an outcome", () => {
  const command = { op: "transfer", id: "1", from: "alice:usd", to: "bob:usd", amount: "5" };

  test("is given for the same text alone", () => {
    const near = new NearCache(stillClock(), DEFAULT_BOUNDS);
    const outcome = outcomeOf(outcomeKey());
    near.putOutcome("demo alice 1", contentText(command), outcome);
    assert.deepEqual(near.peekOutcome("demo alice 1", { ...command }), outcome);
    for (const other of [
      { ...command, amount: "6" },
      { ...command, ref: "" },
      { ...command, op: "x" },
    ])
      assert.equal(near.peekOutcome("demo alice 1", other), null);
    assert.equal(near.peekOutcome("demo alice 2", command), null);
    assert.deepEqual(near.counts, { hits: 1, misses: 3 });
  });

  test("has the bytes that it takes", () => {
    const bounds = { ...DEFAULT_BOUNDS, outcomes: { entriesMax: 100_000, bytesMax: 10_000 } };
    const near = new NearCache(stillClock(), bounds);
    for (let count = 0; count < 1_000; count += 1)
      near.putOutcome(`demo alice ${count}`, contentText(command), outcomeOf(outcomeKey()));
    assert.ok(near.entries > 5 && near.entries < 40, String(near.entries));
    assert.ok(near.bytes <= 10_000);
  });
});
