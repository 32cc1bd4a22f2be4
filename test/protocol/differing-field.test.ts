// Which field an id conflict names: one change a row, the JSON name of the field. Equal content names none,
// and hashes are equal exactly then.

import assert from "node:assert/strict";
import { test } from "node:test";
import { differingField, encodeCommand } from "../../protocol/command-content.ts";
import { decodeCommandValue } from "../../protocol/command-json.ts";
import { isRefusedShape } from "../../protocol/decoded-command.ts";
import { sameBytes } from "../../protocol/digest.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import { must } from "./arbitraries.ts";

const context = {
  tenant: must(parseTenant("demo")),
  owner: must(parseOwner("alice")),
  shard: null,
  shards: 4,
};
const id = "0190a5d0-0000-7000-8000-000000000001";
const hold = "0190a5d0-0000-7000-8000-000000000002";
const leg = { from: "alice:usd", to: "bob:usd", amount: "5" };

const open = { op: "open", id, wallet: "alice:usd", asset: "USD/2" };
const transfer = { op: "transfer", id, ...leg };
const legs = { op: "transfer", id, legs: [leg, { ...leg, to: "shop:usd" }] };
const capture = { op: "capture", id, hold };
const reverse = { op: "reverse", id, transfer: hold };
const freeze = { op: "freeze", id, wallet: "alice:usd", reason: "court order" };
const limit = { op: "limit", id, wallet: "alice:usd", min: "0" };

const rows: readonly (readonly [object, object, string | null])[] = [
  [open, { wallet: "alice:eur" }, "wallet"],
  [open, { asset: "USD/3" }, "asset"],
  [open, { min: "-1" }, "min"],
  [open, { min: "0", max: "unlimited" }, null],
  [open, { max: "0" }, "max"],
  [open, { meta: {} }, "meta"],
  [transfer, { from: "alice:eur" }, "from"],
  [transfer, { to: "shop:usd" }, "to"],
  [transfer, { amount: "6" }, "amount"],
  [transfer, { amount: "9007199254740993" }, "amount"],
  [transfer, { hold: { ttlMs: 5 } }, "hold"],
  [transfer, { code: "x" }, "code"],
  [transfer, { ref: "x" }, "ref"],
  [transfer, { meta: { a: 1 } }, "meta"],
  [transfer, { ifVersion: { "alice:usd": "1" } }, "ifVersion"],
  [transfer, { ifVersion: {} }, null],
  [transfer, { id: hold }, null],
  [transfer, { to: "shop:usd", ref: "x" }, "to"],
  [legs, { legs: [leg] }, "legs"],
  [legs, { legs: [...legs.legs].reverse() }, "legs"],
  [capture, { hold: id }, "hold"],
  [capture, { amount: "1" }, "amount"],
  [capture, { final: false }, "final"],
  [capture, { final: true }, null],
  [capture, { op: "release" }, "op"],
  [reverse, { transfer: id }, "transfer"],
  [reverse, { amount: "1" }, "amount"],
  [freeze, { reason: "x" }, "reason"],
  [freeze, { wallet: "alice:eur" }, "wallet"],
  [freeze, { op: "close" }, "op"],
  [limit, { min: "unlimited" }, "min"],
  [limit, { max: "unlimited" }, "max"],
];

function contentOf(value: unknown): Uint8Array {
  const decoded = decodeCommandValue(value, context);
  assert.ok(!isRefusedShape(decoded), JSON.stringify(value));
  return encodeCommand(decoded.command);
}

for (const [base, change, field] of rows) {
  test(`${JSON.stringify(base).slice(0, 40)} with ${JSON.stringify(change)} differs in ${field ?? "nothing"}`, () => {
    const [left, right] = [contentOf(base), contentOf({ ...base, ...change })];
    assert.equal(differingField(left, right), field);
    assert.equal(differingField(right, left), field);
    assert.equal(sameBytes(left, right), field === null);
  });
}

test("meta in another order and spacing is the same content", () => {
  const left = contentOf({ ...open, meta: { a: 1, b: { c: 1.0, d: "é" } } });
  const right = contentOf({ ...open, meta: JSON.parse('{ "b": {"d":"\\u00e9", "c":1e0}, "a":1 }') });
  assert.equal(differingField(left, right), null);
});

test("content that does not decode differs in nothing that could be named", () => {
  assert.equal(differingField(contentOf(open), Uint8Array.from([0xc1])), null);
  assert.equal(differingField(Uint8Array.from([0x92, 9, 0]), contentOf(open)), null);
});
