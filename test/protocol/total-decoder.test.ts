// Whatever the bytes, no decoder throws, and what it gives has the promised form. Random bytes rarely get past
// the first token, so most inputs here are valid messages that something changed.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { decodeContent, differingField, encodeCommand } from "../../protocol/command-content.ts";
import { decodeCommandFrame, encodeCommandFrame } from "../../protocol/command-frame.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { commandToJson, decodeCommandMessage, decodeCommandValue } from "../../protocol/command-json.ts";
import { decodeCursor, encodeCursor } from "../../protocol/cursor.ts";
import {
  type DecodeContext,
  type DecodedCommandOrRefusal,
  isRefusedShape,
} from "../../protocol/decoded-command.ts";
import { decodeEventMessage, encodeEventMessage } from "../../protocol/event.ts";
import { decodeWantedEvents } from "../../protocol/event-scan.ts";
import { decodeInfo } from "../../protocol/info.ts";
import { countItems, decodeItems, encodeItems } from "../../protocol/item-codec.ts";
import {
  COMMANDS_PER_MESSAGE_MAX,
  ECHOED_ID_CHARS_MAX,
  ITEM_GROUP_MAX,
  MESSAGE_BYTES_MAX,
  PEER_FRAME_ITEMS_MAX,
} from "../../protocol/limits.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import { REFUSALS } from "../../protocol/outcome.ts";
import { decodeOutcome, decodeOutcomes, encodeOutcome } from "../../protocol/outcome-codec.ts";
import { outcomeFromJson } from "../../protocol/outcome-json.ts";
import { decodeOwnerRecord, encodeOwnerRecord } from "../../protocol/owner-record-codec.ts";
import { decodePeerFrame, encodePeerFrame } from "../../protocol/peer-frame-codec.ts";
import { decodeRead } from "../../protocol/read.ts";
import { decodeReadAnswer } from "../../protocol/read-answer.ts";
import * as anyOf from "./arbitraries.ts";

const tenant = anyOf.must(parseTenant("demo"));
const owner = anyOf.must(parseOwner("alice"));
const id = anyOf.must(parseCommandId("0190a5d0-0000-7000-8000-000000000001"));
const context: DecodeContext = { tenant, owner: null, shard: 0, shards: 1 };
const shapeCodes: readonly string[] = REFUSALS.filter(({ stage }) => stage === 1).map(({ code }) => code);

const random = fc.uint8Array({ maxLength: 400 });
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

function checkElements(elements: readonly DecodedCommandOrRefusal[]): void {
  for (const element of elements) {
    if (!isRefusedShape(element)) continue;
    assert.ok(shapeCodes.includes(element.shape.code), element.shape.code);
    assert.ok((element.shape.detail ?? "").length <= 100);
    for (const echoed of [element.id, element.op]) {
      assert.ok(echoed === null || (echoed.length <= ECHOED_ID_CHARS_MAX && echoed.isWellFormed()));
    }
  }
}

const decoders: readonly [string, fc.Arbitrary<Uint8Array>, (bytes: Uint8Array) => unknown][] = [
  [
    "command JSON",
    anyOf.command.map((each) => json([commandToJson(each)])),
    (bytes) => checkElements(decodeCommandMessage(bytes, context)),
  ],
  [
    "command frames",
    fc
      .array(anyOf.command, { maxLength: 3 })
      .map((commands) => encodeCommandFrame({ reply: "a.b", commands })),
    (bytes) => checkElements(decodeCommandFrame(bytes, context).commands),
  ],
  [
    "contents",
    anyOf.command.map(encodeCommand),
    (bytes) => [decodeContent(bytes, { id, owner }), differingField(bytes, bytes)],
  ],
  ["outcomes", anyOf.outcome.map(encodeOutcome), (bytes) => [decodeOutcome(bytes), decodeOutcomes(bytes)]],
  ["items", anyOf.items.map(encodeItems), (bytes) => [decodeItems(bytes), countItems(bytes)]],
  ["peer frames", anyOf.peerFrame.map(encodePeerFrame), decodePeerFrame],
  ["owner records", anyOf.ownerRecord.map(encodeOwnerRecord), decodeOwnerRecord],
  ["event messages", anyOf.eventMessage.map(encodeEventMessage), decodeEventMessage],
  [
    "wanted events",
    anyOf.eventMessage.map(encodeEventMessage),
    (bytes) => decodeWantedEvents(bytes, () => true),
  ],
  [
    "reads",
    fc.constant(
      json({ get: "entries", wallet: "alice:usd", cursor: encodeCursor([1]), limit: 5, after: "7" }),
    ),
    (bytes) => decodeRead(bytes, { tenant, owner }),
  ],
  [
    "answers",
    fc.constant(
      json({ ok: true, wallets: [], asOf: { shard: 1, position: "1", time: "2026-11-22T08:00:00.000Z" } }),
    ),
    decodeReadAnswer,
  ],
  ["info", fc.constant(json({ version: "1", cluster: "c", shards: 1 })), decodeInfo],
  [
    "cursors",
    fc.constant(Buffer.from(encodeCursor([1, 2]))),
    (bytes) => decodeCursor(Buffer.from(bytes).toString("latin1")),
  ],
];

