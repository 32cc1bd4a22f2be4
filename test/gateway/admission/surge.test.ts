// What admission promises under load, shown by simulation (traffic-simulation.ts): arrivals that never slow down,
// against engines of several speeds.
// Guards against: a surge that lowers what is settled, an answer that comes too late to be of use, a gateway that
// stays closed after the surge, one caller or one wallet that takes everybody's places.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Stream, type Tally, TrafficSimulation } from "./traffic-simulation.ts";

const SEEDS = [1, 2, 3];
const SURGE_S = 6;

const ratio = ({ offered, answered }: Tally) => answered / offered;
const answeredOf = (tallies: readonly Tally[]) => tallies.reduce((sum, { answered }) => sum + answered, 0);

function first(tallies: readonly Tally[]): Tally {
  const [tally] = tallies;
  assert.ok(tally !== undefined);
  return tally;
}

for (const peak of [2_000, 8_000]) {
  test(`ten times the peak of ${peak}/s settles 0.8 of it, p95 within 200 ms, and is over 5 s after it ends`, () => {
    for (const seed of SEEDS) {
      const isSurge = (nowMs: number) => nowMs >= 2_000 && nowMs < 2_000 + SURGE_S * 1_000;
      const rate = (nowMs: number) => (isSurge(nowMs) ? 10 * peak : 0.5 * peak);
      const simulation = new TrafficSimulation(seed, { shards: 4, rate: () => peak }, [
        { tenant: "a", rate },
      ]);
      const before = first(simulation.run(2_000));
      assert.equal(before.answered > 0 && ratio(before) > 0.98, true);
      for (let second = 1; second <= SURGE_S; second += 1) {
        const during = first(simulation.run(1_000));
        assert.ok(
          during.answered >= 0.8 * peak,
          `seed ${seed}, second ${second}: ${during.answered} settled`,
        );
        assert.ok(during.p95Ms <= 200, `seed ${seed}, second ${second}: ${during.p95Ms} ms`);
      }
      simulation.run(5_000);
      const shedBefore = simulation.admission.state().shed;
      const after = first(simulation.run(3_000));
      assert.deepEqual(simulation.admission.state().shed, shedBefore, "nothing is shed any more");
      assert.ok(after.p95Ms <= before.p95Ms * 1.2 + 1, `${after.p95Ms} ms after, ${before.p95Ms} ms before`);
    }
  });
}

test("an engine that slows to a quarter within a surge is followed down and up within 2 s", () => {
  const isSlow = (nowMs: number) => nowMs >= 3_000 && nowMs < 8_000;
  const service = { shards: 4, rate: (nowMs: number) => (isSlow(nowMs) ? 1_000 : 4_000) };
  const simulation = new TrafficSimulation(1, service, [{ tenant: "a", rate: () => 40_000 }]);
  simulation.run(5_000);
  const slow = first(simulation.run(3_000));
  assert.ok(slow.answered >= 0.8 * 3_000 && slow.p95Ms <= 200, JSON.stringify(slow));
  simulation.run(2_000);
  const fast = first(simulation.run(3_000));
  assert.ok(fast.answered >= 0.8 * 12_000 && fast.p95Ms <= 200, JSON.stringify(fast));
});

function assertFair(streams: readonly Stream[], peak: number): void {
  for (const seed of SEEDS) {
    const simulation = new TrafficSimulation(seed, { shards: 4, rate: () => peak }, streams);
    simulation.run(2_000);
    const tallies = simulation.run(5_000);
    for (const [index, tally] of tallies.entries())
      assert.ok(index === 0 || ratio(tally) >= 0.9, `seed ${seed}, member ${index}: ${ratio(tally)}`);
    const wanted = streams.reduce((sum, { rate }) => sum + rate(0), 0);
    const settled = answeredOf(tallies) / 5;
    assert.ok(settled >= 0.85 * Math.min(peak, wanted), `seed ${seed}: ${settled}/s settled in all`);
  }
}

for (const count of [2, 3, 20]) {
  const peak = 2_000;
  const share = peak / count;
  const rateOf = (index: number) => () => (index === 0 ? 10 : 0.5) * share;
  const indices = Array.from({ length: count }, (_, index) => index);

  test(`of ${count} tenants one that offers 10 times its share leaves each other 0.9 of half a share`, () => {
    assertFair(
      indices.map((index) => ({ tenant: `t${index}`, rate: rateOf(index) })),
      peak,
    );
  });

  test(`of ${count} keys of a tenant one that offers 10 times its share leaves each other 0.9 of half a share`, () => {
    assertFair(
      indices.map((index) => ({ tenant: "t", key: `k${index}`, rate: rateOf(index) })),
      peak,
    );
  });
}

test("a tenant of a request every ten seconds finds room beside one that offers ten times the peak", () => {
  const streams = [
    { tenant: "a", rate: () => 4_000 },
    { tenant: "rare", rate: () => 0.1 },
  ];
  const simulation = new TrafficSimulation(1, { shards: 4, rate: () => 400 }, streams);
  simulation.run(30_000);
  const [, rare] = simulation.run(300_000);
  assert.ok(rare !== undefined && rare.offered > 20 && ratio(rare) >= 0.9, JSON.stringify(rare));
});

test("a tenant that is alone may use the whole window", () => {
  const simulation = new TrafficSimulation(1, { shards: 1, rate: () => 2_000 }, [
    { tenant: "a", rate: () => 20_000 },
  ]);
  const { answered } = first(simulation.run(5_000));
  const { shed } = simulation.admission.state();
  assert.ok(answered >= 0.97 * 10_000, `${answered} settled`);
  assert.equal(shed.tenant_share + shed.key_share + shed.shard_share, 0);
});

test("a wallet that is wanted ten times as often as its shard can settle leaves the others 0.9 of what they offer", () => {
  const share = 500;
  const others = [0, 1, 2, 3].map((shard) => ({ tenant: "a", shard, rate: () => 0.5 * share }));
  const hot = { tenant: "a", wallet: "hot", shard: 0, rate: () => 10 * share };
  for (const seed of SEEDS) {
    const simulation = new TrafficSimulation(seed, { shards: 4, rate: () => 4 * share }, [hot, ...others]);
    simulation.run(2_000);
    for (const [index, tally] of simulation.run(5_000).entries())
      assert.ok(index === 0 || ratio(tally) >= 0.9, `seed ${seed}, stream ${index}: ${ratio(tally)}`);
  }
});

test("a wallet that is in every transfer does not keep an engine with good latency from 0.9 of the load", () => {
  const simulation = new TrafficSimulation(1, { shards: 4, rate: () => 8_000 }, [
    { tenant: "a", wallet: "fees", rate: () => 6_000 },
  ]);
  simulation.run(2_000);
  assert.ok(ratio(first(simulation.run(3_000))) >= 0.9);
});

test("a shard that stands leaves the other shards 0.9 of what they offer", () => {
  const streams = [0, 1, 2, 3].map((shard) => ({ tenant: "a", shard, rate: () => 300 }));
  const simulation = new TrafficSimulation(1, { shards: 4, rate: () => 2_000 }, streams);
  simulation.run(1_000);
  simulation.stop(0, 20_000);
  simulation.run(1_000);
  for (const tally of simulation.run(5_000).slice(1)) assert.ok(ratio(tally) >= 0.9, JSON.stringify(tally));
});
