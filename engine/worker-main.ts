// The entry of a worker thread: its own NATS connection, its own SQLite handles, and the shards it owns. No
// shard shares anything with another but this thread. The clocks and the randomness of a worker are made here.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { type Connection, openConnection } from "../cluster/connection.ts";
import { LogWriter } from "../cluster/log-writer.ts";
import { shardStatusSubject } from "../protocol/subject.ts";
import { ShardFile } from "../storage/shard-file.ts";
import { encodeAnswer } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { faultOf } from "./node-fault.ts";
import { ShardRunner } from "./shard-runner.ts";
import type { WorkerMessage, WorkerOrder, WorkerSettings } from "./worker-protocol.ts";

const clock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

async function main(settings: WorkerSettings): Promise<void> {
  const connection = await openConnection({
    servers: settings.natsUrl,
    name: `coffer-worker-${settings.owned.join("-")}`,
    ...(settings.credentials ? { credentials: settings.credentials } : {}),
  });
  const writer = new LogWriter({ connection });
  const runners = settings.owned.map((shard) => openRunner(settings, shard, connection, writer));
  for (const runner of runners) {
    connection.nc.subscribe(shardStatusSubject(runner.status.shard), {
      callback: (error, message) => {
        if (!error && message.reply) message.respond(encodeAnswer(runner.status));
      },
    });
  }
  parentPort?.on("message", (order: WorkerOrder) => {
    if (order.kind === "stop") void stop(runners, writer, connection);
  });
  await Promise.all(runners.map((runner) => runner.start()));
}

function openRunner(
  settings: WorkerSettings,
  shard: number,
  connection: Connection,
  writer: LogWriter,
): ShardRunner {
  const { cluster, shards, node, events, dataDir, replicas } = settings;
  const file = ShardFile.open({ path: join(dataDir, "shards", `${shard}.db`), shard, shards, cluster });
  const runner: ShardRunner = new ShardRunner({
    scope: { cluster, shard, shards, file, writer, clock },
    connection,
    streams: { cluster, shards, replicas },
    node,
    events,
    nonce: randomUUID(),
    onState: (state, fault) => {
      const { epoch } = runner.status;
      tell({
        kind: "state",
        shard,
        state,
        epoch,
        reason: fault?.code ?? null,
        detail: fault?.message ?? null,
      });
    },
    onNotice: (text) => tell({ kind: "notice", text }),
  });
  return runner;
}

async function stop(
  runners: readonly ShardRunner[],
  writer: LogWriter,
  connection: Connection,
): Promise<void> {
  await Promise.all(runners.map((runner) => runner.stop()));
  writer.close();
  await connection.close();
  parentPort?.close();
}

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

main(workerData as WorkerSettings).catch((error: unknown) => {
  const { code, message } = faultOf(error);
  tell({ kind: "failed", code, message });
  parentPort?.close();
});
