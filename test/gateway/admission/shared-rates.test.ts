// Rates that several gateways keep together: the arithmetic of one bucket, what all let pass, and what is told when.
// Guards against: N gateways that let N times the rate pass, one that is stopped by what it hears or by hearing nothing,
// tellings without a bound, a telling that is forgotten or told twice.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type RateSpending, TELLINGS_MAX, UNDER_WAY_MAX } from "../../../gateway/admission/rate-teller.ts";
import type { RateSettings } from "../../../gateway/admission/settings.ts";
import { LOTS, TokenBuckets } from "../../../gateway/admission/token-buckets.ts";
import { type SharedLoad, SharedRate } from "./shared-bucket.ts";

/** Tellings that a test answers itself. */
class Scripted {
  nowMs = 0;
  readonly told: RateSpending[] = [];
  readonly buckets: TokenBuckets;
  readonly #answers: ((left: number | null) => void)[] = [];

  constructor(rate: Partial<RateSettings> = {}) {
    const settings = { perSecond: 32, burst: 64, bucketsMax: 1_000, ...rate };
    const spend = (spending: RateSpending): Promise<number | null> => {
      this.told.push(spending);
      const { promise, resolve } = Promise.withResolvers<number | null>();
      this.#answers.push(resolve);
      return promise;
    };
    this.buckets = new TokenBuckets("key", settings, { spend, steadyMs: () => this.nowMs });
  }

  take(count: number, name = "a"): boolean {
    return this.buckets.take(name, count, this.nowMs);
  }

  /** Answers the oldest telling without an answer. */
  async answer(left: number | null): Promise<void> {
    const answer = this.#answers.shift();
    assert.ok(answer !== undefined, "something was told");
    answer(left);
    await Promise.resolve();
    await Promise.resolve();
  }

  get spent(): number[] {
    return this.told.map(({ spent }) => spent);
  }
}

// A bucket of 64 that fills by 32 a second: a lot is 1, the deepest debt 64. Taken and told first; taken while that is on
// its way; what is heard to be left; tokens then; ms until one may pass; its RateLimit.
const heard: readonly (readonly [number, number, number | null, number, number, string])[] = [
  [4, 0, 60, 60, 0, '"key";r=60;t=0'],
  [4, 0, 64, 60, 0, '"key";r=60;t=0'],
  [4, 0, 40, 40, 0, '"key";r=40;t=0'],
  [4, 10, 40, 30, 0, '"key";r=30;t=0'],
  [4, 10, 60, 50, 0, '"key";r=50;t=0'],
  [4, 0, 0.5, 0.5, 15.625, '"key";r=0;t=1'],
  [4, 0, 0, 0, 31.25, '"key";r=0;t=1'],
  [4, 0, -31, -31, 1_000, '"key";r=0;t=1'],
  [4, 10, -31, -41, 1_312.5, '"key";r=0;t=2'],
  [4, 0, -64, -64, 2_031.25, '"key";r=0;t=3'],
  [4, 10, -64, -64, 2_031.25, '"key";r=0;t=3'],
  [64, 0, 0, 0, 31.25, '"key";r=0;t=1'],
  [4, 10, null, 50, 0, '"key";r=50;t=0'],
];

describe("what a gateway believes", () => {
  for (const [taken, meanwhile, left, tokens, waitMs, limit] of heard) {
    test(`${taken} taken and ${meanwhile} meanwhile, ${left} left: ${tokens}`, async () => {
      const scripted = new Scripted();
      assert.ok(scripted.take(taken));
      assert.ok(meanwhile === 0 || scripted.take(meanwhile));
      await scripted.answer(left);
      const { buckets, nowMs } = scripted;
      assert.equal(buckets.tokens("a", nowMs), tokens);
      assert.equal(buckets.waitMs("a", 1, nowMs), waitMs);
      assert.equal(buckets.limit("a", 1, nowMs), limit);
      scripted.nowMs += waitMs;
      assert.ok(scripted.take(1), "who waits as long as told passes");
    });
  }

  test("a debt comes back at the rate, and stops nobody who asks for nothing", async () => {
    const scripted = new Scripted();
    scripted.take(1);
    await scripted.answer(-32);
    assert.deepEqual(
      [scripted.take(1), scripted.take(0), scripted.buckets.waitMs("a", 0, 0)],
      [false, true, 0],
    );
    scripted.nowMs = 1_031;
    assert.equal(scripted.take(1), false);
    scripted.nowMs = 1_032;
    assert.equal(scripted.take(1), true);
  });

  test("an answer counts for its own name, and for one that is forgotten not at all", async () => {
    const scripted = new Scripted({ bucketsMax: 1 });
    scripted.take(1, "a");
    scripted.take(5, "b");
    await scripted.answer(-60);
    assert.equal(scripted.buckets.tokens("b", 0), 59);
    assert.equal(scripted.buckets.tokens("a", 0), 64);
  });
});

