/**
 * The ring of outcomes against a list that is too simple to be wrong: whatever is found is what was put last under that
 * scope, and the newest is always found.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OutcomeRing, type RingRecord } from "../../../gateway/cache/outcome-ring.ts";

const put = fc.record({
  scope: fc.nat(30).map((id) => `demo alice ${id}`),
  content: fc.string({ unit: "grapheme", maxLength: 20 }),
  text: fc.string({ maxLength: 60 }),
});

test("finds what was put last under a scope, or nothing", () => {
  fc.assert(
    fc.property(
      fc.array(put, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 3_000, max: 6_000 }),
      (puts, entriesMax, bytesMax) => {
        const ring = new OutcomeRing({ entriesMax, bytesMax });
        const model = new Map<string, RingRecord>();
        for (const [keptMs, { scope, content, text }] of puts.entries()) {
          const record = { content: content.toWellFormed(), text: text.toWellFormed(), keptMs };
          ring.put(scope, record);
          model.set(scope, record);
          if (20 + 3 * (scope.length + record.content.length + record.text.length) <= bytesMax / 8)
            assert.deepEqual(ring.find(scope), record);
          else model.delete(scope);
          assert.ok(ring.entries <= entriesMax && ring.bytes <= bytesMax);
          for (const [name, expected] of model) {
            const found = ring.find(name);
            if (found !== null) assert.deepEqual(found, expected);
          }
        }
      },
    ),
  );
});

test("holds as much as its block takes", () => {
  const ring = new OutcomeRing({ entriesMax: 10_000, bytesMax: 100_000 });
  for (let id = 0; id < 5_000; id += 1)
    ring.put(`demo alice ${id}`, { content: "c".repeat(60), text: "t".repeat(100), keptMs: id });
  assert.ok(ring.bytes > 95_000 && ring.entries > 450, `${ring.entries} entries, ${ring.bytes} bytes`);
  const kept = Array.from({ length: 5_000 }, (_, id) => ring.find(`demo alice ${id}`)).filter(Boolean);
  assert.ok(kept.length > 0.98 * ring.entries, `${kept.length} of ${ring.entries} have their slot`);
});
