// The short way through a frame gives what the long way gives, whatever the bytes; and it is the way that the usual
// commands take, because one that is never taken would agree with everything.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Command } from "../../protocol/command.ts";
import {
  decodeCommandFrame,
  decodeFrameTheLongWay,
  encodeCommandFrame,
} from "../../protocol/command-frame.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import type { DecodeContext } from "../../protocol/decoded-command.ts";
import { LEGS_MAX } from "../../protocol/limits.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import { parseOwner, parseTenant, parseWallet } from "../../protocol/names.ts";
import { PlainCommandReader } from "../../protocol/plain-command.ts";
import * as anyOf from "./arbitraries.ts";

const tenant = anyOf.must(parseTenant("demo"));
const alice = anyOf.must(parseOwner("alice"));
const id = anyOf.must(parseCommandId("0190a5d0-0000-7000-8000-00000000000f"));
const anywhere: DecodeContext = { tenant, owner: null, shard: null, shards: 1 };

const frame: fc.Arbitrary<Uint8Array> = fc
  .array(anyOf.command, { maxLength: 3 })
  .map((commands) => encodeCommandFrame({ reply: "a.b", commands }));
const context: fc.Arbitrary<DecodeContext> = fc.oneof(
  fc.constant(anywhere),
  fc.record({
    tenant: anyOf.tenant,
    owner: fc.option(anyOf.owner, { nil: null }),
    shard: fc.nat(2),
    shards: fc.constant(3),
  }),
);

function assertSame(bytes: Uint8Array, where: DecodeContext): void {
  assert.deepStrictEqual(decodeCommandFrame(bytes, where), decodeFrameTheLongWay(bytes, where));
}

test("both ways through a frame agree on commands, changed commands and random bytes", () => {
  const bytes = fc.oneof(frame, anyOf.mutated(frame), fc.uint8Array({ maxLength: 200 }));
  fc.assert(fc.property(bytes, context, assertSame), { numRuns: 4000 });
});

const wallet = (name: string) => anyOf.must(parseWallet(name));
const leg = { from: wallet("alice:usd"), to: wallet("bob:usd"), amount: 5n };
const transfer = {
  op: "transfer",
  id,
  owner: alice,
  legs: [leg],
  holdTtlMs: null,
  code: null,
  ref: null,
  meta: null,
  ifVersion: null,
} as const satisfies Command;
const long = wallet(`${"b".repeat(64)}:${"c".repeat(32)}`);
const amounts = [1n, 127n, 128n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n, INT64_MAX];
const plain: readonly (readonly [string, Command])[] = [
  ["a transfer", transfer],
  ["a transfer with a reference and a code", { ...transfer, code: "sale", ref: "r".repeat(128) }],
  ["a hold", { ...transfer, holdTtlMs: 60_000 }],
  ["fifteen legs", { ...transfer, legs: Array.from({ length: 15 }, () => ({ ...leg, to: long })) }],
  ["sixteen legs", { ...transfer, legs: Array.from({ length: 16 }, () => leg) }],
  ["a leg of another owner", { ...transfer, legs: [leg, { ...leg, from: long }] }],
  ...amounts.map(
    (amount) => [`an amount of ${amount}`, { ...transfer, legs: [{ ...leg, amount }] }] as const,
  ),
  ["a capture", { op: "capture", id, owner: alice, hold: id, amount: 7n, final: false }],
  ["a capture of everything", { op: "capture", id, owner: alice, hold: id, amount: null, final: true }],
  ["a release", { op: "release", id, owner: alice, hold: id }],
  ["a reverse", { op: "reverse", id, owner: alice, transfer: id, amount: 300n }],
];
const HEADER_BYTES = 4;

test("as many legs as a command may have take the short way, more do not", () => {
  for (const [length, expected] of [
    [LEGS_MAX, true],
    [LEGS_MAX + 1, false],
  ] as const) {
    const command: Command = { ...transfer, legs: Array.from({ length }, () => leg) };
    const bytes = encodeCommandFrame({ reply: null, commands: [command] });
    const read = new PlainCommandReader(bytes, anywhere).read(HEADER_BYTES);
    assert.deepStrictEqual(read, expected ? command : undefined);
    assertSame(bytes, anywhere);
  }
});

test("a length of legs that is not in its shortest form is no plain one", () => {
  const short = Buffer.from(encodeCommandFrame({ reply: null, commands: [transfer] }));
  const at = short.indexOf(Buffer.of(0x91, 0x93, 0xa9));
  const bytes = Buffer.concat([short.subarray(0, at), Buffer.of(0xdc, 0, 1), short.subarray(at + 1)]);
  assert.equal(new PlainCommandReader(bytes, anywhere).read(HEADER_BYTES), undefined);
  assertSame(bytes, anywhere);
});

for (const [name, command] of plain) {
  test(`${name} takes the short way`, () => {
    const bytes = encodeCommandFrame({ reply: null, commands: [command] });
    const reader = new PlainCommandReader(bytes, anywhere);
    assert.deepStrictEqual(reader.read(HEADER_BYTES), command);
    assert.equal(reader.at, bytes.length);
  });

  test(`${name}: every byte changed in every bit, cut out or cut off, is read the same both ways`, () => {
    const bytes = encodeCommandFrame({ reply: null, commands: [command] });
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        assertSame(changed, anywhere);
      }
      assertSame(bytes.slice(0, at), anywhere);
      assertSame(Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + 1)]), anywhere);
    }
  });
}

const refused: readonly (readonly [string, Command, DecodeContext])[] = [
  ["another owner's message", transfer, { ...anywhere, owner: anyOf.must(parseOwner("bob")) }],
  ["another shard's log", transfer, { ...anywhere, shard: 7, shards: 8 }],
  ["another owner's wallet", { ...transfer, legs: [{ ...leg, from: wallet("bob:eur") }] }, anywhere],
  ["one wallet twice", { ...transfer, legs: [{ ...leg, to: leg.from }] }, anywhere],
  ["a hold of another owner's", { ...transfer, holdTtlMs: 1, legs: [leg, { ...leg, from: long }] }, anywhere],
  ["a time to live that is too long", { ...transfer, holdTtlMs: 2 ** 33 }, anywhere],
  ["a code that is too long", { ...transfer, code: "c".repeat(65) }, anywhere],
  ["a control character", { ...transfer, ref: "a\nb" }, anywhere],
];
for (const [name, command, where] of refused) {
  test(`${name} is refused the long way`, () => {
    const bytes = encodeCommandFrame({ reply: null, commands: [command] });
    assert.equal(new PlainCommandReader(bytes, where).read(HEADER_BYTES), undefined);
    assertSame(bytes, where);
  });
}