describe("what is told", () => {
  test("nothing, of what is less than a lot, however often", () => {
    const scripted = new Scripted({ burst: 6_400, perSecond: 100 });
    for (let count = 0; count < 500; count += 1) scripted.take(99, `n${count}`);
    assert.deepEqual(scripted.told, []);
    scripted.take(1, "n7");
    const bucket = { kind: "key", perSecond: 100, burst: 6_400, debtMax: 6_400 };
    assert.deepEqual(scripted.told, [{ ...bucket, name: "n7", spent: 100 }]);
  });

  test("of a name that was forgotten nothing, nor of the one in its place", () => {
    const scripted = new Scripted({ burst: 6_400, bucketsMax: 1 });
    for (const name of ["a", "b", "a", "b"]) scripted.take(99, name);
    assert.deepEqual(scripted.told, []);
  });

  test("of a small bucket each token, and its debt is as deep as that of a larger one", () => {
    const scripted = new Scripted({ burst: 2, perSecond: 1 });
    scripted.take(1);
    assert.deepEqual([scripted.spent, scripted.told[0]?.debtMax], [[1], LOTS]);
  });

  test("of a name one telling at a time, and then all that was taken meanwhile", async () => {
    const scripted = new Scripted();
    for (const count of [3, 1, 5]) scripted.take(count);
    assert.deepEqual(scripted.spent, [3]);
    await scripted.answer(61);
    assert.deepEqual(scripted.spent, [3, 6]);
    await scripted.answer(55);
    assert.deepEqual([scripted.spent, scripted.buckets.tokens("a", 0)], [[3, 6], 55]);
  });

  test("no more than the bound on the way, the rest as soon as there is room", async () => {
    const scripted = new Scripted();
    for (let index = 0; index < 2 * UNDER_WAY_MAX; index += 1) scripted.take(2, `n${index}`);
    assert.equal(scripted.told.length, UNDER_WAY_MAX);
    await scripted.answer(62);
    scripted.take(3, `n${UNDER_WAY_MAX}`);
    assert.deepEqual([scripted.told.length, scripted.spent.at(-1)], [UNDER_WAY_MAX + 1, 5]);
  });

  test("no more than the bound in a second; later what was taken since, though no more than a bucket holds", async () => {
    const scripted = new Scripted();
    const tell = async (index: number): Promise<void> => {
      scripted.take(2, `n${index}`);
      if (scripted.told.length > index) await scripted.answer(62);
    };
    for (let index = 0; index < TELLINGS_MAX + 20; index += 1) await tell(index);
    assert.equal(scripted.told.length, TELLINGS_MAX);
    for (scripted.nowMs = 0; scripted.nowMs < 999; scripted.nowMs += 3) scripted.take(1, "late");
    assert.equal(scripted.told.length, TELLINGS_MAX);
    scripted.nowMs = 1_000;
    scripted.take(3, `n${TELLINGS_MAX}`);
    assert.equal(scripted.spent.at(-1), 5);
    scripted.nowMs = 1_999;
    scripted.take(1, "late");
    assert.equal(scripted.spent.at(-1), 64);
  });

  test("once, also when nobody heard it", async () => {
    const scripted = new Scripted();
    scripted.take(10);
    await scripted.answer(null);
    scripted.take(1);
    assert.deepEqual(scripted.spent, [10, 1]);
  });
});

/** Every gateway is asked for far more than its rate all the time. */
const greedy = (gateways: number, rate: RateSettings, wayMs = 1, offered = 5): SharedLoad => ({
  ...{ gateways, rate, wayMs: () => wayMs, offered: () => offered },
});

