// A table of names gives what the parser gives, also when all names fight for one place: a wrong name found there
// would move a stranger's money. Places and hashes are small and few here on purpose; the random names of the other
// tests would hardly ever meet.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InternedNames } from "../../protocol/interned-names.ts";
import { parseOwner } from "../../protocol/names.ts";
import { must } from "./arbitraries.ts";

test("names that share a place, prefixes of one another and bytes that are no name are told apart", () => {
  const names = new InternedNames(parseOwner);
  const name = fc.oneof(
    fc.stringMatching(/^[ab]{0,3}$/).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 3 }),
  );
  const bytes = fc.record({ before: fc.nat(3), name, hash: fc.constantFrom(0, 1, 0x1_0000) });
  fc.assert(
    fc.property(bytes, ({ before, name: part, hash }) => {
      const message = Buffer.concat([Buffer.alloc(before, "a"), part, Buffer.from("a")]);
      const found = names.at(message, before, before + part.length, hash);
      assert.equal(found, parseOwner(Buffer.from(part).toString("latin1")));
    }),
    { numRuns: 3000 },
  );
});

test("a name is found without a hash of the caller's", () => {
  const names = new InternedNames(parseOwner);
  assert.equal(names.find(Buffer.from("alice:usd"), 0, 5), "alice");
  assert.equal(names.find(Buffer.from("alice:usd"), 0, 5), "alice");
  assert.equal(names.find(Buffer.from("alice:usd"), 0, 6), undefined);
});

test("an interned name is the name that is asked for, also when another one has its place", () => {
  const names = new InternedNames(parseOwner);
  const all = Array.from({ length: 100_000 }, (_, number) => must(parseOwner(`owner-${number}`)));
  for (const name of all) names.find(Buffer.from(name), 0, name.length);
  for (const name of all) assert.equal(names.intern(name), name);
  assert.equal(names.intern(must(parseOwner("nobody"))), "nobody");
  for (const name of all) assert.equal(names.find(Buffer.from(name), 0, name.length), name);
});
