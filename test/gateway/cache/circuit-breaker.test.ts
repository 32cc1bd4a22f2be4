/**
 * The breaker as a table: what happens, and what it is then. Failures in a row open it, only a probe closes it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CircuitBreaker } from "../../../gateway/cache/circuit-breaker.ts";

/** fail, good = an answer of an ordinary ask, probe = is one due, mend = the probe succeeded; at a time in ms. */
type Step = readonly ["fail" | "good" | "probe" | "mend", number, boolean];

/** The third of a step: for `probe` whether it is due, else whether the breaker is open afterwards. */
const TABLE: Readonly<Record<string, readonly Step[]>> = {
  "two failures do not open it": [
    ["fail", 0, false],
    ["fail", 1, false],
    ["probe", 1000, false],
  ],
  "three in a row do": [
    ["fail", 0, false],
    ["fail", 1, false],
    ["fail", 2, true],
  ],
  "an answer between them starts the count again": [
    ["fail", 0, false],
    ["fail", 1, false],
    ["good", 2, false],
    ["fail", 3, false],
    ["fail", 4, false],
    ["fail", 5, true],
  ],
  "a late good answer does not close it, a probe does": [
    ["fail", 0, false],
    ["fail", 0, false],
    ["fail", 0, true],
    ["good", 1, true],
    ["fail", 2, true],
    ["mend", 3, false],
    ["fail", 4, false],
    ["fail", 5, false],
  ],
  "one probe is due every hundred ms": [
    ["fail", 0, false],
    ["fail", 0, false],
    ["fail", 0, true],
    ["probe", 99, false],
    ["probe", 100, true],
    ["probe", 101, false],
    ["probe", 199, false],
    ["probe", 200, true],
  ],
};

for (const [name, steps] of Object.entries(TABLE)) {
  test(name, () => {
    const breaker = new CircuitBreaker({ failuresMax: 3, probeMs: 100 });
    for (const [index, [what, atMs, expected]] of steps.entries()) {
      if (what === "probe") {
        assert.equal(breaker.isProbeDue(atMs), expected, `step ${index}`);
        continue;
      }
      const wasOpen = breaker.isOpen;
      if (what === "good") breaker.succeeded();
      if (what === "mend") breaker.close();
      if (what === "fail") assert.equal(breaker.failed(atMs), !wasOpen && expected, `step ${index}`);
      assert.equal(breaker.isOpen, expected, `step ${index}`);
    }
  });
}
