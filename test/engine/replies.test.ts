// The output gate for outcomes on its own: what shares a message, what is split, what a closed gate holds, whom a
// settled command is told to.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordAnswers } from "../../actors/shard-record.ts";
import type { ReplyRoute } from "../../engine/record-decoder.ts";
import { Replies } from "../../engine/replies.ts";
import { CALLS_WAITING_MAX, OUTPUT_BYTES_MAX, REPLIES_HELD_BYTES_MAX } from "../../protocol/limits.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { decodeOutcomes } from "../../protocol/outcome-codec.ts";
import { encodeOutcomesJson } from "../../protocol/outcome-json.ts";

const frames: ReplyRoute = { subject: "coffer.res.demo.a", encoding: "msgpack", call: null };
const json: ReplyRoute = { subject: "coffer.res.demo.a", encoding: "json", call: null };
const call: ReplyRoute = { subject: null, encoding: "json", call: "token" };

function outcome(position: number): Outcome {
  const rest = { refusal: null, replayed: false, shard: 0, timeMs: 1_795_334_400_000, balances: [] };
  return { id: "0190a5d0-0000-7000-8000-000000000001", op: "transfer", status: "posted", position, ...rest };
}

function answers(parts: Partial<RecordAnswers>): RecordAnswers {
  return { answered: [], waiting: [], settled: [], resend: [], ...parts };
}

function answered(...positions: number[]): RecordAnswers {
  return answers({ answered: positions.map((position, index) => ({ index, outcome: outcome(position) })) });
}

class Desk {
  readonly sent: { subject: string; data: Uint8Array }[] = [];
  readonly calls: [string, Outcome][] = [];
  readonly replies = new Replies(
    (subject, data) => this.sent.push({ subject, data }),
    (token, each) => this.calls.push([token, each]) > 0,
  );

  positions(): number[][] {
    return this.sent.map(({ data }) => {
      const outcomes = decodeOutcomes(data);
      assert.ok(outcomes.ok);
      return outcomes.value.map(({ position }) => position);
    });
  }
}

test("outcomes of several records for one subject and encoding share a message, in order", () => {
  const desk = new Desk();
  desk.replies.open();
  desk.replies.add(frames, answered(1, 2));
  desk.replies.add({ ...frames, subject: "coffer.res.demo.b" }, answered(3));
  desk.replies.add(frames, answered(4));
  desk.replies.flush();
  assert.deepEqual(desk.positions(), [[1, 2, 4], [3]]);
  desk.replies.flush();
  assert.equal(desk.sent.length, 2);
});

test("one subject gets JSON for JSON and MessagePack for frames", () => {
  const desk = new Desk();
  desk.replies.open();
  desk.replies.add(frames, answered(1));
  desk.replies.add(json, answered(2));
  desk.replies.flush();
  const data = desk.sent.map((each) => Buffer.from(each.data).toString("latin1"));
  assert.equal(data.length, 2);
  assert.ok(data.includes(Buffer.from(encodeOutcomesJson([outcome(2)])).toString("latin1")));
});

test("many outcomes leave in messages below the bound, none lost and in order", () => {
  const desk = new Desk();
  desk.replies.open();
  const positions = Array.from({ length: 10_000 }, (_, index) => index + 1);
  desk.replies.add(frames, answered(...positions));
  desk.replies.flush();
  assert.ok(desk.sent.length > 1);
  assert.ok(desk.sent.every(({ data }) => data.length <= OUTPUT_BYTES_MAX));
  assert.deepEqual(desk.positions().flat(), positions);
});

test("refusals that echo what a caller made up leave in messages below the bound too", () => {
  const made = "\u0001".repeat(64);
  const rest = { status: "refused", replayed: false, shard: 0, position: 9, balances: null } as const;
  const refusal = { code: "unknown_op", detail: made } as const;
  const refused: Outcome = { id: made, op: made, refusal, timeMs: 1_795_334_400_000, ...rest };
  const desk = new Desk();
  desk.replies.open();
  const many = Array.from({ length: 3_000 }, (_, index) => ({ index, outcome: refused }));
  desk.replies.add(json, answers({ answered: many }));
  desk.replies.add(frames, answers({ answered: many }));
  desk.replies.flush();
  assert.ok(desk.sent.length > 2);
  assert.ok(desk.sent.every(({ data }) => data.length <= OUTPUT_BYTES_MAX));
});

test("a closed gate holds up to its bound, and lets everything held go when it opens", () => {
  const desk = new Desk();
  const many = answered(...Array.from({ length: 1000 }, (_, index) => index + 1));
  for (let record = 0; record < 100; record += 1) {
    desk.replies.add({ ...frames, subject: `coffer.res.demo.${record}` }, many);
  }
  desk.replies.flush();
  assert.equal(desk.sent.length, 0);
  desk.replies.open();
  const held = desk.positions().flat().length;
  assert.ok(held > 0 && held < 100_000);
  assert.ok(held * 240 <= REPLIES_HELD_BYTES_MAX);
});

test("an open command's outcome goes to everybody who waits, once, and marked for copies", () => {
  const desk = new Desk();
  desk.replies.open();
  desk.replies.add(frames, answers({ waiting: [{ index: 0, number: 7, replayed: false }] }));
  desk.replies.add(call, answers({ waiting: [{ index: 0, number: 7, replayed: true }] }));
  desk.replies.add(call, answers({ settled: [{ number: 7, outcome: outcome(9) }] }));
  desk.replies.add(call, answers({ settled: [{ number: 7, outcome: outcome(9) }] }));
  desk.replies.flush();
  assert.deepEqual(desk.positions(), [[9]]);
  assert.deepEqual(desk.calls, [["token", { ...outcome(9), replayed: true }]]);
});

test("everybody who waits for an open command is told, in the order in which they came", () => {
  const desk = new Desk();
  desk.replies.open();
  for (const [place, replayed] of [false, true, true].entries()) {
    const route = { ...call, call: `token ${place}` };
    const others = [8, 9].map((number) => ({ index: 0, number, replayed: false }));
    desk.replies.add(route, answers({ waiting: [{ index: 0, number: 7, replayed }, ...others] }));
  }
  for (const number of [7, 8])
    desk.replies.add(call, answers({ settled: [{ number, outcome: outcome(9) }] }));
  assert.deepEqual(
    desk.calls.map(([token, { replayed }]) => [token, replayed]),
    [
      ["token 0", false],
      ["token 1", true],
      ["token 2", true],
      ["token 0", false],
      ["token 1", false],
      ["token 2", false],
    ],
  );
});

test("beyond the bound those who wait for the oldest command are forgotten, and nobody else", () => {
  const desk = new Desk();
  desk.replies.open();
  const numbers = Array.from({ length: CALLS_WAITING_MAX * 10 + 1 }, (_, index) => index + 5);
  desk.replies.add(
    call,
    answers({ waiting: numbers.map((number, index) => ({ index, number, replayed: false })) }),
  );
  for (const number of [5, 6])
    desk.replies.add(json, answers({ settled: [{ number, outcome: outcome(number) }] }));
  assert.deepEqual(
    desk.calls.map(([, { position }]) => position),
    [6],
  );
});