describe("what all gateways let pass", () => {
  // So that a debt is never deeper than is kept, which is when the bound holds.
  const each = (min: number, max: number) =>
    fc.array(fc.integer({ min, max }), { minLength: 4, maxLength: 4 });
  const load = fc.record({
    gateways: fc.integer({ min: 1, max: 4 }),
    perSecond: fc.integer({ min: 120, max: 500 }),
    seconds: fc.integer({ min: 1, max: 4 }),
    wayMs: each(1, 4),
    offered: each(0, 2),
    pauses: each(1, 2_000),
  });

  test("in any time is the burst, the rate, and of each but one a lot and what it passes in two round trips", async () => {
    await fc.assert(
      fc.asyncProperty(load, async ({ gateways, perSecond, seconds, wayMs, offered, pauses }) => {
        const burst = perSecond * seconds;
        const lot = Math.max(1, burst / LOTS);
        const of = (values: readonly number[], index: number): number => values[index] ?? 1;
        const shared = new SharedRate({
          gateways,
          rate: { perSecond, burst, bucketsMax: 1 },
          wayMs: (index) => of(wayMs, index),
          offered: (index, nowMs) => (Math.floor(nowMs / of(pauses, index)) % 2 ? of(offered, index) : 0),
        });
        await shared.run(8_000);
        const extras = shared.passed.map(
          (_, index) => lot + 2 * of(offered, index) * (2 * of(wayMs, index) + 1),
        );
        const extra = extras.reduce((sum, one) => sum + one, 0) - Math.min(...extras);
        assert.ok(extra <= LOTS * lot, "the debt is kept");
        assert.ok(shared.beyondRate <= burst + extra + 1, `${shared.beyondRate} of ${burst} and ${extra}`);
      }),
      { numRuns: 60 },
    );
  });

  const steady: readonly (readonly [gateways: number, perSecond: number, wayMs: number])[] = [
    [1, 1_000, 1],
    [2, 1_000, 1],
    [2, 1_000, 12],
    [3, 1_000, 5],
    [8, 1_000, 1],
    [16, 1_000, 1],
    [2, 20, 1],
    [8, 20, 5],
  ];
  for (const [gateways, perSecond, wayMs] of steady) {
    test(`in the long run is the rate: ${gateways} gateways, ${perSecond} a second, ${wayMs} ms away`, async () => {
      const rate = { perSecond, burst: 2 * perSecond, bucketsMax: 1 };
      const shared = new SharedRate(greedy(gateways, rate, wayMs));
      await shared.run(8_000);
      const before = shared.passed.reduce((sum, each) => sum + each, 0);
      await shared.run(60_000);
      const passed = shared.passed.reduce((sum, each) => sum + each, 0) - before;
      assert.ok(Math.abs(passed / 60 / perSecond - 1) < 0.04, `${passed / 60} a second`);
      for (const each of shared.passed) assert.ok(each > 0, "nobody is left out");
    });
  }

  test("is each one's own rate while the shared side is away, and one rate together after it", async () => {
    const rate = { perSecond: 1_000, burst: 2_000, bucketsMax: 1 };
    let isThere = false;
    const shared = new SharedRate({ ...greedy(3, rate), isThere: () => isThere });
    await shared.run(10_000);
    for (const each of shared.passed) assert.ok(Math.abs(each - 12_000) <= 1, `${each}`);
    isThere = true;
    await shared.run(8_000);
    const before = shared.passed.reduce((sum, each) => sum + each, 0);
    await shared.run(20_000);
    const passed = shared.passed.reduce((sum, each) => sum + each, 0) - before;
    assert.ok(Math.abs(passed / 20_000 - 1) < 0.04, `${passed / 20} a second`);
  });

  test("is a burst more each time the shared side is emptied, and no more", async () => {
    const rate = { perSecond: 1_000, burst: 2_000, bucketsMax: 1 };
    const shared = new SharedRate(greedy(2, rate));
    await shared.run(10_000);
    for (let round = 0; round < 3; round += 1) {
      shared.bucket.forget();
      await shared.run(5_000);
    }
    const passed = shared.passed.reduce((sum, each) => sum + each, 0);
    assert.ok(passed <= 2_000 + 25_000 + 3 * 2_000 + 200, `${passed}`);
  });

  test("asks little: a key at its rate about as often as it has lots, one below its first lot never", async () => {
    const rate = { perSecond: 1_000, burst: 2_000, bucketsMax: 1 };
    const shared = new SharedRate(greedy(2, rate));
    await shared.run(10_000);
    assert.ok(shared.tellings <= 12_000 / (2_000 / LOTS) + 2, `${shared.tellings}`);
    const quiet = new SharedRate({ ...greedy(2, rate), offered: (_, nowMs) => (nowMs <= 31 ? 1 : 0) });
    await quiet.run(100);
    assert.deepEqual([quiet.tellings, quiet.believed(0) > 1_900], [0, true]);
  });
});
