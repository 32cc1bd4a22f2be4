// The parts of the long scenarios: rates at chosen counts, random ids, memory by quarters, the longest pause.
// They must be right where nobody looks: in the middle of a run of hours.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BenchIds } from "../../bench/bench-ids.ts";
import { InFlight } from "../../bench/in-flight.ts";
import { LatencyHistogram } from "../../bench/latency-histogram.ts";
import { LoadRun } from "../../bench/load-run.ts";
import type { MessageSource } from "../../bench/message-source.ts";
import { RandomIdSource } from "../../bench/random-id-source.ts";
import { growthWindows, RateMarks } from "../../bench/rate-marks.ts";
import { rssQuarters } from "../../bench/rss-quarters.ts";
import type { Sample } from "../../bench/samples.ts";
import { commandIdBytes, commandIdFromBytes } from "../../protocol/command-id.ts";

test("a rate is that of its own window, whatever was before and comes after", () => {
  const marks = new RateMarks([
    { from: 1_000, to: 2_000 },
    { from: 3_500, to: 4_000 },
  ]);
  let atMs = 0;
  for (let count = 0; count <= 5_000; count += 100) {
    marks.note(count, atMs);
    atMs += count < 1_000 || count >= 2_000 ? 50 : 10;
  }
  assert.deepEqual([marks.ratePerSecond(0), marks.ratePerSecond(1)], [10_000, 2_000]);
  assert.equal(new RateMarks([{ from: 0, to: 5 }]).ratePerSecond(0), null);
});

test("the windows lie at the first million and at the end, and within a short run", () => {
  const cases = [
    [20_000_000, 750_000, 1_250_000, 19_500_000],
    [1_500_000, 562_500, 937_500, 1_125_000],
    [4, 2, 3, 3],
    [1, 0, 1, 0],
  ] as const;
  for (const [commands, from, to, last] of cases)
    assert.deepEqual(growthWindows(commands), [
      { from, to },
      { from: last, to: commands },
    ]);
});

test("random ids are ids, differ from all others, and still lead back to their numbers", () => {
  const ids = new BenchIds(Uint8Array.of(1, 2, 3, 4, 5));
  const count = 50;
  const idsOf = (source: MessageSource, first: number): Buffer[] => {
    const message = source.next(first, 1_700_000_000_000);
    assert.ok(message);
    return Array.from({ length: count }, (_, index) =>
      Buffer.from(message.bytes).subarray(index * 20 + 4, index * 20 + 20),
    );
  };
  const inner: MessageSource = {
    encoding: "frame",
    crossed: 3,
    next: (first, wallMs) => {
      const all = Array.from({ length: count }, (_, index) => [
        Buffer.from("text"),
        commandIdBytes(ids.id(first + index, wallMs)),
      ]);
      return { subject: "s", count, bytes: Buffer.concat(all.flat()) };
    },
  };
  const source = new RandomIdSource(inner, ids, Uint8Array.of(1, 2, 3, 4));
  const seen = new Set<string>();
  for (let first = 0; first < 5 * count; first += count) {
    for (const [index, bytes] of idsOf(source, first).entries()) {
      const id = commandIdFromBytes(bytes);
      assert.match(id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(ids.numberOf(bytes.readUInt32BE(12)), first + index);
      seen.add(bytes.toString("hex", 0, 6));
    }
  }
  assert.equal(seen.size, 5 * count);
  assert.equal(source.crossed, 3);
  const other = new RandomIdSource(inner, ids, Uint8Array.of(1, 2, 3, 5));
  assert.ok(!seen.has(idsOf(other, 0)[0]?.toString("hex", 0, 6) ?? ""));
});

test("memory is told by quarters of the time, however long the samples are", () => {
  const sample = (fromSeconds: number, seconds: number, engine: number): Sample => ({
    isWarmUp: false,
    ...{ fromSeconds, seconds, publishedPerSecond: 0, acceptedPerSecond: 0, settledPerSecond: 0 },
    ...{ refused: 0, inFlight: 0, latencyMs: null, cpu: {} },
    rss: { engine },
  });
  const samples = [
    sample(0, 10, 50),
    sample(10, 5, 100),
    sample(15, 5, 200),
    sample(20, 10, 150),
    sample(30, 10, 180),
  ];
  assert.deepEqual(rssQuarters(samples), { engine: { bytes: [50, 150, 150, 180], lastToSecond: 1.2 } });
  assert.deepEqual(rssQuarters([]), {});
  assert.deepEqual(rssQuarters(samples.slice(0, 1)), {});
});

test("the longest pause counts only while a message waits", () => {
  const open = new InFlight();
  const source: MessageSource = { encoding: "frame", crossed: 0, next: () => null };
  const settings = {
    inFlight: 1,
    latency: new LatencyHistogram(),
    durationMs: null,
    commandsMax: null,
    ratePerSecond: null,
    onProgress: () => undefined,
  };
  const run = new LoadRun(source, settings, open, 0);
  run.noteOutcomes(30);
  run.noteOutcomes(90);
  assert.equal(run.pauseMs, 60);
  run.busySinceMs = 5_000;
  run.noteOutcomes(5_020);
  assert.equal(run.result().pauseMs, 60);
  run.noteOutcomes(5_200);
  assert.equal(run.result().pauseMs, 180);
});
