// The short way through parameters against the whole check: it accepts nothing that the whole check would not.
// Guards against: a query that only the short way lets pass, or that the whole check would have changed.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Value } from "typebox/value";
import { plainCheck } from "../../gateway/plain-parameters.ts";
import { schemas } from "../../gateway/schemas.ts";

const { walletParams, ownerParams, idParams, ownerQuery, readQuery, walletQuery, holdsQuery, noQuery } =
  schemas;
const all = { walletParams, ownerParams, idParams, ownerQuery, readQuery, walletQuery, holdsQuery, noQuery };
const texts = [
  "cached",
  "strong",
  "amy",
  "amy:usd",
  "amy:usd\n",
  ":",
  "",
  "5",
  "a b",
  "2026-11-22T08:00:00Z",
];
const names = ["wallet", "owner", "id", "consistency", "at", "limit", "cursor", "__proto__", "toString"];

for (const [name, schema] of Object.entries(all)) {
  test(`what is accepted shortly as ${name} is accepted wholly`, () => {
    const check = plainCheck(schema);
    const values = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.constantFrom(...texts), fc.string()));
    fc.assert(fc.property(values, (given) => !check(given) || Value.Check(schema, given)));
  });
}

test("names and choices go the short way, times and numbers do not", () => {
  assert.equal(plainCheck(walletQuery)({ consistency: "cached" }), true);
  assert.equal(plainCheck(walletParams)({ wallet: "amy:usd" }), true);
  assert.equal(plainCheck(walletParams)({}), false);
  assert.equal(plainCheck(walletQuery)({ consistency: ["cached", "cached"] }), false);
  assert.equal(plainCheck(walletQuery)({ at: "2026-11-22T08:00:00Z" }), false);
  assert.equal(plainCheck(holdsQuery)({ limit: "5" }), false);
});
