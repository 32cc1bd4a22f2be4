// What counts as accepted, and that nothing unclear does.
// Guards against a command that is taken for accepted while no log holds it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePubAck } from "../../client/pub-ack.ts";

const cases: readonly (readonly [text: string, statusCode: number, position: number | null])[] = [
  ['{"stream":"COFFER_S0","seq":12}', 0, 12],
  ['{"stream":"COFFER_S0","domain":"hub","seq":1}', 0, 1],
  [
    '{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"COFFER_S0","seq":0}',
    0,
    null,
  ],
  ['{"error":{},"seq":12}', 0, null],
  ['{"stream":"COFFER_S0","seq":0}', 0, null],
  ['{"stream":"COFFER_S0","seq":"12"}', 0, null],
  ['{"stream":"COFFER_S0","seq":1.5}', 0, null],
  ['{"stream":"COFFER_S0"}', 0, null],
  ["[12]", 0, null],
  ["null", 0, null],
  ["12", 0, null],
  ["not json", 0, null],
  ["", 0, null],
  ["", 503, null],
];

for (const [text, statusCode, position] of cases) {
  test(`${text === "" ? "nothing" : text} with status ${statusCode} is ${position === null ? "retried" : "accepted"}`, () => {
    const ack = parsePubAck(Buffer.from(text), statusCode);
    assert.equal(ack.kind, position === null ? "refused" : "accepted");
    if (ack.kind === "accepted") assert.equal(ack.position, position);
  });
}
