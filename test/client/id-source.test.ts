// Ids of the client: UUIDv7 of the injected time, unique by the injected randomness.
// Guards against ids that repeat, which would make two commands one.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IdSource } from "../../client/id-source.ts";

function sourceAt(
  timesMs: readonly number[],
  fill: (bytes: Uint8Array) => void = (bytes) => bytes.fill(0xff),
): IdSource {
  let next = 0;
  return new IdSource({ wallMs: () => timesMs[next++] ?? 0, steadyMs: () => 0, fillRandom: fill });
}

test("an id is a UUIDv7 whose first 48 bits are the time", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (timeMs) => {
      const id = sourceAt([timeMs]).commandId();
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16), timeMs);
    }),
  );
});

test("later ids sort after earlier ones", () => {
  const source = sourceAt([1, 2, 255, 256, 65_536, 1_795_000_000_000]);
  const ids = Array.from({ length: 6 }, () => source.commandId());
  assert.deepEqual(ids.toSorted(), ids);
});

test("random bytes are never used twice", () => {
  let counter = 0;
  const source = sourceAt([], (bytes) => {
    for (let index = 0; index < bytes.length; index += 2) {
      bytes[index] = counter >>> 8;
      bytes[index + 1] = counter & 0xff;
      counter += 1;
    }
  });
  const ids = new Set(Array.from({ length: 2_000 }, () => source.commandId()));
  assert.equal(ids.size, 2_000);
});

test("a subject's token is one token", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (random) => {
      const token = sourceAt([], (bytes) => bytes.set(random)).subjectToken();
      assert.match(token, /^[A-Za-z0-9_-]{22}$/);
    }),
  );
});

test("a fraction lies in [0, 1)", () => {
  for (const byte of [0, 1, 127, 128, 255]) {
    const fraction = sourceAt([], (bytes) => bytes.fill(byte)).fraction();
    assert.ok(fraction >= 0 && fraction < 1);
  }
});
