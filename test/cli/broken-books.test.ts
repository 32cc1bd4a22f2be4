// Books that were tampered with are found: `coffer verify` says what is wrong, typed, and exits with 1, whether it reads
// the files itself or asks the engine that serves them.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { call, callJson, discard, objectOf, startDev, temporaryDirectory } from "./program-call.ts";

test("one changed balance is found offline and live, with a typed violation and exit 1", async () => {
  const dataDir = await temporaryDirectory();
  try {
    await using dev = await startDev(
      ["--shards", "1", "--durability", "relaxed", "--no-demo", "--no-gateway"],
      { dataDir },
    );
    await call(["wallet", "open", "world:usd", "USD/2", "--min", "unlimited", "--server", dev.url]);
    await call(["wallet", "open", "alice:usd", "USD/2", "--server", dev.url]);
    await call(["transfer", "world:usd", "alice:usd", "700", "--server", dev.url]);
    await dev.stop();
    assert.equal((await callJson(["verify", "--data", dataDir])).exit, 0);
    const database = new Database(join(dataDir, "shards", "0.db"));
    assert.equal(database.prepare("UPDATE balance SET posted = posted + 1 WHERE min = 0").run().changes, 1);
    database.close();
    const offline = await callJson(["verify", "--data", dataDir]);
    assert.deepEqual([offline.exit, offline.json["clean"], offline.json["inconclusive"]], [1, false, false]);
    assert.ok(Array.isArray(offline.json["violations"]));
    const kinds = offline.json["violations"].map((violation) => objectOf(JSON.stringify(violation))["what"]);
    assert.ok(kinds.includes("sum_not_zero"), JSON.stringify(kinds));
    const asText = await call(["verify", "--data", dataDir]);
    assert.match(asText.stdout, /^\d+ violations?:\n {2}\w+ on shard 0 \(invariant \d\): /);
    await using broken = await startDev(["--no-demo", "--no-gateway"], { dataDir });
    const live = await callJson(["verify", "--server", broken.url]);
    assert.deepEqual([live.exit, live.json["clean"]], [1, false], JSON.stringify(live.json));
  } finally {
    await discard(dataDir);
  }
});