for (const [name, valid, decode] of decoders) {
  test(`${name}: no bytes make the decoder throw`, () => {
    fc.assert(
      fc.property(fc.oneof(random, anyOf.mutated(valid), valid), (bytes) => void decode(bytes)),
      { numRuns: 1500 },
    );
  });
}

test("no JavaScript value makes the decoders of values throw", () => {
  const value = fc.anything({
    withBigInt: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  const object = fc.record({
    op: fc.constantFrom("open", "transfer", "capture", "limit"),
    id: value,
    wallet: value,
    legs: value,
    meta: value,
    hold: value,
    ifVersion: value,
  });
  fc.assert(
    fc.property(fc.oneof(value, object), (input) => {
      checkElements([decodeCommandValue(input, context)]);
      outcomeFromJson(input);
    }),
    { numRuns: 1500 },
  );
});

test("a value of thousands of levels is refused, not a stack overflow", () => {
  let meta: unknown = {};
  for (let level = 0; level < 100_000; level += 1) meta = { meta };
  const decoded = decodeCommandValue({ op: "open", id, wallet: "alice:usd", asset: "USD/2", meta }, context);
  assert.ok(isRefusedShape(decoded) && decoded.shape.code === "malformed" && decoded.shape.detail === "meta");
});

test("frames that lie about lengths are refused before anything is allocated", () => {
  const lies = [
    [0xdd, 0xff, 0xff, 0xff, 0xff],
    [0x93, 1, 0xc0, 0xdd, 0x7f, 0xff, 0xff, 0xff],
    [0x93, 1, 0xdb, 0xff, 0xff, 0xff, 0xff],
    [0x93, 1, 0xc6, 0xff, 0xff, 0xff, 0xff],
    [0x93, 1, 0xc0, 0x91, 0xdf, 0xff, 0xff, 0xff, 0xff],
  ];
  for (const lie of lies) {
    const { commands } = decodeCommandFrame(Uint8Array.from(lie), context);
    assert.deepEqual(
      commands.map((each) => isRefusedShape(each) && each.shape.code),
      ["malformed"],
    );
  }
});

const foreign: readonly [string, number[]][] = [
  ["an extension type", [0xd4, 1, 0]],
  ["a timestamp", [0xd6, 0xff, 0, 0, 0, 0]],
  ["a map", [0x81, 0xa1, 0x61, 1]],
  ["a 32-bit float", [0xca, 0, 0, 0, 0]],
  ["a 64-bit float", [0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]],
  ["the unused token", [0xc1]],
  ["ill-formed UTF-8", [0xa2, 0xc3, 0x28]],
  ["an encoded surrogate", [0xa3, 0xed, 0xa0, 0x80]],
  ["an overlong encoding", [0xa2, 0xc0, 0x80]],
  ["nine levels of arrays", [0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0xc0]],
];
for (const [name, token] of foreign) {
  test(`a frame with ${name} is malformed, and its reply subject is given back`, () => {
    const frame = Uint8Array.from([0x93, 1, 0xa1, 0x72, 0x91, ...token]);
    const { reply, commands } = decodeCommandFrame(frame, context);
    assert.equal(reply, "r");
    assert.deepEqual(
      commands.map((each) => isRefusedShape(each) && each.shape.code),
      ["malformed"],
    );
  });
}

test("half a megabyte of nested arrays is refused, not a stack overflow", () => {
  const nested = Buffer.alloc(MESSAGE_BYTES_MAX, 0x91);
  const { commands } = decodeCommandFrame(nested, context);
  assert.equal(commands.length, 1);
  nested.set([0x93, 1, 0xa1, 0x72, 0x91]);
  assert.equal(decodeCommandFrame(nested, context).reply, "r");
  for (const decode of [decodeOutcome, decodeItems, decodePeerFrame, decodeOwnerRecord]) {
    assert.equal(decode(nested).ok, false);
  }
});

test("a field too many, a balance of 2^63 and a text of a number are malformed", () => {
  const packr = new Packr({ useRecords: false });
  const balances = (posted: unknown) => [["alice:usd", posted, 0, 0, 0, 1]];
  const outcome = (posted: unknown) => [null, 1, 1, null, null, false, 0, 1, 1, balances(posted)];
  const malformed = { ok: false, error: "malformed" };
  assert.equal(decodeOutcome(packr.pack([1, outcome(2n ** 63n - 1n)])).ok, true);
  assert.deepEqual(decodeOutcome(packr.pack([1, outcome(2n ** 63n)])), malformed);
  assert.deepEqual(decodeOutcome(packr.pack([1, outcome(-(2n ** 63n))])), malformed);
  assert.deepEqual(decodeOutcome(packr.pack([1, outcome("5")])), malformed);
  assert.deepEqual(decodeOutcome(packr.pack([1, [...outcome(5), null]])), malformed);
  assert.deepEqual(decodeOutcome(packr.pack([1, outcome(5), null])), malformed);
  assert.equal(decodeItems(packr.pack([[1, 4, 7]])).ok, true);
  for (const item of [[1, 4, 7, 7], [1, 6, 7], [1, 4, 0], 4, []]) {
    assert.deepEqual(decodeItems(packr.pack([[1, 4, 7], item])), malformed);
  }
});

test("a group of no items or of more than allowed is malformed", () => {
  const group = (count: number) =>
    encodeItems(Array.from({ length: count }, () => ({ kind: "abort", saga: 1 })));
  assert.deepEqual(countItems(group(ITEM_GROUP_MAX)), { ok: true, value: ITEM_GROUP_MAX });
  for (const count of [0, ITEM_GROUP_MAX + 1]) {
    assert.deepEqual(countItems(group(count)), { ok: false, error: "malformed" });
    assert.deepEqual(decodeItems(group(count)), { ok: false, error: "malformed" });
  }
});

test("a peer frame of more bytes or groups than allowed is malformed", () => {
  const mark = { number: 0, hash: new Uint8Array(16) };
  const frame = {
    cluster: "c",
    from: 0,
    to: 1,
    epoch: 1,
    acked: mark,
    resend: false,
    before: mark,
    lowestKept: 1,
  };
  const decodes = (groups: readonly Uint8Array[]) =>
    decodePeerFrame(encodePeerFrame({ ...frame, groups })).ok;
  const small = Uint8Array.from([1]);
  assert.equal(decodes(Array.from({ length: PEER_FRAME_ITEMS_MAX }, () => small)), true);
  assert.equal(decodes(Array.from({ length: PEER_FRAME_ITEMS_MAX + 1 }, () => small)), false);
  assert.equal(decodes([new Uint8Array(MESSAGE_BYTES_MAX)]), false);
  assert.equal(decodes([new Uint8Array(0)]), false);
});

test("a message of more bytes or commands than allowed is too_large as a whole", () => {
  const tooLong = Buffer.alloc(MESSAGE_BYTES_MAX + 1, 0x20);
  const tooMany = json(Array.from({ length: COMMANDS_PER_MESSAGE_MAX + 1 }, () => 0));
  const manyFrame = Buffer.from([0x93, 1, 0xc0, 0xdc, 0x03, 0xe9, ...Array.from({ length: 1001 }, () => 0)]);
  const results = [
    decodeCommandMessage(tooLong, context),
    decodeCommandMessage(tooMany, context),
    decodeCommandFrame(tooLong, context).commands,
    decodeCommandFrame(manyFrame, context).commands,
  ];
  for (const elements of results) {
    assert.deepEqual(
      elements.map((each) => isRefusedShape(each) && [each.id, each.shape.code]),
      [[null, "too_large"]],
    );
  }
  assert.equal(
    decodeCommandMessage(json(Array.from({ length: COMMANDS_PER_MESSAGE_MAX }, () => 0)), context).length,
    1000,
  );
});

/** The head of an array of one. */
const GROUP_OF_ONE = Uint8Array.from([0x91]);

test("another version is told apart from damage in stored and peer formats", () => {
  const unknown = Uint8Array.from([0x92, 2, 0xc0]);
  const decodeItem = (item: Uint8Array) => decodeItems(Buffer.concat([GROUP_OF_ONE, item]));
  for (const decode of [decodeOutcome, decodeOutcomes, decodeItem, decodePeerFrame, decodeOwnerRecord]) {
    assert.deepEqual(decode(unknown), { ok: false, error: "unknown_version" });
    assert.deepEqual(decode(Uint8Array.from([0x92, 1, 0xc0])), { ok: false, error: "malformed" });
    assert.deepEqual(decode(new Uint8Array(0)), { ok: false, error: "malformed" });
  }
});
