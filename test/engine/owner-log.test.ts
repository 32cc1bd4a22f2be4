// The owner's way to its log when JetStream answers something else than was asked for: only nobody's answer is waited
// for. What is refused, gone or no answer at all comes out, with the reason that the shard then halts with.
// Guards against: a shard that asks for ever and never says why.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Connection } from "../../cluster/connection.ts";
import { API_CODE } from "../../cluster/jetstream-api.ts";
import type { LogWriter, PublishResult } from "../../cluster/log-writer.ts";
import { faultOf } from "../../engine/node-fault.ts";
import { OwnerLog } from "../../engine/owner-log.ts";
import type { ShardScope } from "../../engine/shard-scope.ts";
import type { ShardFile } from "../../storage/shard-file.ts";
import { IDENTITY } from "../storage/shard-file-support.ts";
import { within } from "../support/condition.ts";

/** What JetStream answers, or throws when it does not. */
type Answer = string | Error;

const STORED: PublishResult = { kind: "ok", stream: "COFFER_S0", sequence: 7 };
const PASSED: PublishResult = { kind: "wrong_last", last: 9 };
const EMPTY = refusal(404, API_CODE.messageNotFound, "no message found");

function refusal(code: number, errorCode: number, description: string): string {
  return JSON.stringify({ error: { code, err_code: errorCode, description } });
}

/** An owner's log whose server answers from a script, the last answer for ever, and the questions it was asked. */
function scripted(
  t: TestContext,
  answers: Answer[],
  results: PublishResult[],
): { log: OwnerLog; questions: string[] } {
  const questions: string[] = [];
  const next = <Value>(values: Value[]): Value => {
    const value = values.length > 1 ? values.shift() : values[0];
    assert.ok(value !== undefined);
    return value;
  };
  const request = async (subject: string): Promise<{ string: () => string }> => {
    questions.push(subject);
    const answer = next(answers);
    if (answer instanceof Error) throw answer;
    return { string: () => answer };
  };
  const writer = { publishFenced: async () => next(results) } as unknown as LogWriter;
  const file = { position: 0, epoch: 0 } as ShardFile;
  const log = new OwnerLog(
    { ...IDENTITY, file, writer } as ShardScope,
    { nc: { request } } as unknown as Connection,
    {
      node: "test",
      codeVersion: 1,
    },
  );
  t.after(() => log.close());
  return { log, questions };
}

/** Answers that will be no better when they are asked for again, and the reason of the halt. */
const FINAL: readonly (readonly [what: string, answer: string, reason: string, message: RegExp])[] = [
  [
    "the stream is gone",
    refusal(404, API_CODE.streamNotFound, "stream not found"),
    "stream_missing",
    /is gone/,
  ],
  ["the question is refused", refusal(400, 10_025, "bad request"), "stream_invalid", /bad request/],
  ["the answer is no record", "{}", "stream_invalid", /something that is no record/],
  ["the answer is no JSON", "no", "bug", /JSON/],
];

for (const [what, answer, reason, message] of FINAL) {
  test(`when ${what} a claim says so`, async (t) => {
    const { log, questions } = scripted(t, [answer], [STORED]);
    const error = await fails(log.claim());
    assert.deepEqual([faultOf(error).code, questions.length], [reason, 1]);
    assert.match(faultOf(error).message, message);
  });

  test(`when ${what} a record of the owner that meets another one says so`, async (t) => {
    const { log, questions } = scripted(t, [EMPTY, answer], [STORED, PASSED]);
    await log.claim();
    const tick = { kind: "tick", cluster: IDENTITY.cluster, shard: 0, epoch: 1, touches: [] } as const;
    const error = await fails(log.append(tick));
    assert.deepEqual([faultOf(error).code, questions.length], [reason, 2]);
    assert.match(faultOf(error).message, message);
  });
}

/** Answers that may be better the next time. */
const PASSING: readonly (readonly [what: string, answer: Answer])[] = [
  ["nobody answers", new Error("timeout")],
  ["JetStream cannot answer now", refusal(503, 10_008, "JetStream system temporarily unavailable")],
];

for (const [what, answer] of PASSING) {
  test(`while ${what} a claim asks again`, async (t) => {
    const { log, questions } = scripted(t, [answer, answer, EMPTY], [STORED]);
    assert.deepEqual(await within("the shard is claimed", log.claim()), { epoch: 1, sequence: 7 });
    assert.equal(questions.length, 3);
  });
}

/** What a promise rejects with. */
async function fails(promise: Promise<unknown>): Promise<unknown> {
  const outcome = within("it is said", promise, 5_000).then(
    () => assert.fail("it does not succeed"),
    (error: unknown) => error,
  );
  return await outcome;
}
