// `dev` and `node` on a NATS server that is not theirs: its mappings are tried before anything is started, and how it
// syncs is said.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startTestNats } from "../support/nats.ts";
import {
  callJson,
  callProcess,
  discard,
  fieldOf,
  objectOf,
  startDev,
  startNode,
  temporaryDirectory,
} from "./program-call.ts";

describe("an own NATS server", { concurrency: 1 }, () => {
  test("dev uses the server that NATS_URL names and leaves it running", async () => {
    const nats = await startTestNats({ shards: 1 });
    try {
      await using dev = await startDev(
        ["--shards", "1", "--durability", "relaxed", "--no-demo", "--no-gateway"],
        {
          env: { NATS_URL: nats.url },
        },
      );
      assert.equal(dev.url, nats.url);
      assert.equal((await callJson(["status", "--server", nats.url])).exit, 0);
      await dev.stop();
      const { exit, json } = await callJson(["status", "--server", nats.url, "--timeout", "30s"]);
      assert.deepEqual([exit, fieldOf(json, "error")["code"]], [4, "engine_unreachable"]);
    } finally {
      await nats.stop();
    }
  });

  test("dev is refused by a server that maps to another number of shards, with the mapping to add", async () => {
    const nats = await startTestNats({ shards: 2 });
    const dataDir = await temporaryDirectory();
    try {
      const { exit, json } = await callJson([
        "dev",
        "--data",
        dataDir,
        "--shards",
        "3",
        "--server",
        nats.url,
      ]);
      const { code, message } = fieldOf(json, "error");
      assert.deepEqual([exit, code], [1, "mapping_missing"]);
      assert.match(String(message), /partition\(3,1,2\)/);
    } finally {
      await nats.stop();
      await discard(dataDir);
    }
  });

  test("node serves an initialised directory in the foreground, and SIGTERM ends it with exit 0", async () => {
    const nats = await startTestNats({ shards: 1 });
    const dataDir = await temporaryDirectory();
    try {
      const missing = await callProcess(["node", "--json", "--data", dataDir, "--server", nats.url]);
      assert.equal(missing.exit, 1);
      assert.equal(fieldOf(objectOf(missing.stdout), "error")["code"], "cluster_file_missing");
      assert.equal(
        (await callJson(["init", "--data", dataDir, "--shards", "1", "--durability", "relaxed"])).exit,
        0,
      );
      await using node = startNode(dataDir, nats.url);
      await node.line('"event":"ready"');
      assert.equal((await callJson(["wallet", "open", "alice:usd", "USD/2", "--server", nats.url])).exit, 0);
      const second = await callProcess(["node", "--json", "--data", dataDir, "--server", nats.url]);
      assert.equal(second.exit, 1);
      assert.match(second.stdout, /"data_locked"/);
      const offline = await callJson(["verify", "--data", dataDir]);
      assert.deepEqual([offline.exit, fieldOf(offline.json, "error")["code"]], [1, "data_locked"]);
      assert.equal(await node.end(), 0);
      const clean = await callJson(["verify", "--deep", "--data", dataDir]);
      assert.deepEqual([clean.exit, clean.json["clean"]], [0, true]);
    } finally {
      await nats.stop();
      await discard(dataDir);
    }
  });
});
