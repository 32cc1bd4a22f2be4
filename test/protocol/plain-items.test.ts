// The short way through a group of items gives what the long way gives, whatever the bytes; and it is the way that the
// usual items take, because one that is never taken would agree with everything.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCommandId } from "../../protocol/command-id.ts";
import type { DecisionItem, Item, ItemLeg, MoveItem, ResultItem } from "../../protocol/item.ts";
import {
  decodeItems,
  decodeItemsTheLongWay,
  encodeItems,
  ItemGroupWriter,
} from "../../protocol/item-codec.ts";
import { LEGS_MAX } from "../../protocol/limits.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import { ownerOf, parseAsset, parseOwner, parseTenant, parseWallet } from "../../protocol/names.ts";
import { readPlainItems } from "../../protocol/plain-items.ts";
import * as anyOf from "./arbitraries.ts";

const { must } = anyOf;
const leg = {
  leg: 0,
  from: must(parseWallet("alice:usd")),
  to: must(parseWallet("bob:usd")),
  amount: 5n,
  asset: must(parseAsset("USD/2")),
};
const apply: MoveItem = {
  kind: "apply",
  saga: 1,
  move: "transfer",
  tenant: must(parseTenant("demo")),
  owner: must(parseOwner("alice")),
  command: must(parseCommandId("0190a5d0-0000-7000-8000-00000000000f")),
  transfer: null,
  code: null,
  ref: null,
  legs: [leg],
  ifVersion: [],
};
const result: ResultItem = { kind: "result", saga: 1, of: "apply", refusal: null, leg: 0, assets: [] };

const plainItem = fc.oneof(
  fc.record({ item: anyOf.moveItem, amount: fc.bigInt(1n, INT64_MAX) }).map(
    ({ item, amount }): MoveItem => ({
      ...item,
      ...{ kind: "apply", legs: [{ ...leg, amount }], ifVersion: [] },
    }),
  ),
  anyOf.resultItem.map((item): ResultItem => ({ ...item, of: "apply", assets: [] })),
  anyOf.moveItem.map((item): MoveItem => ({ ...item, ifVersion: [] })),
);
/** Items that leave out the tenant, the owner, both or none. */
const usualScope = <Moved extends Item>(item: fc.Arbitrary<Moved>): fc.Arbitrary<Item> =>
  fc.record({ item, isSameTenant: fc.boolean(), isPayer: fc.boolean() }).map((made): Item => {
    if (!("legs" in made.item)) return made.item;
    const { tenant, owner, legs } = made.item;
    const from = legs[0]?.from ?? leg.from;
    return {
      ...made.item,
      tenant: made.isSameTenant ? apply.tenant : tenant,
      owner: made.isPayer ? ownerOf(from) : owner,
    };
  });
const group = fc.oneof(
  fc.array(usualScope(anyOf.item), { minLength: 1, maxLength: 6 }).map(encodeItems),
  anyOf.items.map(encodeItems),
  fc.array(usualScope(plainItem), { minLength: 1, maxLength: 20 }).map(encodeItems),
);

test("both ways through a group agree on items, changed items and random bytes", () => {
  const bytes = fc.oneof(group, anyOf.mutated(group), fc.uint8Array({ maxLength: 200 }));
  fc.assert(
    fc.property(bytes, (each) => assert.deepStrictEqual(decodeItems(each), decodeItemsTheLongWay(each))),
    { numRuns: 6000 },
  );
});

