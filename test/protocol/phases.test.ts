// Phase counters: what is counted comes back out of the difference of two readings, within the width of a bucket, and
// out of JSON as it went in.
// Guards against: percentiles that are too low, and a status of another version taken for counters.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PhaseHistogram, percentileMicros } from "../../protocol/phase-histogram.ts";
import {
  decodePhases,
  PHASES,
  type PhaseCounters,
  phaseRecord,
  phasesBetween,
  phasesTogether,
  summarizePhases,
} from "../../protocol/phases.ts";

const EMPTY = { seconds: 0, workSeconds: 0, spread: { first: 0, counts: [] } };

function counters(commands: number, seconds: number, micros: number): PhaseCounters {
  const histogram = new PhaseHistogram();
  histogram.add(micros / 1000, commands);
  const time = { seconds, workSeconds: seconds / 10, spread: histogram.counts() };
  const total = { ...time, seconds: seconds * PHASES.length };
  return { commands, records: commands, turns: 1, total, phases: phaseRecord(() => time) };
}

test("a percentile is at most an eighth above what was counted, and never below it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc.integer({ min: 1, max: 1000 }),
      (micros, weight) => {
        const histogram = new PhaseHistogram();
        histogram.add(micros / 1000, weight);
        const found = percentileMicros(histogram.counts(), 0.99);
        assert.ok(found !== null && found >= micros && found <= micros * 1.125 + 1, `${micros}: ${found}`);
      },
    ),
  );
});

test("percentiles go by weight, and durations out of range count as the least or the most", () => {
  const histogram = new PhaseHistogram();
  histogram.add(-5, 50);
  histogram.add(1, 48);
  histogram.add(Number.MAX_VALUE, 2);
  const counts = histogram.counts();
  assert.equal(percentileMicros(counts, 0.5), 2);
  assert.equal(percentileMicros(counts, 0.98), 1024);
  assert.equal(percentileMicros(counts, 0.99), 2 ** 31);
  assert.equal(percentileMicros(new PhaseHistogram().counts(), 0.5), null);
});

test("the difference of two readings is what came between them", () => {
  const earlier = counters(100, 1, 50);
  const later = phasesTogether([earlier, counters(300, 6, 7000)]);
  assert.ok(later);
  const { commands, lines, sumMicros, totalMicros, sumOfTotal } = summarizePhases(
    phasesBetween(earlier, later),
  );
  assert.equal(commands, 300);
  assert.equal(lines[0]?.meanMicros, 20_000);
  assert.equal(lines[0]?.workMicros, 2000);
  assert.deepEqual([lines[0]?.p50Micros, lines[0]?.p99Micros], [7168, 7168]);
  assert.ok(Math.abs(sumMicros - totalMicros) < 1e-6 && Math.abs((sumOfTotal ?? 0) - 1) < 1e-9);
});

test("a summary without commands has no figures, and several of nothing are nothing", () => {
  const none = { commands: 0, records: 0, turns: 0, total: EMPTY, phases: phaseRecord(() => EMPTY) };
  assert.equal(summarizePhases(none).sumOfTotal, null);
  assert.equal(summarizePhases(none).lines[0]?.p99Micros, null);
  assert.equal(phasesTogether([]), null);
});

test("decoding gives what was encoded, and null for anything else", () => {
  const sent = counters(7, 2, 90);
  const json: unknown = JSON.parse(JSON.stringify(sent));
  assert.deepEqual(decodePhases(json), sent);
  const broken: unknown[] = [
    null,
    undefined,
    3,
    "x",
    [],
    {},
    { ...sent, commands: "7" },
    { ...sent, total: null },
  ];
  broken.push({
    ...sent,
    phases: { ...sent.phases, decide: { ...sent.total, spread: { first: 300, counts: [1] } } },
  });
  broken.push({ ...sent, phases: { ...sent.phases, log: undefined } });
  for (const value of broken) assert.equal(decodePhases(value), null, JSON.stringify(value));
});
