// Samples leave the bench as CSV, which spreadsheets and the figures read: RFC 4180, and nothing is lost on the way.
// What the columns mean is tested with the samples (timeline.test.ts).
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { csvLine, csvTable, csvText } from "../../bench/csv.ts";

test("lines end with CR LF, and a field is quoted when it must be", () => {
  assert.equal(csvText(["a (ms)", "b"], [[1.5, null]]), "a (ms),b\r\n1.5,\r\n");
  assert.equal(
    csvLine(['say "no"', "one,two", "two\nlines", "plain"]),
    '"say ""no""","one,two","two\nlines",plain\r\n',
  );
});

test("what was written is read back", () => {
  const row = fc.array(fc.string({ unit: fc.constantFrom("a", ",", '"', "\r", "\n", " ", "ü") }), {
    minLength: 2,
    maxLength: 4,
  });
  fc.assert(
    fc.property(row, fc.array(row, { maxLength: 5 }), (heading, rows) => {
      assert.deepEqual(csvTable(csvText(heading, rows)), [heading, ...rows]);
    }),
  );
});

test("a line that was cut is left out, and LF alone ends a line too", () => {
  assert.deepEqual(csvTable("a,b\n1,2\n3"), [
    ["a", "b"],
    ["1", "2"],
  ]);
  assert.deepEqual(csvTable(""), []);
});