test("items come back as they were, whatever they leave out", () => {
  const items = fc.array(usualScope(fc.oneof(anyOf.item, plainItem)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(items, (each) => {
      const expected = structuredClone({ ok: true, value: each });
      assert.deepStrictEqual(structuredClone(decodeItems(encodeItems(each))), expected);
    }),
    { numRuns: 2000 },
  );
});

test("a writer that is used again, or was emptied, writes what a new one writes", () => {
  const writer = new ItemGroupWriter();
  for (const end of [() => writer.take(), () => writer.drop()]) {
    writer.add(apply);
    end();
    writer.add(apply);
    assert.deepStrictEqual(writer.take(), encodeItems([apply]));
  }
});

test("a group that begins without a tenant, or is behind a result only, is malformed", () => {
  const whole = Buffer.from(encodeItems([apply]));
  const tenant = whole.indexOf("\xa4demo", "latin1");
  const without = Buffer.concat([whole.subarray(0, tenant), Buffer.of(0xc0), whole.subarray(tenant + 5)]);
  const behind = Buffer.concat([
    Buffer.of(0x92),
    Buffer.from(encodeItems([result])).subarray(1),
    without.subarray(1),
  ]);
  for (const bytes of [without, behind]) {
    assert.equal(readPlainItems(bytes), undefined);
    assert.deepEqual(decodeItems(bytes), { ok: false, error: "malformed" });
  }
});

const commit: DecisionItem = { kind: "commit", saga: 1 };
const manyLegs: [ItemLeg, ...ItemLeg[]] = [leg];
while (manyLegs.length < LEGS_MAX) manyLegs.push({ ...leg, leg: manyLegs.length });
const manyAssets = Array.from({ length: 2 * LEGS_MAX }, () => [leg.from, leg.asset] as const);

test("an item with expected versions, or with more than it may have, does not take the short way", () => {
  const prepare: MoveItem = { ...apply, kind: "prepare" };
  for (const item of [
    { ...prepare, ifVersion: [[leg.to, 3] as const] },
    { ...prepare, legs: [...manyLegs, leg] },
    { ...result, of: "prepare", assets: [...manyAssets, [leg.to, leg.asset] as const] },
    { ...commit, saga: 0 },
  ] satisfies Item[]) {
    const bytes = encodeItems([item]);
    assert.equal(readPlainItems(bytes), undefined);
    assert.deepStrictEqual(decodeItems(bytes), decodeItemsTheLongWay(bytes));
  }
});

const amounts = [1n, 127n, 128n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n, INT64_MAX];
for (const [name, items] of [
  ["an apply", [apply]],
  ["an apply of a capture", [{ ...apply, move: "capture", transfer: apply.command }]],
  ["an apply with code and reference", [{ ...apply, code: "sale", ref: "r".repeat(128) }]],
  ["an apply whose asset nobody knows", [{ ...apply, legs: [{ ...leg, asset: null }] }]],
  ...amounts.map((amount) => [`an apply of ${amount}`, [{ ...apply, legs: [{ ...leg, amount }] }]] as const),
  ["a result", [result]],
  ["a refused result", [{ ...result, refusal: { code: "wallet_closed", detail: "bob:usd" } }]],
  ["a refused result without detail", [{ ...result, refusal: { code: "internal_error", detail: null } }]],
  ["a group of both", [apply, result, apply]],
  ["a group of two tenants", [apply, { ...apply, tenant: must(parseTenant("other")) }, result, apply]],
  ["an apply for another's wallet", [{ ...apply, owner: must(parseOwner("carol")) }]],
  ["a prepare of many legs", [{ ...apply, kind: "prepare", legs: manyLegs }]],
  ["a check", [{ ...apply, kind: "check", legs: [leg, { ...leg, leg: 1 }] }]],
  ["a vote", [{ ...result, of: "prepare", assets: manyAssets }]],
  ["the answer to a commit", [{ ...result, of: "commit" }]],
  ["decisions", [commit, { ...commit, kind: "abort", saga: 300 }]],
  ["a group of all kinds", [{ ...apply, kind: "prepare" }, { ...result, of: "prepare" }, commit, apply]],
  ["a large group", Array.from({ length: 300 }, () => apply)],
] as const) {
  test(`${name} takes the short way`, () =>
    assert.deepStrictEqual(readPlainItems(encodeItems(items)), items));
}
