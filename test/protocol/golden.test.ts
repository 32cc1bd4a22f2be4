// Golden files: the exact bytes of every wire and storage format, one file a format. What is stored and sent
// must be readable for ever, so a change of these bytes is a new version, never an edit.
//
// A new case or a new version on purpose: COFFER_WRITE_GOLDEN=1 node --test test/protocol/golden.test.ts
// (writes the files; read the difference before committing it). Without the variable nothing is written, and a
// file that is missing fails.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeContent, encodeCommand } from "../../protocol/command-content.ts";
import { decodeCommandFrame, encodeCommandFrame } from "../../protocol/command-frame.ts";
import { commandToJson, decodeCommandValue } from "../../protocol/command-json.ts";
import { isRefusedShape } from "../../protocol/decoded-command.ts";
import { pairHash, ZERO_HASH_16 } from "../../protocol/digest.ts";
import { decodeEventMessage, encodeEventMessage } from "../../protocol/event.ts";
import { encodeInfo } from "../../protocol/info.ts";
import { decodeItems, encodeItems } from "../../protocol/item-codec.ts";
import { parseTenant } from "../../protocol/names.ts";
import { decodeOutcome, encodeOutcome, encodeOutcomes } from "../../protocol/outcome-codec.ts";
import { encodeOutcomesJson } from "../../protocol/outcome-json.ts";
import { decodeOwnerRecord, encodeOwnerRecord } from "../../protocol/owner-record-codec.ts";
import { decodePeerFrame, encodePeerFrame } from "../../protocol/peer-frame-codec.ts";
import { encodeRead } from "../../protocol/read.ts";
import { encodeReadAnswer } from "../../protocol/read-answer.ts";
import { must } from "./arbitraries.ts";
import * as samples from "./samples.ts";

const folder = join(import.meta.dirname, "golden");
const writing = process.env["COFFER_WRITE_GOLDEN"] === "1";

type Lines = Readonly<Record<string, string>>;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

function lines<Value>(values: Readonly<Record<string, Value>>, encode: (value: Value) => string): Lines {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, encode(value)]));
}

const { commands, outcomes, items } = samples;
const all = Object.values(commands);
const groupsOfOne = Object.fromEntries(Object.entries(items).map(([name, item]) => [name, [item]]));

const files: Readonly<Record<string, Lines>> = {
  "command-json": lines(commands, (command) => JSON.stringify(commandToJson(command))),
  "command-content": lines(commands, (command) => hex(encodeCommand(command))),
  "command-frame": {
    empty: hex(encodeCommandFrame({ reply: null, commands: [] })),
    all: hex(encodeCommandFrame({ reply: "coffer.res.demo.billing.1", commands: all })),
  },
  "outcome-json": { all: text(encodeOutcomesJson(Object.values(outcomes))) },
  outcome: {
    ...lines(outcomes, (outcome) => hex(encodeOutcome(outcome))),
    all: hex(encodeOutcomes(Object.values(outcomes))),
  },
  item: lines(items, (item) => hex(encodeItems([item]))),
  "pair-hash": lines(items, (item) => hex(pairHash(ZERO_HASH_16, 1, encodeItems([item])))),
  "peer-frame": lines(samples.peerFrames, (frame) => hex(encodePeerFrame(frame))),
  "owner-record": lines(samples.ownerRecords, (record) => hex(encodeOwnerRecord(record))),
  event: lines(samples.eventMessages, (message) => text(encodeEventMessage(message))),
  read: lines(samples.reads, (request) => text(encodeRead(request))),
  "read-answer": lines(samples.readAnswers, (answer) => text(encodeReadAnswer(answer))),
  info: { info: text(encodeInfo(samples.info)) },
};

for (const [name, actual] of Object.entries(files)) {
  const path = join(folder, `${name}.json`);
  test(`the format of ${name} is the one on file`, () => {
    if (writing) writeFileSync(path, `${JSON.stringify(actual, null, 2)}\n`);
    assert.ok(existsSync(path), `${path} is missing: see the head of this file`);
    const expected: unknown = JSON.parse(readFileSync(path, "utf8"));
    assert.deepEqual(actual, expected);
  });
}

test("every golden file belongs to a format", () => {
  const known = Object.keys(files).map((name) => `${name}.json`);
  assert.deepEqual(readdirSync(folder).sort(), known.sort());
});

/** A golden file as it was stored: the decoders are held against it, not against the encoders of today. */
function stored(name: string): [string, string][] {
  return Object.entries(JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Lines);
}

const bytes = (line: string) => Buffer.from(line, "hex");

/** Bytes as hex, so that Buffers and typed arrays compare equal. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

test("what is on file decodes to the samples", () => {
  const decoders: readonly (readonly [
    string,
    Readonly<Record<string, unknown>>,
    (line: string) => unknown,
  ])[] = [
    ["outcome", outcomes, (line) => decodeOutcome(bytes(line))],
    ["item", groupsOfOne, (line) => decodeItems(bytes(line))],
    ["peer-frame", samples.peerFrames, (line) => decodePeerFrame(bytes(line))],
    ["owner-record", samples.ownerRecords, (line) => decodeOwnerRecord(bytes(line))],
    ["event", samples.eventMessages, (line) => decodeEventMessage(Buffer.from(line))],
  ];
  for (const [name, values, decode] of decoders) {
    for (const [key, line] of stored(name)) {
      if (key !== "all")
        assert.deepEqual(plain(decode(line)), plain({ ok: true, value: values[key] }), `${name} ${key}`);
    }
  }
});

test("commands on file decode to the samples from JSON, content and frame", () => {
  const tenant = must(parseTenant("demo"));
  const context = { tenant, owner: null, shard: null, shards: 4 };
  const contents = new Map(stored("command-content"));
  for (const [key, line] of stored("command-json")) {
    const command = must(commands[key]);
    const fromJson = decodeCommandValue(JSON.parse(line), { ...context, owner: command.owner });
    assert.ok(!isRefusedShape(fromJson));
    assert.deepEqual(plain(fromJson.command), plain(command));
    const fromContent = decodeContent(bytes(must(contents.get(key))), command);
    assert.deepEqual(plain(fromContent), plain({ ok: true, value: command }));
  }
  const frame = decodeCommandFrame(bytes(must(new Map(stored("command-frame")).get("all"))), context);
  assert.equal(frame.reply, "coffer.res.demo.billing.1");
  assert.deepEqual(
    frame.commands.map((each) => (isRefusedShape(each) ? each.shape : plain(each.command))),
    all.map(plain),
  );
});
