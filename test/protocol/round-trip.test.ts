// Properties of every wire format: what is written is read back equal, and equal content has equal bytes and
// an equal hash whatever form it came in. An independent MessagePack library reads our frames too.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { Unpackr } from "msgpackr";
import type { Command } from "../../protocol/command.ts";
import { decodeContent, differingField, encodeCommand } from "../../protocol/command-content.ts";
import { decodeCommandFrame, encodeCommandFrame } from "../../protocol/command-frame.ts";
import { commandToJson, decodeCommandMessage, decodeCommandValue } from "../../protocol/command-json.ts";
import {
  type DecodeContext,
  type DecodedCommandOrRefusal,
  isRefusedShape,
} from "../../protocol/decoded-command.ts";
import { sameBytes } from "../../protocol/digest.ts";
import { decodeEventMessage, encodeEventMessage } from "../../protocol/event.ts";
import { countItems, decodeItems, encodeItems } from "../../protocol/item-codec.ts";
import { parseTenant } from "../../protocol/names.ts";
import {
  decodeOutcome,
  decodeOutcomes,
  encodeOutcome,
  encodeOutcomes,
} from "../../protocol/outcome-codec.ts";
import { encodeOutcomesJson, outcomeFromJson, outcomeToJson } from "../../protocol/outcome-json.ts";
import { decodeOwnerRecord, encodeOwnerRecord } from "../../protocol/owner-record-codec.ts";
import { PackReader } from "../../protocol/pack-reader.ts";
import { decodePeerFrame, encodePeerFrame } from "../../protocol/peer-frame-codec.ts";
import { decodeReadAnswer, encodeReadAnswer, type ReadAnswer } from "../../protocol/read-answer.ts";
import * as anyOf from "./arbitraries.ts";

const tenant = anyOf.must(parseTenant("demo"));
const anywhere: DecodeContext = { tenant, owner: null, shard: null, shards: 4 };

function contextOf(command: Command): DecodeContext {
  return { ...anywhere, owner: command.owner };
}

function accepted(decoded: DecodedCommandOrRefusal | undefined) {
  assert.ok(decoded && !isRefusedShape(decoded), inspect(decoded));
  return decoded;
}

/** Buffers and typed arrays with equal bytes are equal here. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function same(actual: unknown, expected: unknown): void {
  assert.deepEqual(plain(actual), plain(expected));
}

test("a command comes back equal from JSON, alone and in an array", () => {
  fc.assert(
    fc.property(anyOf.command, (command) => {
      const json = JSON.stringify(commandToJson(command));
      const alone = accepted(decodeCommandMessage(Buffer.from(json), contextOf(command))[0]);
      same(alone.command, command);
      const [first, second] = decodeCommandMessage(Buffer.from(`[${json},\n ${json}]`), contextOf(command));
      same(accepted(first), alone);
      same(accepted(second), alone);
    }),
  );
});

test("commands come back equal from a frame, in order, with its reply subject", () => {
  fc.assert(
    fc.property(
      fc.array(anyOf.command, { maxLength: 5 }),
      fc.option(anyOf.text(80), { nil: null }),
      (commands, reply) => {
        const decoded = decodeCommandFrame(encodeCommandFrame({ reply, commands }), anywhere);
        assert.equal(decoded.reply, reply);
        same(
          decoded.commands.map((each) => accepted(each).command),
          commands,
        );
      },
    ),
  );
});

test("the content is the same from JSON, from a frame and from the command itself", () => {
  fc.assert(
    fc.property(anyOf.command, (command) => {
      const content = encodeCommand(command);
      const json = accepted(decodeCommandValue(commandToJson(command), contextOf(command)));
      const frame = accepted(
        decodeCommandFrame(encodeCommandFrame({ reply: null, commands: [command] }), anywhere).commands[0],
      );
      for (const decoded of [json, frame]) same(decoded.content, content);
      const { id, owner } = command;
      same(decodeContent(content, { id, owner }), { ok: true, value: command });
    }),
  );
});

test("keys in another order, the long form and written-out defaults have the same content", () => {
  fc.assert(
    fc.property(anyOf.command, fc.infiniteStream(fc.nat()), (command, ranks) => {
      const json = { ...longForm(command), ...defaults(command), ...commandToJsonWithoutLegs(command) };
      const shuffled = shuffle(json, ranks);
      const decoded = accepted(
        decodeCommandMessage(Buffer.from(JSON.stringify(shuffled, null, 1)), contextOf(command))[0],
      );
      same(decoded.content, encodeCommand(command));
    }),
  );
});

function longForm(command: Command): Record<string, unknown> {
  if (command.op !== "transfer") return {};
  return { legs: command.legs.map(({ from, to, amount }) => ({ amount: amount.toString(), to, from })) };
}

function defaults(command: Command): Record<string, unknown> {
  if (command.op === "open") return { min: "0", max: "unlimited" };
  return command.op === "capture" ? { final: true } : {};
}

function commandToJsonWithoutLegs(command: Command): Record<string, unknown> {
  const json = commandToJson(command);
  if (command.op !== "transfer") return json;
  const { from: _from, to: _to, amount: _amount, legs: _legs, ...rest } = json;
  return rest;
}

function shuffle(value: unknown, ranks: Iterator<number>): unknown {
  if (Array.isArray(value)) return value.map((element) => shuffle(element, ranks));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => ({
    rank: Number(ranks.next().value),
    entry: [key, shuffle(inner, ranks)] as const,
  }));
  return Object.fromEntries(entries.sort((left, right) => left.rank - right.rank).map(({ entry }) => entry));
}

test("contents are equal exactly when the commands are, but for id and owner, and the differing field is named", () => {
  fc.assert(
    fc.property(anyOf.command, anyOf.command, (left, right) => {
      const field = differingField(encodeCommand(left), encodeCommand(right));
      const { id: _a, owner: _b, ...ours } = left;
      const { id: _c, owner: _d, ...theirs } = right;
      const equal = JSON.stringify(ours, text) === JSON.stringify(theirs, text);
      assert.equal(sameBytes(encodeCommand(left), encodeCommand(right)), equal);
      assert.equal(field === null, equal);
      assert.equal(field === "op", left.op !== right.op);
    }),
  );
});

function text(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

test("an accepted command of a changed frame still has exactly its own canonical content", () => {
  const frames = anyOf.mutated(
    fc
      .array(anyOf.command, { minLength: 1, maxLength: 3 })
      .map((commands) => encodeCommandFrame({ reply: "r", commands })),
  );
  fc.assert(
    fc.property(frames, (bytes) => {
      for (const decoded of decodeCommandFrame(bytes, anywhere).commands) {
        if (!isRefusedShape(decoded)) same(decoded.content, encodeCommand(decoded.command));
      }
    }),
    { numRuns: 2000 },
  );
});

test("an independent MessagePack library reads the same values", () => {
  const unpackr = new Unpackr({ useRecords: false, int64AsType: "bigint" });
  fc.assert(
    fc.property(
      fc.array(anyOf.command, { maxLength: 3 }),
      anyOf.outcome,
      anyOf.items,
      (commands, outcome, items) => {
        const all = [
          encodeCommandFrame({ reply: null, commands }),
          encodeOutcome(outcome),
          encodeItems(items),
        ];
        for (const bytes of all) same(normal(new PackReader(bytes).value()), normal(unpackr.unpack(bytes)));
      },
    ),
  );
});

/** The library reads 64-bit integers as bigint and, without its native part, drops a byte order mark of long texts. */
function normal(value: unknown): unknown {
  if (typeof value === "number") return BigInt(value);
  if (typeof value === "string") return value.replace(/^\ufeff/, "");
  if (value instanceof Uint8Array) return [...value];
  return Array.isArray(value) ? value.map(normal) : value;
}

