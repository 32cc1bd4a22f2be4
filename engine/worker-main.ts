// The entry of a worker thread: its own NATS connection, its own SQLite handles, and the shards it owns. No
// shard shares anything with another but this thread. The clocks and the randomness of a worker are made here.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { type Connection, openConnection } from "../cluster/connection.ts";
import { LogWriter } from "../cluster/log-writer.ts";
import { EVENTS_BUFFERED_MAX } from "../protocol/limits.ts";
import { shardStatusSubject } from "../protocol/subject.ts";
import { ShardFile } from "../storage/shard-file.ts";
import { encodeAnswer } from "./answer.ts";
import { CallDesk, type CallScope } from "./call-desk.ts";
import { clockOf } from "./clock.ts";
import { CopyDesk } from "./copy-desk.ts";
import { faultOf, type NodeFault } from "./node-fault.ts";
import { ShardRunner } from "./shard-runner.ts";
import type { ShardStatus } from "./shard-status.ts";
import type { WorkerMessage, WorkerOrder, WorkerSettings } from "./worker-protocol.ts";

const clock = clockOf({
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  originMs: performance.timeOrigin,
});

async function main(settings: WorkerSettings): Promise<void> {
  const connection = await openConnection({
    servers: settings.natsUrl,
    name: `coffer-worker-${settings.owned.join("-")}`,
    ...(settings.credentials ? { credentials: settings.credentials } : {}),
  });
  const writer = new LogWriter({ connection });
  const copies = new CopyDesk(settings.copies);
  const runners: ShardRunner[] = [];
  for (const shard of settings.owned) {
    const opened = openRunner(settings, shard, { connection, writer, copies });
    if (opened instanceof ShardRunner) runners.push(opened);
    else refuseCalls({ shard, shards: settings.shards, writer, clock }, connection);
    const status = (): object =>
      opened instanceof ShardRunner ? opened.status : haltedStatus(shard, opened);
    connection.nc.subscribe(shardStatusSubject(shard), {
      callback: (error, message) => {
        if (!error && message.reply) message.respond(encodeAnswer(status()));
      },
    });
  }
  parentPort?.on("message", (order: WorkerOrder) => {
    if (order.kind === "stop") void stop(runners, { connection, writer, copies });
  });
  await Promise.all(runners.map((runner) => runner.start()));
}

/** What all shards of this worker share. */
interface Ways {
  readonly connection: Connection;
  readonly writer: LogWriter;
  readonly copies: CopyDesk;
}

/** A file that does not open halts its own shard; the others of this worker go on. */
function openRunner(settings: WorkerSettings, shard: number, ways: Ways): ShardRunner | NodeFault {
  try {
    const { dataDir, shards, cluster, events } = settings;
    const path = join(dataDir, "shards", `${shard}.db`);
    const recentEvents = events ? EVENTS_BUFFERED_MAX : 0;
    const file = ShardFile.open({ path, shard, shards, cluster, recentEvents });
    return makeRunner(settings, file, ways);
  } catch (error) {
    const fault = faultOf(error);
    tell({ kind: "state", shard, state: "halted", epoch: 0, reason: fault.code, detail: fault.message });
    return fault;
  }
}

function refuseCalls(scope: CallScope, connection: Connection): void {
  new CallDesk(scope, connection, randomUUID(), () => "the shard is halted").open();
}

function haltedStatus(shard: number, { code, message }: NodeFault): Partial<ShardStatus> {
  return { shard, state: "halted", reason: code, detail: message };
}

function makeRunner(
  settings: WorkerSettings,
  file: ShardFile,
  { connection, writer, copies }: Ways,
): ShardRunner {
  const { cluster, shards, node, events, phases, replicas } = settings;
  const { shard } = file.ledger;
  const runner: ShardRunner = new ShardRunner({
    scope: { cluster, shard, shards, file, writer, clock },
    connection,
    copies,
    streams: { cluster, shards, replicas },
    node,
    events,
    phases,
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

async function stop(runners: readonly ShardRunner[], { connection, writer, copies }: Ways): Promise<void> {
  await Promise.all(runners.map((runner) => runner.stop()));
  copies.end();
  writer.close();
  await connection.close();
  parentPort?.close();
}

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

// Loaded by the main thread, to be compiled, it has nobody to work for.
if (parentPort)
  main(workerData as WorkerSettings).catch((error: unknown) => {
    const { code, message } = faultOf(error);
    tell({ kind: "failed", code, message });
    parentPort?.close();
  });
