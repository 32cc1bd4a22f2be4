// The short way through a JSON message gives what the long way gives, whatever the bytes; and it is the way that plain
// transfers take, because one that is never taken would agree with everything.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { commandToJson, decodeCommandMessage, decodeMessageTheLongWay } from "../../protocol/command-json.ts";
import type { DecodeContext } from "../../protocol/decoded-command.ts";
import { COMMANDS_PER_MESSAGE_MAX } from "../../protocol/limits.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import { PlainJsonReader } from "../../protocol/plain-json.ts";
import * as anyOf from "./arbitraries.ts";

const tenant = anyOf.must(parseTenant("demo"));
const alice = anyOf.must(parseOwner("alice"));
const anywhere: DecodeContext = { tenant, owner: null, shard: null, shards: 1 };
const toAlice: DecodeContext = { ...anywhere, owner: alice };
const id = "0190a5d0-0000-7000-8000-00000000000f";
const transfer = { op: "transfer", id, from: "alice:usd", to: "bob:usd", amount: "1250" };

function assertSame(bytes: Uint8Array, context: DecodeContext): void {
  assert.deepStrictEqual(decodeCommandMessage(bytes, context), decodeMessageTheLongWay(bytes, context));
}

function isPlain(text: string, context = anywhere): boolean {
  return new PlainJsonReader().read(Buffer.from(text), context) !== undefined;
}

const field = fc.oneof(
  fc.constantFrom(...Object.keys(transfer), "code", "ref", "meta", "hold", "legs", "o", "opp", "", "é"),
  fc.constantFrom("op", "id", "from", "to", "amount"),
);
const value = fc.oneof(
  fc.constantFrom<unknown>(...Object.values(transfer), id.toUpperCase(), "", "0", "01", "9", "x".repeat(129)),
  fc.constantFrom<unknown>("9223372036854775807", "9223372036854775808", "999999999", "1000000000", "1e3"),
  fc.constantFrom<unknown>(
    "bob:eur",
    "alice:usd",
    "alice",
    "\u0000",
    '"',
    "\\",
    "é",
    "~",
    5,
    null,
    {},
    [],
    true,
  ),
);
const space = fc.constantFrom("", "", " ", "\n\t\r ", "\ufeff", "\u00a0");
const objectText = fc
  .tuple(space, fc.array(fc.tuple(field, value), { maxLength: 4 }), fc.array(fc.nat(6), { maxLength: 2 }))
  .map(([gap, others, without]) => {
    const usual = Object.entries(transfer).filter((_, index) => !without.includes(index));
    const pairs = [...usual, ...others].map(
      ([key, each]) => `${gap}${JSON.stringify(key)}${gap}:${gap}${JSON.stringify(each)}`,
    );
    return `${gap}{${pairs.join(`${gap},`)}${gap}}${gap}`;
  });
const message = fc
  .oneof(
    objectText,
    fc.array(objectText, { maxLength: 3 }).map((each) => `[${each.join(",")}]`),
    anyOf.command.map((each) => JSON.stringify(commandToJson(each))),
  )
  .map((text) => Uint8Array.from(Buffer.from(text)));
const context = fc.oneof(
  fc.constantFrom(anywhere, toAlice),
  fc.record({
    tenant: anyOf.tenant,
    owner: fc.constantFrom(null, alice),
    shard: fc.nat(2),
    shards: fc.constant(3),
  }),
);

test("both ways through a message agree on commands, near misses and changed bytes", () => {
  const bytes = fc.oneof(message, anyOf.mutated(message), fc.uint8Array({ maxLength: 60 }));
  fc.assert(fc.property(bytes, context, assertSame), { numRuns: 6000 });
});

test("every byte of a plain message changed in every bit, cut out or cut off, is read the same both ways", () => {
  const bytes = Buffer.from(JSON.stringify([{ ...transfer, code: "sale", ref: "order 7" }, transfer]));
  for (let at = 0; at < bytes.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      assertSame(changed, toAlice);
    }
    assertSame(bytes.subarray(0, at), toAlice);
    assertSame(Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]), toAlice);
  }
});

test("wallets that are one, or whose owner is not the addressed one, are refused the same both ways", () => {
  const wallets = ["alice:usd", "alice:eur", "alicea:usd", "bob:usd"];
  for (const from of wallets) {
    for (const to of wallets) {
      const bytes = Buffer.from(JSON.stringify({ ...transfer, from, to }));
      for (const each of [toAlice, anywhere]) assertSame(bytes, each);
    }
  }
});

const plain: readonly (readonly [string, string])[] = [
  ["a transfer", JSON.stringify(transfer)],
  ["a transfer with a code and a reference", JSON.stringify({ ...transfer, code: "sale", ref: "order 7" })],
  ["an id in upper case", JSON.stringify({ ...transfer, id: id.toUpperCase() })],
  ["the largest amount", JSON.stringify({ ...transfer, amount: "9223372036854775807" })],
  ["a message with spaces", JSON.stringify(transfer, null, 2)],
  ["an array", JSON.stringify([transfer, { ...transfer, to: "carol:usd" }])],
];
for (const [name, text] of plain) {
  test(`${name} takes the short way`, () => {
    assert.ok(isPlain(text));
    assertSame(Buffer.from(text), toAlice);
  });
}

const otherwise: readonly (readonly [string, string])[] = [
  ["a key twice", JSON.stringify(transfer).replace("{", '{"amount":"1",')],
  ["an escape", JSON.stringify(transfer).replace("bob", "\\u0062ob")],
  ["a number for text", JSON.stringify({ ...transfer, amount: 5 })],
  ["an unknown field", JSON.stringify({ ...transfer, note: "x" })],
  ["a comma too many", JSON.stringify([transfer]).replace("}]", "},]")],
  ["something behind the end", `${JSON.stringify(transfer)}{}`],
  ["a name of 500,000 characters", JSON.stringify({ ...transfer, to: "b".repeat(500_000) })],
  ["too many commands", JSON.stringify(Array.from({ length: COMMANDS_PER_MESSAGE_MAX + 1 }, () => transfer))],
];
for (const [name, text] of otherwise) {
  test(`${name} takes the long way`, () => {
    assert.ok(!isPlain(text));
    assertSame(Buffer.from(text), toAlice);
  });
}