test("outcomes come back equal from JSON and MessagePack, alone and many", () => {
  fc.assert(
    fc.property(fc.array(anyOf.outcome, { maxLength: 4 }), (outcomes) => {
      same(decodeOutcomes(encodeOutcomes(outcomes)), { ok: true, value: outcomes });
      const json: unknown = JSON.parse(Buffer.from(encodeOutcomesJson(outcomes)).toString("utf8"));
      assert.ok(Array.isArray(json));
      same(json, outcomes.map(outcomeToJson));
      for (const [index, outcome] of outcomes.entries()) {
        same(decodeOutcome(encodeOutcome(outcome)), { ok: true, value: outcome });
        same(outcomeFromJson(json[index]), { ok: true, value: outcome });
      }
    }),
  );
});

test("items, peer frames and owner records come back equal", () => {
  fc.assert(
    fc.property(anyOf.items, anyOf.peerFrame, anyOf.ownerRecord, (items, frame, record) => {
      same(decodeItems(encodeItems(items)), { ok: true, value: items });
      same(countItems(encodeItems(items)), { ok: true, value: items.length });
      same(decodePeerFrame(encodePeerFrame(frame)), { ok: true, value: frame });
      same(decodeOwnerRecord(encodeOwnerRecord(record)), { ok: true, value: record });
    }),
  );
});

test("event messages come back equal", () => {
  fc.assert(
    fc.property(anyOf.eventMessage, (message) => {
      same(decodeEventMessage(encodeEventMessage(message)), { ok: true, value: message });
    }),
  );
});

test("answers to reads come back equal; wallets of an owner leave out meta", () => {
  const asOf = { shard: 3, position: 1742, timeMs: 1_795_334_400_123 };
  const next = fc.option(fc.base64String({ minLength: 1 }), { nil: null });
  const answers = fc.oneof<fc.Arbitrary<ReadAnswer>[]>(
    anyOf.walletView.map((wallet) => ({ kind: "wallet", wallet, asOf })),
    fc.array(anyOf.walletView, { maxLength: 3 }).map((wallets) => ({ kind: "owner", wallets, asOf })),
    anyOf.outcome.map((outcome) => ({ kind: "outcome", outcome, asOf })),
    anyOf.id.map((id) => ({ kind: "outcome", outcome: { id, status: "pending" }, asOf })),
    fc
      .tuple(fc.array(anyOf.holdView, { maxLength: 3 }), next)
      .map(([holds, at]) => ({ kind: "holds", holds, next: at, asOf })),
    fc
      .tuple(fc.array(anyOf.entry, { maxLength: 3 }), next)
      .map(([entries, at]) => ({ kind: "entries", entries, next: at, asOf })),
    fc.constant({ kind: "failed", code: "busy", detail: null }),
    fc.constant({ kind: "failed", code: "malformed", detail: "cursor" }),
  );
  fc.assert(
    fc.property(answers, (answer) => {
      const expected =
        answer.kind === "owner"
          ? { ...answer, wallets: answer.wallets.map((each) => ({ ...each, meta: null })) }
          : answer;
      same(decodeReadAnswer(encodeReadAnswer(answer)), { ok: true, value: expected });
    }),
  );
});
