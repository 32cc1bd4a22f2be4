// The roster beside a list of what it should hold, whatever comes and goes.
// Guards against: a place that two have, one that left and is still found, an order that is not that of arrival.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Roster } from "../../client/roster.ts";

interface Guest {
  readonly name: number;
}

const steps = fc.array(fc.oneof(fc.constant("enter" as const), fc.nat(50), fc.constant("clear" as const)), {
  maxLength: 200,
});

test("a roster lists what entered and did not leave, in the order of arrival, each at its own place", () => {
  fc.assert(
    fc.property(steps, (run) => {
      const roster = new Roster<Guest>();
      let expected: { guest: Guest; place: number }[] = [];
      for (const [name, step] of run.entries()) {
        if (step === "enter") {
          const guest = { name };
          expected.push({ guest, place: roster.enter(guest) });
        } else if (step === "clear") {
          roster.clear();
          expected = [];
        } else {
          const [left] = expected.splice(step % Math.max(1, expected.length), 1);
          if (left !== undefined) roster.leave(left.place);
        }
        assert.deepEqual(
          roster.list(),
          expected.map(({ guest }) => guest),
        );
        assert.equal(roster.size, expected.length);
        assert.equal(roster.oldest, expected[0]?.guest ?? null);
        for (const { guest, place } of expected) assert.equal(roster.at(place), guest);
      }
    }),
  );
});

test("places are used again, so their number is bounded by what is there at once", () => {
  const roster = new Roster<Guest>();
  for (let round = 0; round < 1_000; round += 1) {
    const places = [roster.enter({ name: 1 }), roster.enter({ name: 2 }), roster.enter({ name: 3 })];
    assert.deepEqual([...places].sort(), [0, 1, 2]);
    for (const place of places) roster.leave(place);
  }
});

test("nobody is at a place that is free or was never given, and nobody leaves it", () => {
  const roster = new Roster<Guest>();
  const place = roster.enter({ name: 1 });
  roster.leave(place);
  assert.equal(roster.at(place), null);
  assert.equal(roster.at(7), null);
  assert.equal(roster.at(undefined), null);
  assert.throws(() => roster.leave(place));
  assert.throws(() => roster.leave(7));
});
