// Several real nats-servers of our own: they are whole when a log with as many copies can be made, and not before.
// Guards against: a start that reports too early, after which the first stream or bucket finds no server for a copy.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Connection, openConnection } from "../../cluster/connection.ts";
import { requestApi } from "../../cluster/jetstream-api.ts";
import type { ClusterMember } from "../../cluster/nats-conf.ts";
import { freeMembers, untilWhole } from "../../cluster/nats-members.ts";
import type { NatsServer } from "../../cluster/nats-server.ts";
import { startNatsServer } from "../../cluster/nats-server.ts";
import { ensureEventStream } from "../../cluster/streams.ts";
import { EVENT_STREAM } from "../../protocol/subject.ts";
import { testNatsBinary } from "../support/nats.ts";

const COPIES = 3;
const WHOLE_WAIT_MS = 60_000;
const BOUNDS = { bytesMax: 1_000_000, ageMaxMs: 60_000 };

test("servers that are whole take a log with all its copies at once, and keep nothing of the probe", async () => {
  const directory = await mkdtemp(join(tmpdir(), "coffer-members-"));
  const { path: binary } = await testNatsBinary();
  const started: NatsServer[] = [];
  let connection: Connection | null = null;
  const start = async (member: ClusterMember): Promise<string> => {
    const place = { directory: join(directory, member.name), shards: 1, sync: "always" } as const;
    const server = await startNatsServer({ binary, ...place, member });
    started.push(server);
    return server.url;
  };
  try {
    const servers = (await Promise.all((await freeMembers(COPIES)).map(start))).join(",");
    await untilWhole(servers, COPIES, WHOLE_WAIT_MS);
    connection = await openConnection({ servers, name: "test" });
    const { nc } = connection;
    await ensureEventStream(nc, { cluster: "c", replicas: COPIES }, BOUNDS);
    const { streams } = await requestApi(nc, "STREAM.NAMES", {});
    assert.deepEqual(streams, [EVENT_STREAM]);
  } finally {
    await connection?.close();
    await Promise.all(started.map((server) => server.stop()));
    await rm(directory, { recursive: true, force: true });
  }
});

test("servers that stay away are told with their number and the reason, in bounded time", async () => {
  const directory = await mkdtemp(join(tmpdir(), "coffer-members-"));
  const { path: binary } = await testNatsBinary();
  const server = await startNatsServer({ binary, directory, shards: 1, sync: "always" });
  try {
    await assert.rejects(untilWhole(server.url, COPIES, 500), {
      code: "nats_server_start_failed",
      message: /^The 3 nats-servers did not become one cluster within 0\.5 s: /,
    });
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
});
