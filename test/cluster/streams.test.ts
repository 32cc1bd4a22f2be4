// The streams: created as they must be, checked when they exist, refusing when full.
// Each wrong setting is really set on a stream of a real server, then must be named.
// Guards against: a log under which the server may drop, age, rewrite or misplace records.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ClusterError } from "../../cluster/cluster-error.ts";
import type { Connection } from "../../cluster/connection.ts";
import { objectIn, requestApi } from "../../cluster/jetstream-api.ts";
import { LogWriter } from "../../cluster/log-writer.ts";
import type { ClusterStreams } from "../../cluster/streams.ts";
import {
  ensureEventStream,
  ensureShardStream,
  readShardStream,
  readStreamIdentity,
} from "../../cluster/streams.ts";
import { epochSubject, frameSubject, ownerSubject, shardStream } from "../../protocol/subject.ts";
import type { TestNats } from "../support/nats.ts";
import { startTestNats } from "../support/nats.ts";
import { tenantName } from "./tenant-name.ts";

const streams: ClusterStreams = { cluster: "c1", shards: 8, replicas: 1 };
let nats: TestNats;
let connection: Connection;
before(async () => {
  nats = await startTestNats({ shards: 8 });
  connection = await nats.connect();
});
after(async () => {
  await nats.stop();
});

test("a stream is made once: a second call finds it and keeps its nonce", async () => {
  assert.equal(await readShardStream(connection.nc, streams, 0), null);
  const made = await ensureShardStream(connection.nc, streams, { shard: 0, nonce: "first" });
  assert.deepEqual([made.nonce, made.shard, made.shards, made.cluster], ["first", 0, 8, "c1"]);
  assert.deepEqual([made.firstSequence, made.lastSequence, made.bytesMax], [1, 0, null]);
  const found = await ensureShardStream(connection.nc, streams, { shard: 0, nonce: "second" });
  assert.deepEqual(found, made);
});

test("nodes that create one stream at once agree on its nonce", async () => {
  const nonces = ["a", "b", "c", "d"];
  const made = await Promise.all(
    nonces.map((nonce) => ensureShardStream(connection.nc, streams, { shard: 1, nonce })),
  );
  assert.equal(new Set(made.map((identity) => identity.nonce)).size, 1);
});

test("a stream can begin at a later sequence", async () => {
  const made = await ensureShardStream(connection.nc, streams, { shard: 2, nonce: "n", firstSequence: 50 });
  assert.deepEqual([made.firstSequence, made.lastSequence], [50, 49]);
  const writer = new LogWriter({ connection });
  const result = await writer.publish({ subject: ownerSubject(2), data: Buffer.from("x") });
  writer.close();
  assert.deepEqual(result, { kind: "ok", stream: shardStream(2), sequence: 50 });
});

test("another number of shards than the stored one is an error of its own", async () => {
  await ensureShardStream(connection.nc, streams, { shard: 0, nonce: "n" });
  const other = { ...streams, shards: 4 };
  await assert.rejects(
    ensureShardStream(connection.nc, other, { shard: 0, nonce: "n" }),
    (error: ClusterError) => {
      assert.equal(error.code, "shard_count_mismatch");
      assert.match(error.message, /COFFER_S0 belongs to a cluster of 8 shards, not 4/);
      return true;
    },
  );
});

test("every setting that differs is named, with its stream", async () => {
  const right = await storedConfig(0);
  const cases: [string, Record<string, unknown>][] = [
    ["subjects", { subjects: ["coffer.s.5.cmd.>"] }],
    ["storage", { storage: "memory" }],
    ["discard", { discard: "old" }],
    ["deny_delete", { deny_delete: false }],
    ["deny_purge", { deny_purge: true }],
    ["max_age", { max_age: 3_600_000_000_000 }],
    ["max_msgs", { max_msgs: 1000 }],
    ["max_msgs_per_subject", { max_msgs_per_subject: 1 }],
    ["no_ack", { no_ack: true }],
    ["duplicate_window", { duplicate_window: 1_000_000_000 }],
    ["allow_rollup_hdrs", { allow_rollup_hdrs: true }],
    ["allow_msg_ttl", { allow_msg_ttl: true }],
    ["retention", { retention: "workqueue" }],
    ["republish", { republish: { src: ">", dest: "copy.>" } }],
    ["metadata.coffer_cluster", { metadata: { ...metadata(5), coffer_cluster: "c2" } }],
    ["metadata.coffer_shard", { metadata: { ...metadata(5), coffer_shard: "6" } }],
    ["metadata.coffer_format", { metadata: { ...metadata(5), coffer_format: "9" } }],
    ["metadata.coffer_nonce", { metadata: { ...metadata(5), coffer_nonce: "" } }],
  ];
  const name = shardStream(5);
  for (const [setting, change] of cases) {
    const config = { ...right, name, subjects: subjectsOf(right, 5), metadata: metadata(5), ...change };
    await requestApi(connection.nc, `STREAM.CREATE.${name}`, config);
    const check = readShardStream(connection.nc, streams, 5);
    await assert.rejects(check, (error: ClusterError) => {
      assert.deepEqual(
        [error.code, error.facts["stream"], error.facts["setting"]],
        ["stream_setting", name, setting],
      );
      return true;
    });
    await requestApi(connection.nc, `STREAM.DELETE.${name}`, {});
  }
});

