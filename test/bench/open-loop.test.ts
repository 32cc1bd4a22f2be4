// The arithmetic of a run: when a command was to be sent, what its latency counts from, and which wallets it names.
// Guards against figures that leave out the waiting of commands that could not be sent in time.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BenchFailure } from "../../bench/bench-failure.ts";
import { InFlight } from "../../bench/in-flight.ts";
import { LatencyHistogram } from "../../bench/latency-histogram.ts";
import { runSettings } from "../../bench/option-defaults.ts";
import { SeededRandom } from "../../bench/random.ts";
import { USUAL_DEFAULTS } from "../../bench/scenario.ts";
import { Schedule } from "../../bench/schedule.ts";
import { WalletChoice, ZipfianPlaces } from "../../bench/wallet-choice.ts";

test("a schedule names the same moments whatever was sent late", () => {
  const schedule = new Schedule(1_000, 50);
  assert.deepEqual(
    [0, 1, 50, 75].map((sent) => schedule.intendedMs(sent)),
    [1_000, 1_020, 2_000, 2_500],
  );
  schedule.note(1_020, 1_025);
  schedule.note(1_040, 1_041);
  assert.equal(schedule.lagMsMax, 5);
});

test("after a stall of a second, the commands of that second all count as late", () => {
  const schedule = new Schedule(0, 1_000);
  const histogram = new LatencyHistogram();
  // Answers take 1 ms, but nothing is answered between 1,000 and 2,000 ms; then all at once.
  for (let sent = 0; sent < 3_000; sent += 1) {
    const intendedMs = schedule.intendedMs(sent);
    const answeredMs = intendedMs >= 1_000 && intendedMs < 2_000 ? 2_001 : intendedMs + 1;
    histogram.add(answeredMs - intendedMs, 1);
  }
  const { p50, p95, max } = histogram.summary();
  assert.ok(p50 < 2, String(p50));
  assert.ok(p95 > 800 && p95 < 900, String(p95));
  assert.ok(max >= 1_000, String(max));
});

test("a run warms up where there is a steady state, and a run of so many commands is these alone", () => {
  const options = { servers: "", tenant: "demo" };
  const warmUp = (given: object, defaults = USUAL_DEFAULTS): number =>
    runSettings({ ...options, ...given }, defaults).warmUpSeconds;
  assert.deepEqual(
    [warmUp({}), warmUp({ seconds: 5 }), warmUp({ warmUpSeconds: 0 }), warmUp({ warmUpSeconds: 7 })],
    [3, 3, 0, 7],
  );
  assert.deepEqual([warmUp({ commands: 9 }), warmUp({ commands: 9, warmUpSeconds: 1 })], [0, 1]);
  const none = { ...USUAL_DEFAULTS, warmUpSeconds: 0 };
  assert.equal(warmUp({ warmUpSeconds: 0 }, none), 0);
  assert.throws(() => warmUp({ warmUpSeconds: 1 }, none), BenchFailure);
});

test("a histogram's growth is what was added since, and merging adds up", () => {
  const histogram = new LatencyHistogram();
  histogram.add(1, 100);
  const earlier = histogram.copy();
  histogram.add(50, 10);
  const { p50, max } = histogram.since(earlier).summary();
  assert.ok(p50 > 48 && p50 < 52 && max > 48 && max < 52, `${p50}, ${max}`);
  assert.equal(histogram.since(histogram.copy()).summary().max, 0);
  earlier.merge(histogram.since(earlier));
  assert.deepEqual(earlier.summary(), histogram.summary());
});

test("open commands settle once, whatever the order, and foreign numbers never", () => {
  const messages = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(messages, fc.integer(), (counts, seed) => {
      const open = new InFlight();
      const random = new SeededRandom(seed);
      const sentAt: number[] = [];
      for (const [index, count] of counts.entries()) {
        for (let each = 0; each < count; each += 1) sentAt.push(index);
        open.add(count, index);
      }
      const numbers = sentAt.map((_, number) => number);
      for (let at = numbers.length - 1; at > 0; at -= 1) {
        const other = random.below(at + 1);
        [numbers[at], numbers[other]] = [numbers[other] ?? 0, numbers[at] ?? 0];
      }
      for (const number of numbers) {
        const slot = open.settle(number);
        assert.equal(open.sentMs(slot), sentAt[number]);
        assert.equal(open.settle(number), -1);
      }
      assert.equal(open.messages, 0);
      assert.deepEqual([open.settle(open.next), open.settle(-1)], [-1, -1]);
    }),
    { numRuns: 30 },
  );
});

test("more open commands and messages than the first tables hold are kept", () => {
  const open = new InFlight();
  for (let message = 0; message < 200_000; message += 1) open.add(1, message);
  assert.equal(open.messages, 200_000);
  for (let number = 199_999; number >= 0; number -= 1) assert.equal(open.sentMs(open.settle(number)), number);
  assert.equal(open.messages, 0);
});

test("zipfian places: one seed one sequence, and shares that fall as 1 / rank^0.99", () => {
  const draw = (seed: number): number[] => {
    const places = new ZipfianPlaces(new SeededRandom(seed), 1_000);
    return Array.from({ length: 200_000 }, () => places.next());
  };
  const drawn = draw(5);
  assert.deepEqual(drawn.slice(0, 100), draw(5).slice(0, 100));
  assert.notDeepEqual(drawn.slice(0, 100), draw(6).slice(0, 100));
  const counts = new Float64Array(1_000);
  for (const place of drawn) counts[place] = (counts[place] ?? 0) + 1;
  let zeta = 0;
  for (let rank = 1; rank <= 1_000; rank += 1) zeta += 1 / rank ** 0.99;
  for (const rank of [1, 2]) {
    const expected = drawn.length / zeta / rank ** 0.99;
    const found = counts[rank - 1] ?? 0;
    assert.ok(Math.abs(found - expected) < expected * 0.05, `rank ${rank}: ${found} for ${expected}`);
  }
  const upTo = (places: number): number => counts.slice(0, places).reduce((sum, count) => sum + count, 0);
  let expectedTop = 0;
  for (let rank = 1; rank <= 100; rank += 1) expectedTop += 1 / rank ** 0.99 / zeta;
  const top = upTo(100) / drawn.length;
  assert.ok(Math.abs(top - expectedTop) < 0.03, `${top} for ${expectedTop}`);
  assert.ok(counts.findLastIndex((count) => count > 0) > 990, "the tail is named too");
});

for (const distribution of ["uniform", "zipfian", "hot"] as const) {
  test(`${distribution}: the two wallets of a transfer differ, and all of them are chosen`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.integer(), (count, seed) => {
        const choice = new WalletChoice(new SeededRandom(seed), distribution, count);
        const seen = new Set<number>();
        for (let draw = 0; draw < 4_000; draw += 1) {
          choice.next();
          const { from, to } = choice;
          assert.notEqual(from, to);
          assert.ok(from >= 0 && from < count && to >= 0 && to < count);
          if (distribution === "hot") assert.ok(from === 0 || to === 0);
          seen.add(from).add(to);
        }
        assert.equal(seen.size, count);
      }),
      { numRuns: 25 },
    );
  });
}
