// A command whose answer does not come in time is unknown: exit 3, with the id to ask again by, never a refusal.
// The server here has no engine behind it, only somebody who answers who is there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeInfo, INFO_LIMITS } from "../../protocol/info.ts";
import { INFO_SUBJECT } from "../../protocol/subject.ts";
import { startTestNats } from "../support/nats.ts";
import { call, callJson, fieldOf } from "./program-call.ts";

const ID = "0198c0de-0000-7000-8000-000000000001";

test("no answer in time is exit 3 and names the id; no engine at all is exit 4 and names none", async () => {
  const nats = await startTestNats({ shards: 1 });
  try {
    const line = [
      "transfer",
      "alice:usd",
      "bob:usd",
      "5",
      "--id",
      ID,
      "--server",
      nats.url,
      "--timeout",
      "1500ms",
    ];
    const nobody = await callJson(line);
    assert.deepEqual([nobody.exit, fieldOf(nobody.json, "error")["code"]], [4, "unreachable"]);
    const { nc } = await nats.connect();
    const cluster = "0198c0de-0000-7000-8000-00000000c0de";
    const info = encodeInfo({
      version: "0.0.0",
      cluster,
      shards: 1,
      durability: "relaxed",
      limits: INFO_LIMITS,
    });
    nc.subscribe(INFO_SUBJECT, { callback: (_error, message) => void message.respond(info) });
    await nc.flush();
    const [{ exit, json }, asText] = await Promise.all([callJson(line), call(line)]);
    assert.deepEqual([exit, json["status"], json["id"]], [3, "unknown", ID]);
    assert.equal(asText.exit, 3);
    assert.match(asText.stdout, new RegExp(`^unknown {2}${ID}\n[^]*--id ${ID}\n$`));
  } finally {
    await nats.stop();
  }
});
