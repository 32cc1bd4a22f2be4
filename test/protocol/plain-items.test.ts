// The short way through a group of items gives what the long way gives, whatever the bytes; and it is the way that the
// usual items take, because one that is never taken would agree with everything.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCommandId } from "../../protocol/command-id.ts";
import type { MoveItem, ResultItem } from "../../protocol/item.ts";
import { decodeItems, decodeItemsTheLongWay, encodeItems } from "../../protocol/item-codec.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import { parseAsset, parseOwner, parseTenant, parseWallet } from "../../protocol/names.ts";
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
);
const group = fc.oneof(
  anyOf.items.map(encodeItems),
  fc.array(plainItem, { minLength: 1, maxLength: 20 }).map(encodeItems),
);

test("both ways through a group agree on items, changed items and random bytes", () => {
  const bytes = fc.oneof(group, anyOf.mutated(group), fc.uint8Array({ maxLength: 200 }));
  fc.assert(
    fc.property(bytes, (each) => assert.deepStrictEqual(decodeItems(each), decodeItemsTheLongWay(each))),
    { numRuns: 6000 },
  );
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
  ["a large group", Array.from({ length: 300 }, () => apply)],
] as const) {
  test(`${name} takes the short way`, () =>
    assert.deepStrictEqual(readPlainItems(encodeItems(items)), items));
}
