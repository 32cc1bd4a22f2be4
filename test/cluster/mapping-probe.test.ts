// A server that we did not configure: are its mappings ours, and does it sync?
// The server's own partitions are compared with our hash for many owners.
// Guards against: owners split over two logs, and a probe that leaves records behind.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ClusterError } from "../../cluster/cluster-error.ts";
import type { Connection } from "../../cluster/connection.ts";
import { openConnection } from "../../cluster/connection.ts";
import { probeMappings, probeSync } from "../../cluster/mapping-probe.ts";
import { readNatsConfTemplate } from "../../cluster/nats-conf.ts";
import { startNatsServer } from "../../cluster/nats-server.ts";
import { ensureShardStream, readShardStream } from "../../cluster/streams.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import { getSubject } from "../../protocol/subject.ts";
import type { TestNats } from "../support/nats.ts";
import { startTestNats, testNatsBinary } from "../support/nats.ts";
import { ownerName, tenantName } from "./tenant-name.ts";

let nats: TestNats;
let connection: Connection;
before(async () => {
  nats = await startTestNats({ shards: 5 });
  connection = await nats.connect();
});
after(async () => {
  await nats.stop();
});

test("mappings for our number of shards pass, and nothing lands in a log", async () => {
  const streams = { cluster: "c", shards: 5, replicas: 1 };
  for (let shard = 0; shard < 5; shard += 1)
    await ensureShardStream(connection.nc, streams, { shard, nonce: "n" });
  await probeMappings(connection.nc, 5);
  const read = Array.from({ length: 5 }, (_, shard) => readShardStream(connection.nc, streams, shard));
  const lasts = (await Promise.all(read)).map((identity) => identity?.lastSequence);
  assert.deepEqual(lasts, [0, 0, 0, 0, 0]);
});

test("mappings for another number of shards are an error that says what to write", async () => {
  for (const shards of [1, 4, 6, 10]) {
    await assert.rejects(probeMappings(connection.nc, shards), (error: ClusterError) => {
      assert.equal(error.code, "mapping_missing");
      assert.ok(error.message.includes(`{{partition(${shards},1,2)}}`), error.message);
      return true;
    });
  }
});

test("a mapping that is missing is named", async () => {
  const directory = await mkdtemp(join(tmpdir(), "coffer-probe-"));
  const template = (await readNatsConfTemplate()).replace('"coffer.get.*.*"', '"other.get.*.*"');
  const binary = (await testNatsBinary()).path;
  const server = await startNatsServer({ binary, directory, shards: 2, sync: "always", template });
  const foreign = await openConnection({ servers: server.url, name: "test" });
  try {
    await assert.rejects(probeMappings(foreign.nc, 2), /coffer\.get\.\*\.\* is not in force/);
    assert.equal(await probeSync(foreign.nc, server.monitorUrl), "always");
  } finally {
    await foreign.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
});

test("the sync setting is read from the monitoring of the same server, else unverified", async () => {
  assert.equal(await probeSync(connection.nc, nats.server().monitorUrl), "interval");
  assert.equal(await probeSync(connection.nc, "http://127.0.0.1:9"), "unverified");
  const other = await startTestNats({ shards: 1 });
  assert.equal(await probeSync(connection.nc, other.server().monitorUrl), "unverified");
  await other.stop();
});

test("the server places owners on the shards that we compute", async () => {
  const tenant = tenantName("demo");
  const owners = Array.from({ length: 200 }, (_, index) => ownerName(`Owner_${index * 7919}-x`));
  const seen = new Map<string, number>();
  const subscription = connection.nc.subscribe("coffer.ask.*.get.demo.*", {
    callback: (_error, message) => {
      const [, , shard, , , owner] = message.subject.split(".");
      seen.set(owner ?? "", Number(shard));
    },
  });
  for (const owner of owners) connection.nc.publish(getSubject(tenant, owner));
  await connection.nc.flush();
  subscription.unsubscribe();
  const computed = new Map<string, number>(owners.map((owner) => [owner, shardOf(tenant, owner, 5)]));
  assert.deepEqual(seen, computed);
});
