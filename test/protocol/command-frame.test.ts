// The shape rules of frames: what stands in one command, the code, and that a bad command leaves its neighbour
// alone. Written with a library that packs whatever it is given. Faults of whole frames: total-decoder.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Packr } from "msgpackr";
import { encodeCommand } from "../../protocol/command-content.ts";
import {
  decodeCommandFrame,
  decodeFrameTheLongWay,
  encodeCommandFrame,
  framedCommandBytes,
} from "../../protocol/command-frame.ts";
import { commandIdBytes, parseCommandId } from "../../protocol/command-id.ts";
import {
  type DecodeContext,
  type DecodedCommandOrRefusal,
  isRefusedShape,
} from "../../protocol/decoded-command.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import type { RefusalCode } from "../../protocol/outcome.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import { must } from "./arbitraries.ts";

const tenant = must(parseTenant("demo"));
const id = "0190a5d0-0000-7000-8000-000000000001";
const home = shardOf(tenant, must(parseOwner("alice")), 16);
const context: DecodeContext = { tenant, owner: null, shard: null, shards: 16 };

function codeOf(decoded: DecodedCommandOrRefusal): RefusalCode | "ok" {
  return isRefusedShape(decoded) ? decoded.shape.code : "ok";
}

const long = (length: number) => "x".repeat(length);
const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });

const uuid = commandIdBytes(must(parseCommandId(id)));
const content: readonly unknown[] = [1, 1, [["alice:usd", "bob:usd", 5]], null, null, null, null, null];
const frameCases: readonly (readonly [string, unknown, RefusalCode | "ok"])[] = [
  ["a valid command", ["alice", uuid, content], "ok"],
  ["not an array", 5, "malformed"],
  ["two parts", ["alice", uuid], "malformed"],
  ["four parts", ["alice", uuid, content, null], "malformed"],
  ["no owner", [null, uuid, content], "wrong_owner"],
  ["an owner that is no name", ["al.ice", uuid, content], "wrong_owner"],
  ["another owner's wallet", ["bob", uuid, content], "wrong_owner"],
  ["an id of 15 bytes", ["alice", uuid.subarray(1), content], "id_invalid"],
  ["an id as text", ["alice", id, content], "id_invalid"],
  ["content that is no array", ["alice", uuid, "content"], "malformed"],
  ["content of another version", ["alice", uuid, [2, ...content.slice(1)]], "malformed"],
  ["an unknown operation", ["alice", uuid, [1, 9, "x"]], "unknown_op"],
  ["an operation as text", ["alice", uuid, [1, "transfer", "x"]], "unknown_op"],
  ["a field too many", ["alice", uuid, [...content, null]], "malformed"],
  ["a field too few", ["alice", uuid, content.slice(0, -1)], "malformed"],
  ["a leg of two parts", ["alice", uuid, content.with(2, [["alice:usd", "bob:usd"]])], "legs_invalid"],
  ["legs that are nil", ["alice", uuid, content.with(2, null)], "legs_invalid"],
  ["no legs", ["alice", uuid, content.with(2, [])], "legs_invalid"],
  ["an amount as text", ["alice", uuid, content.with(2, [["alice:usd", "bob:usd", "5"]])], "amount_invalid"],
  ["an amount below 1", ["alice", uuid, content.with(2, [["alice:usd", "bob:usd", 0]])], "amount_invalid"],
  [
    "an amount of 2^63",
    ["alice", uuid, content.with(2, [["alice:usd", "bob:usd", 2n ** 63n]])],
    "amount_invalid",
  ],
  ["a time to live as bytes", ["alice", uuid, content.with(3, uuid)], "ttl_invalid"],
  ["a code that is a number", ["alice", uuid, content.with(4, 5)], "malformed"],
  ["meta that is not JSON", ["alice", uuid, content.with(6, "{")], "malformed"],
  ["meta that is no object", ["alice", uuid, content.with(6, "[]")], "malformed"],
  ["meta with a key twice", ["alice", uuid, content.with(6, '{"a":1,"a":2}')], "malformed"],
  ["meta with space and another order", ["alice", uuid, content.with(6, '{ "b":1, "a":2 }')], "ok"],
  ["meta 32 deep", ["alice", uuid, content.with(6, JSON.stringify(nested(32)))], "malformed"],
  ["meta too large", ["alice", uuid, content.with(6, JSON.stringify({ a: long(2048) }))], "too_large"],
  [
    "versions in another order",
    [
      "alice",
      uuid,
      content.with(7, [
        ["bob:usd", 1],
        ["alice:usd", 2],
      ]),
    ],
    "ok",
  ],
  [
    "a version twice",
    [
      "alice",
      uuid,
      content.with(7, [
        ["bob:usd", 1],
        ["bob:usd", 2],
      ]),
    ],
    "malformed",
  ],
  ["a version below 0", ["alice", uuid, content.with(7, [["bob:usd", -1]])], "malformed"],
  ["versions that are no pairs", ["alice", uuid, content.with(7, [["bob:usd"]])], "malformed"],
  ["a version of a foreign wallet", ["alice", uuid, content.with(7, [["shop:usd", 1]])], "legs_invalid"],
  ["a hold id of 15 bytes", ["alice", uuid, [1, 3, uuid.subarray(1)]], "id_invalid"],
  ["a hold id that is nil", ["alice", uuid, [1, 3, null]], "id_invalid"],
  ["final that is nil", ["alice", uuid, [1, 2, uuid, null, null]], "malformed"],
  ["a capture of all", ["alice", uuid, [1, 2, uuid, null, true]], "ok"],
  [
    "an open without min",
    ["alice", uuid, [1, 0, "alice:usd", "USD/2", null, "unlimited", null]],
    "amount_invalid",
  ],
  ["an open", ["alice", uuid, [1, 0, "alice:usd", "USD/2", 0, "unlimited", null]], "ok"],
  ["a limit of nothing", ["alice", uuid, [1, 8, "alice:usd", null, null]], "malformed"],
];
for (const [name, framedCommand, code] of frameCases) {
  test(`in a frame, ${name} is ${code}, and the command after it stands`, () => {
    const packr = new Packr({ useRecords: false });
    const frame = packr.pack([1, "r", [framedCommand, ["alice", uuid, content]]]);
    const decoded = decodeCommandFrame(frame, { ...context, shard: home });
    assert.deepEqual([decoded.reply, ...decoded.commands.map(codeOf)], ["r", code, "ok"]);
  });
}

