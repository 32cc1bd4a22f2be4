// Token buckets and the table of names under them.
// Guards against: a bucket below zero or above its burst, a clock that gives tokens twice, a table that grows.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_SLOT, RecentNames } from "../../../gateway/admission/recent-names.ts";
import { TokenBuckets } from "../../../gateway/admission/token-buckets.ts";

const name = fc.constantFrom("a", "b", "c", "d", "e");

test("a bucket holds between nothing and its burst, and lets no more pass than burst and rate allow", () => {
  const step = fc.record({
    name,
    count: fc.integer({ min: 1, max: 15 }),
    passMs: fc.integer({ min: -50, max: 700 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const buckets = new TokenBuckets("key", { perSecond: 10, burst: 12, bucketsMax: 5 });
      const taken = new Map<string, number>();
      let [nowMs, earliestMs, latestMs] = [1_000, 1_000, 1_000];
      for (const each of steps) {
        nowMs += each.passMs;
        latestMs = Math.max(latestMs, nowMs);
        earliestMs = Math.min(earliestMs, nowMs);
        const waitMs = buckets.waitMs(each.name, each.count, nowMs);
        const passes = buckets.take(each.name, each.count, nowMs);
        assert.equal(passes, waitMs === 0);
        if (passes) taken.set(each.name, (taken.get(each.name) ?? 0) + Math.min(each.count, 12));
        const tokens = buckets.tokens(each.name, nowMs);
        assert.ok(tokens >= 0 && tokens <= 12, `${tokens} tokens`);
        const most = 12 + ((latestMs - earliestMs) / 1_000) * 10;
        assert.ok((taken.get(each.name) ?? 0) <= most + 1e-6);
      }
    }),
  );
});

test("a bucket that refused lets the same pass after the wait that it told", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 20 }), (count, drained) => {
      const buckets = new TokenBuckets("key", { perSecond: 7, burst: 20, bucketsMax: 1 });
      assert.ok(buckets.take("a", drained, 0));
      const waitMs = buckets.waitMs("a", count, 0);
      assert.equal(buckets.take("a", count, waitMs + 1e-6), true);
    }),
  );
});

test("a clock that goes back and comes again gives and takes nothing", () => {
  const buckets = new TokenBuckets("key", { perSecond: 10, burst: 12, bucketsMax: 1 });
  assert.ok(buckets.take("a", 12, 1_000));
  for (const nowMs of [500, 1_000, 700, 1_000]) assert.equal(buckets.tokens("a", nowMs), 0);
  assert.equal(buckets.tokens("a", 1_100), 1);
});

test("the header fields tell burst, seconds to full, tokens left and seconds to wait", () => {
  const buckets = new TokenBuckets("owner", { perSecond: 2, burst: 5, bucketsMax: 1 });
  assert.equal(buckets.policy, '"owner";q=5;w=3');
  assert.ok(buckets.take("a", 4, 0));
  assert.equal(buckets.limit("a", 4, 0), '"owner";r=1;t=2');
});

test("names keep their number while they are among the most recently used, as in a plain model", () => {
  fc.assert(
    fc.property(fc.array(name, { maxLength: 80 }), (uses) => {
      const names = new RecentNames(3);
      let model: { readonly name: string; readonly slot: number }[] = [];
      for (const used of uses) {
        const known = model.find((each) => each.name === used);
        const found = names.use(used);
        assert.equal(found, known?.slot ?? NO_SLOT);
        const slot = found === NO_SLOT ? names.add(used) : found;
        if (known === undefined && model.length === 3) assert.equal(slot, model[0]?.slot);
        const others = model.filter((each) => each !== known);
        model = [...others.slice(known === undefined && others.length === 3 ? 1 : 0), { name: used, slot }];
        assert.equal(names.size, model.length);
        assert.equal(new Set(model.map((each) => each.slot)).size, model.length);
      }
    }),
  );
});
