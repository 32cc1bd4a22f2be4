// The window's steps, and the sketch of latencies that steers it.
// Guards against: a window that leaves its range, or shrinks twice for one queue.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AdaptiveWindow } from "../../../gateway/admission/adaptive-window.ts";
import { LatencySketch } from "../../../gateway/admission/latency-sketch.ts";
import { DEFAULT_ADMISSION } from "../../../gateway/admission/settings.ts";

const settings = { ...DEFAULT_ADMISSION.window, min: 50, max: 400, initial: 200, targetMs: 100, step: 10 };

test("the sketch's percentile is the true one or at most a step of 9 % above it", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { minLength: 1 }), (latencies) => {
      const sketch = new LatencySketch();
      for (const ms of latencies) sketch.add(ms);
      const sorted = [...latencies].sort((left, right) => left - right);
      const truth = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
      assert.ok(sketch.p95Ms() >= truth - 1e-6 && sketch.p95Ms() <= (truth + 1) * 1.0906 - 1 + 1e-6);
    }),
  );
});

const cases: readonly [
  shows: string,
  latencyMs: number,
  answers: number,
  isFilled: boolean,
  limit: number,
][] = [
  ["far below the target it grows by a quarter", 10, 30, true, 250],
  ["below the target it grows by a step", 45, 30, true, 210],
  ["one that nobody met stays", 10, 30, false, 200],
  ["near the target it rests", 70, 30, true, 200],
  ["at the target it shrinks", 100, 30, true, 135],
  ["far above the target it halves", 5_000, 30, true, 100],
  ["with too few answers it waits", 5_000, 5, true, 200],
];

for (const [shows, latencyMs, answers, isFilled, limit] of cases) {
  test(`the window: ${shows}`, () => {
    const window = new AdaptiveWindow(settings);
    window.look(0);
    for (let index = 0; index < answers; index += 1) window.onAnswered(0, latencyMs);
    if (isFilled) window.onFilled();
    window.look(100);
    assert.equal(window.limit, limit);
  });
}

test("answers to what was admitted before the window shrank do not shrink it again", () => {
  const window = new AdaptiveWindow(settings);
  for (let index = 0; index < 30; index += 1) window.onAnswered(0, 500);
  window.look(500);
  assert.equal(window.limit, 100);
  for (let index = 0; index < 30; index += 1) window.onAnswered(400, 900);
  window.look(1_000);
  assert.equal(window.limit, 100);
});

test("the window stays in its range whatever the latencies", () => {
  const look = fc.record({ latencyMs: fc.integer({ min: 0, max: 10_000 }), isFilled: fc.boolean() });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 50 }), (looks) => {
      const window = new AdaptiveWindow(settings);
      for (const [index, { latencyMs, isFilled }] of looks.entries()) {
        const nowMs = index * 20_000;
        for (let count = 0; count < 20; count += 1) window.onAnswered(nowMs, nowMs + latencyMs);
        if (isFilled) window.onFilled();
        window.look(nowMs);
        assert.ok(window.limit >= 50 && window.limit <= 400 && Number.isInteger(window.limit));
      }
    }),
  );
});