test("a frame's refused command echoes its id and operation", () => {
  const packr = new Packr({ useRecords: false });
  const bad = content.with(2, []);
  const frame = packr.pack([
    1,
    null,
    [
      ["alice", uuid, bad],
      ["alice", "order-7", bad],
      ["alice", 5, [1, 77]],
    ],
  ]);
  const { commands } = decodeCommandFrame(frame, context);
  const echoes = commands.map((each) => (isRefusedShape(each) ? [each.id, each.op] : []));
  assert.deepEqual(echoes, [
    [id, "transfer"],
    ["order-7", "transfer"],
    [null, null],
  ]);
});

test("a frame of another owner than a context's is wrong_owner, of another shard wrong_shard", () => {
  const packr = new Packr({ useRecords: false });
  const frame = packr.pack([1, null, [["alice", uuid, content]]]);
  const code = (to: DecodeContext) => codeOf(must(decodeCommandFrame(frame, to).commands[0]));
  assert.equal(code({ ...context, owner: must(parseOwner("bob")) }), "wrong_owner");
  assert.equal(code({ ...context, shard: (home + 1) % 16 }), "wrong_shard");
  assert.equal(code({ ...context, shard: home }), "ok");
});

test("a command names the shard that its owner was found to be of, and none where nobody looked", () => {
  const packr = new Packr({ useRecords: false });
  const frame = packr.pack([1, null, [["alice", uuid, content]]]);
  for (const shard of [home, null]) {
    for (const decode of [decodeCommandFrame, decodeFrameTheLongWay]) {
      const decoded = must(decode(frame, { ...context, shard }).commands[0]);
      assert.ok("command" in decoded);
      assert.equal(decoded.shard, shard);
    }
  }
});

