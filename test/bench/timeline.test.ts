// The course of a run is kept in bounded memory whatever its length, and nothing that happened gets lost in it; its
// file has every second, also of a run that was cut.
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { csvTable } from "../../bench/csv.ts";
import { LatencyHistogram } from "../../bench/latency-histogram.ts";
import { SampleFile, slotsInCsv } from "../../bench/sample-csv.ts";
import type { Reading, Sample } from "../../bench/samples.ts";
import { Samples } from "../../bench/samples.ts";
import type { Slot } from "../../bench/timeline.ts";
import { SLOTS_MAX, Timeline } from "../../bench/timeline.ts";

const directory = mkdtempSync(join(tmpdir(), "coffer-timeline-"));
after(() => rmSync(directory, { recursive: true, force: true }));

function slotAt(index: number, settled = 10): Slot {
  const latency = new LatencyHistogram();
  latency.add(index + 1, settled);
  return {
    isWarmUp: index === 0,
    fromMs: index * 1_000,
    lengthMs: 1_000,
    published: settled,
    accepted: settled,
    settled,
    refused: 1,
    inFlight: index,
    latency,
    cpuSeconds: new Map([["engine", 0.5]]),
    rssBytes: new Map([["engine", index]]),
  };
}

/** A reading of counters that grew evenly: `perSecond` commands with 5 ms, and half a core. */
function readingAt(seconds: number, perSecond: number): Reading {
  const count = seconds * perSecond;
  const latency = new LatencyHistogram();
  latency.add(5, count);
  return {
    atMs: 7_000 + seconds * 1_000,
    counters: { published: count, accepted: count, settled: count, refused: 0, inFlight: 3 },
    latency,
    usage: new Map([["engine", { cpuSeconds: seconds / 2, rssBytes: 1_000 + seconds }]]),
  };
}

test("slots are joined in pairs when they are too many, and again", () => {
  const timeline = new Timeline(4);
  const lengths = (): number[] => timeline.slots.map(({ lengthMs }) => lengthMs / 1_000);
  const expected = [
    [1],
    [1, 1],
    [1, 1, 1],
    [1, 1, 1, 1],
    [2, 2, 1],
    [2, 2, 2],
    [2, 2, 2, 1],
    [2, 2, 2, 2],
    [4, 4, 1],
    [4, 4, 2],
    [4, 4, 3],
    [4, 4, 4],
  ];
  for (const [index, seen] of expected.entries()) {
    timeline.add(slotAt(index));
    assert.deepEqual(lengths(), seen);
  }
});

test("nothing is lost when slots are joined: counts, latencies, time and CPU", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), (count) => {
      const timeline = new Timeline(8);
      for (let index = 0; index < count; index += 1) timeline.add(slotAt(index));
      const { slots } = timeline;
      const sum = (of: (slot: Slot) => number): number => slots.reduce((all, slot) => all + of(slot), 0);
      assert.ok(slots.length <= 8);
      assert.equal(
        sum(({ settled }) => settled),
        count * 10,
      );
      assert.equal(
        sum(({ lengthMs }) => lengthMs),
        count * 1_000,
      );
      assert.equal(
        sum(({ cpuSeconds }) => cpuSeconds.get("engine") ?? 0),
        count / 2,
      );
      assert.equal(slots.at(-1)?.rssBytes.get("engine"), count - 1);
      assert.equal(slots.at(-1)?.latency.summary().max, count);
      for (const [index, slot] of slots.entries()) {
        const before = slots[index - 1];
        assert.equal(slot.fromMs, before === undefined ? 0 : before.fromMs + before.lengthMs);
      }
    }),
    { numRuns: 50 },
  );
});

test("a joined slot has the percentiles of all its latencies", () => {
  const timeline = new Timeline(2);
  for (const [index, settled] of [1, 99].entries()) timeline.add(slotAt(index, settled));
  timeline.add(slotAt(2, 1));
  const [first, second] = timeline.slots;
  assert.deepEqual([first?.isWarmUp, second?.isWarmUp], [true, false]);
  assert.deepEqual(first?.latency.summary(), { p50: 2, p95: 2, p99: 2, max: 2 });
});

test("samples have rates and latencies of their own second, and pauses between loads do not show", () => {
  const heard: Sample[] = [];
  const samples = new Samples(readingAt(0, 0), (sample) => heard.push(sample));
  samples.add(readingAt(1, 100));
  samples.add(readingAt(2, 100));
  samples.restart(readingAt(9, 0));
  samples.add(readingAt(9.5, 40));
  const expected = { refused: 0, inFlight: 3, latencyMs: { p50: 5, p95: 5, p99: 5, max: 5 } };
  assert.deepEqual(heard[1], {
    isWarmUp: false,
    ...{ fromSeconds: 1, seconds: 1, publishedPerSecond: 100, acceptedPerSecond: 100, settledPerSecond: 100 },
    ...expected,
    cpu: { engine: 0.5 },
    rss: { engine: 1_002 },
  });
  assert.deepEqual([heard[2]?.fromSeconds, heard[2]?.seconds, heard[2]?.settledPerSecond], [9, 0.5, 760]);
  assert.deepEqual(samples.list, heard);
});