function metadata(shard: number): Record<string, string> {
  return {
    coffer_cluster: "c1",
    coffer_shards: "8",
    coffer_shard: String(shard),
    coffer_format: "1",
    coffer_nonce: "n",
  };
}

async function storedConfig(shard: number): Promise<Record<string, unknown>> {
  await ensureShardStream(connection.nc, streams, { shard, nonce: "n" });
  const info = await requestApi(connection.nc, `STREAM.INFO.${shardStream(shard)}`, {});
  return { ...objectIn(info["config"]) };
}

function subjectsOf(config: Record<string, unknown>, shard: number): string[] {
  const subjects = config["subjects"];
  return Array.isArray(subjects)
    ? subjects.map((subject) => String(subject).replace(".s.0.", `.s.${shard}.`))
    : [];
}

test("a full log refuses and keeps what it has", async () => {
  const bounded = { ...streams, logBytesMax: 64 * 1024 };
  await ensureShardStream(connection.nc, bounded, { shard: 3, nonce: "n" });
  const writer = new LogWriter({ connection });
  const data = Buffer.alloc(10_000);
  const results = await Promise.all(
    Array.from({ length: 12 }, () => writer.publish({ subject: frameSubject(3, tenantName("demo")), data })),
  );
  writer.close();
  const stored = results.filter((result) => result.kind === "ok").length;
  assert.ok(stored > 0 && stored < 12);
  assert.equal(results.filter((result) => result.kind === "full").length, 12 - stored);
  const identity = await readStreamIdentity(connection.nc, shardStream(3));
  assert.deepEqual([identity?.firstSequence, identity?.lastSequence], [1, stored]);
});

test("a stream whose subjects were taken out for re-anchoring passes the check", async () => {
  await ensureShardStream(connection.nc, streams, { shard: 4, nonce: "n" });
  const info = await requestApi(connection.nc, `STREAM.INFO.${shardStream(4)}`, {});
  const closings = [[], [epochSubject(4), ownerSubject(4)]];
  for (const subjects of closings) {
    await requestApi(connection.nc, `STREAM.UPDATE.${shardStream(4)}`, {
      ...(info["config"] ?? {}),
      subjects,
    });
    const identity = await readShardStream(connection.nc, streams, 4);
    assert.deepEqual([identity?.nonce, identity?.isOpen], ["n", false]);
  }
  await requestApi(connection.nc, `STREAM.UPDATE.${shardStream(4)}`, objectIn(info["config"]));
  assert.equal((await readShardStream(connection.nc, streams, 4))?.isOpen, true);
});

test("the event stream is bounded, drops old messages, and keeps the operator's bounds", async () => {
  const bounds = { bytesMax: 1_000_000, ageMaxMs: 60_000 };
  await ensureEventStream(connection.nc, streams, bounds);
  await ensureEventStream(connection.nc, streams, { bytesMax: 2_000_000, ageMaxMs: 1_000 });
  const info = await requestApi(connection.nc, "STREAM.INFO.COFFER_EVT", {});
  const config = objectIn(info["config"]);
  assert.deepEqual(
    [config["discard"], config["max_bytes"], config["max_age"]],
    ["old", 1_000_000, 60_000_000_000],
  );
  const foreign = ensureEventStream(connection.nc, { ...streams, cluster: "c9" }, bounds);
  await assert.rejects(foreign, { code: "stream_setting" });
});