/** Longer spellings of a token in the frame below: what stands for it, and where it is searched for. */
const wide: readonly (readonly [string, number[], number[]])[] = [
  ["an amount in 8 bits", [5, 0xc0], [0xcc, 5, 0xc0]],
  ["an amount in 16 bits", [5, 0xc0], [0xcd, 0, 5, 0xc0]],
  ["an amount in 32 bits", [5, 0xc0], [0xce, 0, 0, 0, 5, 0xc0]],
  ["an amount in 64 bits", [5, 0xc0], [0xcf, 0, 0, 0, 0, 0, 0, 0, 5, 0xc0]],
  ["an amount in 8 signed bits", [5, 0xc0], [0xd0, 5, 0xc0]],
  ["an amount in 16 signed bits", [5, 0xc0], [0xd1, 0, 5, 0xc0]],
  ["an amount in 32 signed bits", [5, 0xc0], [0xd2, 0, 0, 0, 5, 0xc0]],
  ["an amount in 64 signed bits", [5, 0xc0], [0xd3, 0, 0, 0, 0, 0, 0, 0, 5, 0xc0]],
  ["a text with a length of 8 bits", [0xa7, 0x62], [0xd9, 7, 0x62]],
  ["a text with a length of 16 bits", [0xa7, 0x62], [0xda, 0, 7, 0x62]],
  ["a text with a length of 32 bits", [0xa7, 0x62], [0xdb, 0, 0, 0, 7, 0x62]],
  ["legs with a length of 16 bits", [0x91, 0x93], [0xdc, 0, 1, 0x93]],
  ["legs with a length of 32 bits", [0x91, 0x93], [0xdd, 0, 0, 0, 1, 0x93]],
];
for (const [name, short, long] of wide) {
  test(`${name} is the same command, its content is encoded again`, () => {
    const packr = new Packr({ useRecords: false });
    const canonical = packr.pack([1, "", [["alice", uuid, content]]]);
    const head = canonical.indexOf(uuid) + uuid.length;
    const place = canonical.indexOf(Buffer.from(short), head);
    assert.ok(place > head);
    const widened = Buffer.concat([
      canonical.subarray(0, place),
      Buffer.from(long),
      canonical.subarray(place + short.length),
    ]);
    const [decoded] = decodeCommandFrame(widened, context).commands;
    assert.ok(decoded && !isRefusedShape(decoded));
    assert.deepEqual([...decoded.content], [...encodeCommand(decoded.command)]);
    assert.deepEqual([decoded], decodeCommandFrame(canonical, context).commands);
  });
}

test("ill-formed UTF-8 in a text refuses the frame", () => {
  const packr = new Packr({ useRecords: false });
  const frame = packr.pack([1, "r", [["alice", uuid, content.with(5, "order-@@")]]]);
  assert.deepEqual(decodeCommandFrame(frame, context).commands.map(codeOf), ["ok"]);
  for (const pair of [
    [0xc3, 0x28],
    [0xff, 0xfe],
    [0xc0, 0x80],
    [0x40, 0xe2],
  ]) {
    const broken = Buffer.from(frame);
    broken.set(pair, frame.indexOf("@@"));
    assert.deepEqual(decodeCommandFrame(broken, context).commands.map(codeOf), ["malformed"]);
  }
});

test("bytes after the frame refuse it", () => {
  const packr = new Packr({ useRecords: false });
  const frame = Buffer.concat([packr.pack([1, "r", [["alice", uuid, content]]]), Buffer.from([0xc0])]);
  const { reply, commands } = decodeCommandFrame(frame, context);
  assert.deepEqual([reply, ...commands.map(codeOf)], ["r", "malformed"]);
});

test("a frame is as long as its head and what its commands are said to add", () => {
  const packr = new Packr({ useRecords: false });
  const decoded = decodeCommandFrame(packr.pack([1, null, [["alice", uuid, content]]]), context).commands[0];
  assert.ok(decoded && !isRefusedShape(decoded));
  const { command } = decoded;
  const empty = encodeCommandFrame({ reply: "r", commands: [] }).length;
  const full = encodeCommandFrame({ reply: "r", commands: [command, command] }).length;
  assert.equal(full, empty + 2 * framedCommandBytes(command));
});
