// A node: holds its data directory exclusively, runs the shards in worker threads, answers `coffer.info` and
// verification requests, and reports states to its starter. The main thread never touches a shard's file.

import { mkdirSync, readFileSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { type ClusterFile, readClusterFile } from "../cluster/cluster-file.ts";
import { type Connection, openConnection } from "../cluster/connection.ts";
import { ensureEventStream } from "../cluster/streams.ts";
import { encodeInfo, INFO_LIMITS } from "../protocol/info.ts";
import { INFO_SUBJECT } from "../protocol/subject.ts";
import { DataLock } from "../storage/lock.ts";
import { COPYING_THREAD } from "./copy-protocol.ts";
import type { NodeEvent, NodeOptions } from "./node-events.ts";
import { NodeFault } from "./node-fault.ts";
import type { ShardState } from "./shard-status.ts";
import { VerifyDesk } from "./verify-desk.ts";
import type { WorkerMessage, WorkerOrder, WorkerSettings } from "./worker-protocol.ts";

/** Bounds of the event stream; beyond them the oldest events go. */
const EVENT_BYTES_MAX = 1024 * 1024 * 1024;
const EVENT_AGE_MS_MAX = 7 * 24 * 3_600_000;
/** How long a graceful stop may take, in ms. */
const STOP_MS_MAX = 10_000;

/** A worker may have ended by itself before it is stopped. */
interface RunningWorker {
  readonly worker: Worker;
  readonly exited: Promise<void>;
}

interface ShardNote {
  state: ShardState;
  epoch: number;
}

/** See the file header. */
export class EngineNode {
  readonly #options: NodeOptions;
  readonly #emit: (event: NodeEvent) => void;
  readonly #version: string;
  readonly #notes = new Map<number, ShardNote>();
  #lock: DataLock | null = null;
  #connection: Connection | null = null;
  readonly #workers: RunningWorker[] = [];
  #copying: Worker | null = null;
  #verify: VerifyDesk | null = null;
  #cluster: ClusterFile | null = null;
  #toldStreams = false;
  #toldReady = false;
  #isStopping = false;

  /** @param version the package's version, as `coffer.info` shows it */
  constructor(options: NodeOptions, version: string, emit: (event: NodeEvent) => void) {
    this.#options = options;
    this.#version = version;
    this.#emit = emit;
  }

  /**
   * Takes the data directory and starts every shard; resolves when the workers run (`ready` follows as an event).
   * Errors: rejects with NodeFault `data_locked`, `data_invalid`, or a ClusterError; nothing is left behind then.
   */
  async start(): Promise<void> {
    const { dataDir, natsUrl, creds } = this.#options;
    const file = readClusterFile(dataDir);
    if (!file.ok) throw new NodeFault("data_invalid", file.error.message);
    this.#cluster = file.value;
    mkdirSync(join(dataDir, "shards"), { recursive: true });
    this.#lock = DataLock.take(dataDir, "coffer node");
    try {
      const credentials = creds === undefined ? null : readFileSync(creds);
      this.#connection = await openConnection({
        servers: natsUrl,
        name: "coffer-node",
        ...(credentials ? { credentials } : {}),
      });
      if (this.#events) {
        const bounds = { bytesMax: EVENT_BYTES_MAX, ageMaxMs: EVENT_AGE_MS_MAX };
        await ensureEventStream(this.#connection.nc, file.value, bounds);
      }
      this.#answerInfo(file.value);
      this.#verify = new VerifyDesk(this.#connection, dataDir, file.value);
      await this.#connection.nc.flush();
      this.#startWorkers(file.value, credentials);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops every shard after its turn, closes files and connections, gives the directory free. Never rejects. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await this.#verify?.close();
    await Promise.all(this.#workers.map((worker) => stopWorker(worker)));
    await this.#copying?.terminate();
    await this.#connection?.close();
    this.#lock?.release();
  }

  get #events(): boolean {
    return this.#options.events ?? true;
  }

  #startWorkers(cluster: ClusterFile, credentials: Uint8Array | null): void {
    // A worker a core: beside it, nats-server and the main thread need a few percent (docs/adr/0013-a-worker-a-core.md).
    const count = Math.min(cluster.shards, Math.max(1, this.#options.workers ?? availableParallelism()));
    this.#copying = this.#watched(
      new Worker(new URL("./copy-main.ts", import.meta.url), { name: COPYING_THREAD }),
    );
    for (let index = 0; index < count; index += 1) {
      const copies = new MessageChannel();
      this.#copying.postMessage(copies.port1, [copies.port1]);
      const owned: number[] = [];
      for (let shard = index; shard < cluster.shards; shard += count) owned.push(shard);
      for (const shard of owned) this.#notes.set(shard, { state: "attaching", epoch: 0 });
      const settings: WorkerSettings = {
        natsUrl: this.#options.natsUrl,
        credentials,
        dataDir: this.#options.dataDir,
        cluster: cluster.cluster,
        shards: cluster.shards,
        owned,
        events: this.#events,
        phases: this.#options.phases ?? true,
        replicas: cluster.replicas,
        node: `${hostname()}:${process.pid}`,
        copies: copies.port2,
      };
      const options = { workerData: settings, transferList: [copies.port2] };
      const worker = this.#watched(new Worker(new URL("./worker-main.ts", import.meta.url), options));
      worker.on("message", (message: WorkerMessage) => this.#onMessage(message));
      this.#workers.push({ worker, exited: new Promise((resolve) => worker.once("exit", () => resolve())) });
    }
  }

  /** A thread that ends by itself takes the node with it. */
  #watched(worker: Worker): Worker {
    worker.on("error", (error) =>
      this.#fail(new NodeFault("bug", `a worker died: ${String(error)}`, { cause: error })),
    );
    worker.on("exit", () => {
      if (!this.#isStopping) this.#fail(new NodeFault("bug", "a worker ended"));
    });
    return worker;
  }

  #onMessage(message: WorkerMessage): void {
    if (message.kind === "notice") {
      this.#emit({ event: "notice", text: message.text });
    } else if (message.kind === "failed") {
      this.#fail(new NodeFault(message.code, message.message));
    } else {
      const { shard, state, epoch, reason, detail } = message;
      this.#notes.set(shard, { state, epoch });
      this.#emit({
        event: "shard",
        shard,
        state,
        ...(reason === null ? {} : { reason }),
        ...(detail === null ? {} : { detail }),
      });
      this.#tellProgress();
    }
  }

  #tellProgress(): void {
    const notes = [...this.#notes.values()];
    if (!this.#toldStreams && notes.every(({ state }) => state !== "attaching")) {
      this.#toldStreams = true;
      this.#emit({ event: "streams" });
    }
    if (!this.#toldReady && notes.every(({ state }) => state === "active") && this.#cluster) {
      this.#toldReady = true;
      const epochs = [...this.#notes].sort(([left], [right]) => left - right).map(([, { epoch }]) => epoch);
      this.#emit({ event: "ready", cluster: this.#cluster.cluster, shards: this.#cluster.shards, epochs });
    }
  }

  #answerInfo({ cluster, shards, durability }: ClusterFile): void {
    const answer = encodeInfo({ version: this.#version, cluster, shards, durability, limits: INFO_LIMITS });
    this.#connection?.nc.subscribe(INFO_SUBJECT, {
      callback: (error, message) => {
        if (!error && message.reply) message.respond(answer);
      },
    });
  }

  #fail(fault: NodeFault): void {
    if (this.#isStopping) return;
    this.#emit({ event: "failed", code: fault.code, message: fault.message });
    void this.stop();
  }
}

async function stopWorker({ worker, exited }: RunningWorker): Promise<void> {
  const order: WorkerOrder = { kind: "stop" };
  worker.postMessage(order);
  const timer = setTimeout(() => void worker.terminate(), STOP_MS_MAX);
  await exited;
  clearTimeout(timer);
}
