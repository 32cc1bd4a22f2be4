/**
 * The built-in cache against models that are too simple to be wrong, and its bounds.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BoundedMap } from "../../../gateway/cache/bounded-map.ts";
import { BuiltInCache, DEFAULT_BOUNDS } from "../../../gateway/cache/built-in-cache.ts";
import type { OwnerName, WalletName } from "../../../protocol/names.ts";
import { ALICE_USD, claimOf, DEMO, outcomeKey, outcomeOf, stillClock, walletAt } from "./cache-sample.ts";

const SMALL = { entriesMax: 4, bytesMax: 100_000 };
const bounds = { ...DEFAULT_BOUNDS, wallets: SMALL, outcomes: SMALL, campaigns: SMALL };

/** One wallet: of the versions that were kept the highest, and the latest moment at which that one was known. */
class WalletModel {
  #version = 0;
  #knownMs = Number.NEGATIVE_INFINITY;

  keep(version: number, knownMs: number): void {
    if (version < this.#version) return;
    this.#knownMs = version === this.#version ? Math.max(knownMs, this.#knownMs) : knownMs;
    this.#version = version;
  }

  look(nowMs: number, maxAgeMs: number): readonly [number, number] | null {
    const ageMs = nowMs - this.#knownMs;
    return ageMs > maxAgeMs ? null : [this.#version, ageMs];
  }
}

describe("bounded map", () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    bytes: fc.integer({ min: 1, max: 12 }),
    act: fc.constantFrom("set", "get", "delete"),
  });

  test("behaves like a list in order of use, cut at both bounds", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new BoundedMap<number>({ entriesMax: 4, bytesMax: 20 });
        let model: { key: string; value: number; bytes: number }[] = [];
        const sum = () => model.reduce((total, each) => total + each.bytes, 0);
        for (const [value, { key, bytes, act }] of steps.entries()) {
          const found = model.find((each) => each.key === key);
          if (act === "get") assert.equal(map.get(key), found?.value);
          else if (act === "set") map.set(key, value, bytes);
          else map.delete(key);
          model = model.filter((each) => each.key !== key);
          if (act === "get" && found !== undefined) model.push(found);
          if (act === "set") model.push({ key, value, bytes });
          while (model.length > 4 || sum() > 20) model.shift();
          assert.deepEqual([map.size, map.bytes], [model.length, sum()]);
        }
        for (const { key, value } of [...model]) assert.equal(map.get(key), value);
      }),
    );
  });

  test("a value beyond the bytes is not kept, nor its older one, and nothing else goes for it", () => {
    const map = new BoundedMap<number>({ entriesMax: 4, bytesMax: 20 });
    map.set("a", 1, 10);
    map.set("b", 2, 10);
    map.set("a", 3, 21);
    assert.deepEqual([map.get("a"), map.get("b"), map.bytes], [undefined, 2, 10]);
  });
});

describe("wallets of the built-in cache", () => {
  const act = fc.oneof(
    fc.record({ keep: fc.integer({ min: 1, max: 6 }), ageMs: fc.integer({ min: 0, max: 90 }) }),
    fc.record({ advance: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ maxAgeMs: fc.integer({ min: 0, max: 120 }) }),
  );

  test("show the highest version kept, at the latest moment it was known", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
        const clock = stillClock();
        const cache = new BuiltInCache("test", clock);
        const model = new WalletModel();
        for (const each of acts) {
          if ("advance" in each) clock.advance(each.advance);
          else if ("keep" in each) {
            model.keep(each.keep, clock.steadyMs() - each.ageMs);
            await cache.keepWallet(DEMO, walletAt(each.keep), each.ageMs);
          } else {
            const seen = await cache.wallet(DEMO, ALICE_USD, each.maxAgeMs);
            const shown = seen === null ? null : [seen.wallet.version, seen.ageMs];
            assert.deepEqual(shown, model.look(clock.steadyMs(), each.maxAgeMs));
          }
        }
      }),
    );
  });
});

describe("bounds of the built-in cache", () => {
  test("of each kind at most so many are kept, and what was used longest ago goes", async () => {
    const cache = new BuiltInCache("test", stillClock(), bounds);
    const keys = Array.from({ length: 20 }, () => outcomeKey());
    for (const [index, key] of keys.entries()) {
      await cache.keepWallet(DEMO, walletAt(1, `w${index}:usd` as WalletName), 0);
      await cache.wallet(DEMO, "w0:usd" as WalletName, 0);
      await cache.keepOutcome(key, outcomeOf(key));
      await cache.claim(claimOf({ owner: `o${index}` as OwnerName, budget: null }));
    }
    assert.equal(cache.stats().entries, 3 * 4 + 1);
    assert.notEqual(await cache.wallet(DEMO, "w0:usd" as WalletName, 0), null);
    assert.equal(await cache.wallet(DEMO, "w1:usd" as WalletName, 0), null);
    assert.equal(await cache.outcome(keys[15] ?? outcomeKey()), null);
    assert.notEqual(await cache.outcome(keys[16] ?? outcomeKey()), null);
  });

  test("bytes bound it too, and the sum is what the maps hold", async () => {
    const tight = { ...bounds, wallets: { entriesMax: 1000, bytesMax: 5000 } };
    const cache = new BuiltInCache("test", stillClock(), tight);
    for (let index = 0; index < 100; index += 1)
      await cache.keepWallet(DEMO, walletAt(1, `w${index}:usd` as WalletName), 0);
    const { entries, bytes } = cache.stats();
    assert.ok(entries > 1 && entries < 20, `${entries} entries`);
    assert.ok(bytes <= 5000 && bytes > 4000, `${bytes} bytes`);
  });
});