test("a long run keeps a bounded number of samples, and whoever listens hears all", () => {
  let heard = 0;
  const samples = new Samples(readingAt(0, 10), () => {
    heard += 1;
  });
  for (let second = 1; second <= SLOTS_MAX * 2 + 7; second += 1) samples.add(readingAt(second, 10));
  assert.equal(heard, SLOTS_MAX * 2 + 7);
  assert.ok(samples.list.length <= SLOTS_MAX);
  assert.ok(samples.list.every(({ settledPerSecond }) => settledPerSecond === 10));
});

test("a process that was started anew has not spent less than nothing", () => {
  const samples = new Samples(readingAt(100, 10), () => undefined);
  samples.add({ ...readingAt(101, 10), usage: new Map([["engine", { cpuSeconds: 0.1, rssBytes: 1 }]]) });
  assert.equal(samples.list[0]?.cpu["engine"], 0);
});

test("the file has a heading with units and a line a sample, and is read back for the plot", () => {
  const path = join(directory, "run.csv");
  const file = new SampleFile(path);
  const samples = new Samples(readingAt(0, 0), (sample) => file.append(sample));
  samples.restart(readingAt(0, 0), true);
  samples.add(readingAt(1, 100));
  samples.restart(readingAt(1, 0));
  samples.add(readingAt(2, 0));
  const [heading = [], first = [], idle = []] = csvTable(readFileSync(path, "utf8"));
  assert.deepEqual(heading.slice(0, 5), [
    "time (s)",
    "length (s)",
    "published (1/s)",
    "accepted (1/s)",
    "settled (1/s)",
  ]);
  assert.deepEqual(heading.slice(-2), ["cpu engine (cores)", "rss engine (bytes)"]);
  assert.deepEqual(first, ["0", "1", "100", "100", "100", "0", "3", "5", "5", "5", "5", "1", "0.5", "1001"]);
  assert.deepEqual(idle.slice(7, 12), ["", "", "", "", "0"]);
  const column = (name: string, sample: Sample): string | undefined => {
    const other = join(directory, "columns.csv");
    new SampleFile(other).append(sample);
    const [names = [], fields = []] = csvTable(readFileSync(other, "utf8"));
    return fields[names.indexOf(name)];
  };
  const [sample] = samples.list;
  assert.ok(sample);
  const latencyMs = { ...sample.latencyMs, p50: 21, p95: 22, p99: 23, max: 24 };
  const each = { ...sample, latencyMs, publishedPerSecond: 25, acceptedPerSecond: 26, settledPerSecond: 27 };
  const named: readonly (readonly [string, string])[] = [
    ["latency p50 (ms)", "21"],
    ["latency p95 (ms)", "22"],
    ["latency p99 (ms)", "23"],
    ["latency max (ms)", "24"],
    ["published (1/s)", "25"],
    ["accepted (1/s)", "26"],
    ["settled (1/s)", "27"],
  ];
  for (const [name, field] of named) assert.equal(column(name, each), field, name);
  appendFileSync(path, "3,1,7");
  const rates = { settledPerSecond: 100, acceptedPerSecond: 100, latencyMs: { p50: 5, p95: 5, p99: 5 } };
  assert.deepEqual(slotsInCsv(readFileSync(path, "utf8")), [
    { isWarmUp: true, fromSeconds: 0, seconds: 1, ...rates },
    {
      isWarmUp: false,
      fromSeconds: 1,
      seconds: 1,
      settledPerSecond: 0,
      acceptedPerSecond: 0,
      latencyMs: null,
    },
  ]);
  assert.deepEqual(slotsInCsv("other,file\r\n1,2\r\n"), []);
});

test("a file that can no longer be written does not end the run, and is told afterwards", () => {
  const path = join(directory, "gone", "run.csv");
  assert.throws(() => new SampleFile(path));
  const file = new SampleFile(join(directory, "moved.csv"));
  const sample: Sample = {
    isWarmUp: false,
    ...{ fromSeconds: 0, seconds: 1, publishedPerSecond: 1, acceptedPerSecond: 1, settledPerSecond: 1 },
    ...{ refused: 0, inFlight: 0, latencyMs: null, cpu: {}, rss: {} },
  };
  file.append(sample);
  assert.equal(file.failure, null);
  rmSync(directory, { recursive: true });
  file.append(sample);
  assert.match(String(file.failure), /ENOENT/);
  mkdirSync(directory);
  file.append(sample);
  assert.equal(existsSync(join(directory, "moved.csv")), false, "a file with a hole is none");
});
