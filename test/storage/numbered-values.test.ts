// Values by number against a Map, and how much memory they keep: chunks of values that went must go, however old the
// one is that stays. Guards against a value that is lost or comes back, and against memory for every number passed.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NumberedValues } from "../../storage/numbered-values.ts";
import { OpenNumbers } from "../../storage/open-numbers.ts";

interface Value {
  readonly number: number;
}

type Act = readonly ["set" | "get" | "take" | "clear", number];

/** Mostly numbers of some neighbouring chunks, some far away and beyond 32 bits. */
const numbers = fc.oneof(
  { weight: 6, arbitrary: fc.nat(300) },
  { weight: 1, arbitrary: fc.nat(3).map((far) => far * 64 * 2 ** 33 + 63) },
);
const kinds = fc.constantFrom("set", "set", "set", "get", "take", "take");
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    { weight: 200, arbitrary: fc.tuple(kinds, numbers) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("clear" as const), numbers) },
  ),
  { size: "+2" },
);

function act(values: NumberedValues<Value>, model: Map<number, Value>, [kind, number]: Act): void {
  if (kind === "set") {
    const value = { number };
    values.set(number, value);
    model.set(number, value);
  } else if (kind === "get") {
    assert.equal(values.get(number), model.get(number));
  } else if (kind === "take") {
    assert.equal(values.take(number), model.get(number));
    model.delete(number);
  } else {
    values.clear();
    model.clear();
  }
}

function byNumber(values: Iterable<Value>): Value[] {
  return [...values].sort((left, right) => left.number - right.number);
}

test("values by number are what a Map has, whatever was put and taken out", () => {
  fc.assert(
    fc.property(acts, (all) => {
      const values = new NumberedValues<Value>();
      const model = new Map<number, Value>();
      for (const each of all) {
        act(values, model, each);
        assert.equal(values.size, model.size);
      }
      const shown = byNumber(values.filter(() => true));
      assert.deepEqual(shown, byNumber(model.values()));
      for (const value of shown) assert.equal(values.get(value.number), value);
    }),
  );
});

test("values that come in order and go anyhow have the lowest number as their oldest", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(400), { size: "+2" }), (gone) => {
      const values = new NumberedValues<Value>();
      for (let number = 0; number < 400; number += 1) values.set(number, { number });
      for (const number of gone) values.take(number);
      const left = byNumber(values.filter(() => true));
      assert.equal(values.oldest(), left[0]?.number);
    }),
  );
});

test("one value that stays keeps nothing of the millions that came and went after it", () => {
  const values = new NumberedValues<Value>();
  values.set(1, { number: 1 });
  for (let number = 2; number < 3_000_000; number += 1) {
    values.set(number, { number });
    if (number > 1000) values.take(number - 999);
  }
  assert.equal(values.size, 1000);
  assert.equal(values.oldest(), 1);
  assert.ok(values.chunks <= 18, `${values.chunks} chunks`);
});

test("only wanted values are shown, and none that was taken out", () => {
  const values = new NumberedValues<Value>();
  for (let number = 0; number < 200; number += 1) values.set(number, { number });
  for (let number = 50; number < 150; number += 1) values.take(number);
  const shown = byNumber(values.filter(({ number }) => number % 25 === 0));
  assert.deepEqual(
    shown.map(({ number }) => number),
    [0, 25, 150, 175],
  );
});

test("a number that is no integer from 0 is refused", () => {
  const values = new NumberedValues<Value>();
  for (const number of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => values.set(number, { number }), /numbered by integers/);
  }
});

test("an open number is taken once, and known until one takes its place or all are forgotten", () => {
  const open = new OpenNumbers();
  open.add(1);
  open.add(2);
  assert.deepEqual([open.take(1), open.take(1), open.take(3)], [true, false, false]);
  open.add(2 + 16_384);
  assert.deepEqual([open.take(2), open.take(2 + 16_384)], [false, true]);
  open.add(5);
  open.clear();
  assert.equal(open.take(5), false);
});
