// Whom a record is answered to: its own header decides, whatever the record before it said.
// Guards against: an outcome that leaves under another tenant's prefix, or for another sender.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogRecord, RecordHeaders } from "../../cluster/log-record.ts";
import { decodeRecord, type ReplyRoute } from "../../engine/record-decoder.ts";

const SCOPE = { cluster: "c", shard: 0, shards: 1 };
const TO_A: RecordHeaders = [["Coffer-Reply", "coffer.res.demo.a"]];
const TO_B: RecordHeaders = [["Coffer-Reply", "coffer.res.demo.b"]];
const CALL: RecordHeaders = [["Coffer-Call", "t1"]];

function routeOf(tenant: string, headers: RecordHeaders | null): ReplyRoute {
  const log: LogRecord = {
    sequence: 1,
    timestampMs: 1_795_334_400_000,
    timestampNanos: 0,
    subject: `coffer.s.0.cmd.${tenant}.alice`,
    headers,
    data: Buffer.from("{}"),
  };
  return decodeRecord(log, SCOPE).route;
}

test("each record is answered where its own headers say, in any order", () => {
  const cases: [string, RecordHeaders | null, string | null, string | null][] = [
    ["demo", TO_A, "coffer.res.demo.a", null],
    ["demo", TO_A, "coffer.res.demo.a", null],
    ["demo", TO_B, "coffer.res.demo.b", null],
    ["demo", null, null, null],
    ["demo", TO_B, "coffer.res.demo.b", null],
    ["demo", CALL, null, "t1"],
    ["demo", TO_A, "coffer.res.demo.a", null],
  ];
  for (const [tenant, headers, subject, call] of cases)
    assert.deepEqual(routeOf(tenant, headers), { subject, encoding: "json", call });
});

test("headers that one tenant may use are no way to answer another one", () => {
  assert.equal(routeOf("demo", TO_A).subject, "coffer.res.demo.a");
  assert.equal(routeOf("other", TO_A).subject, null);
  assert.equal(routeOf("demo", TO_A).subject, "coffer.res.demo.a");
});
