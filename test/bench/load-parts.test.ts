// The small parts of the load generator: repeatable randomness, ids that lead back to numbers, percentiles.
// A run is only as good as they are: the engine would be blamed for what they get wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BenchIds } from "../../bench/bench-ids.ts";
import { Fleet } from "../../bench/fleet.ts";
import { LatencyHistogram } from "../../bench/latency-histogram.ts";
import { SeededRandom } from "../../bench/random.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { parseTenant } from "../../protocol/names.ts";
import { shardOf } from "../../protocol/shard-map.ts";

test("one seed gives one sequence, and another seed another", () => {
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 50 }, () => random.next32());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test("numbers below a limit are spread evenly", () => {
  const random = new SeededRandom(1);
  const counts = new Array<number>(10).fill(0);
  for (let index = 0; index < 100_000; index += 1) {
    const number = random.below(10);
    counts[number] = (counts[number] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(count > 9_500 && count < 10_500, String(counts));
});

test("an id is a command id, and its tail leads back to the number", () => {
  const ids = new BenchIds(Uint8Array.of(1, 2, 3, 4, 5));
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 2 ** 45 }),
      (number, timeMs) => {
        const id = ids.id(number, timeMs);
        assert.equal(parseCommandId(id), id);
        assert.equal(ids.numberOf(Number.parseInt(id.slice(28), 16)), number);
      },
    ),
  );
});

test("percentiles are within 3 % of the true ones", () => {
  const histogram = new LatencyHistogram();
  for (let ms = 1; ms <= 1_000; ms += 1) histogram.add(ms, 2);
  const { p50, p95, p99, max } = histogram.summary();
  for (const [found, expected] of [
    [p50, 500],
    [p95, 950],
    [p99, 990],
    [max, 1_000],
  ] as const) {
    assert.ok(Math.abs(found - expected) <= expected * 0.03, `${found} for ${expected}`);
  }
  assert.deepEqual(new LatencyHistogram().summary(), { p50: 0, p95: 0, p99: 0, max: 0 });
  const early = histogram.copy();
  histogram.add(5_000.5, 4);
  const means = [histogram, early, histogram.since(early), new LatencyHistogram()].map(
    ({ meanMs }) => meanMs,
  );
  assert.deepEqual(means, [(1_001_000 + 20_002) / 2_004, 500.5, 5_000.5, 0]);
});

test("a fleet has its wallets and one source on each shard that is used, and on no other", () => {
  const tenant = parseTenant("demo");
  assert.ok(tenant);
  const fleet = new Fleet({ tenant, shards: 8, shardsUsed: [1, 6], walletsPerShard: 20, token: "t" });
  assert.deepEqual(
    fleet.byShard.map(({ length }) => length),
    [0, 20, 0, 0, 0, 0, 20, 0],
  );
  for (const { owner, shard } of [...fleet.wallets, ...fleet.sources])
    assert.equal(shardOf(tenant, owner, 8), shard);
  assert.equal(new Set(fleet.wallets.map(({ wallet }) => wallet)).size, 40);
  assert.deepEqual(
    fleet.sources.map(({ shard }) => shard),
    [1, 6],
  );
});
