// The window's arithmetic.
// Guards against room that leaks, or is given twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Window } from "../../client/window.ts";

test("commands and bytes never exceed their bounds, except for one command that is too large for any window", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3, max: 60 })), (steps) => {
      const window = new Window({ commandsMax: 4, bytesMax: 50 });
      const inside: number[] = [];
      for (const step of steps) {
        const leaving = step < 0 ? inside.shift() : undefined;
        if (leaving !== undefined) window.giveBack(leaving);
        if (step < 0) continue;
        const fits = window.hasRoom(step);
        assert.equal(window.tryTake(step), fits);
        if (fits) inside.push(step);
        const bytes = inside.reduce((sum, each) => sum + each, 0);
        assert.ok(inside.length <= 4 && (bytes <= 50 || inside.length === 1));
        assert.equal(window.commands, inside.length);
      }
    }),
  );
});
