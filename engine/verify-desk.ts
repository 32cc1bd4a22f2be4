// Answers `coffer.admin.verify`: sweeps the invariants over the live shards in a worker of its own, through
// read-only snapshots of the files, so that no turn waits for it. One sweep at a time; progress goes to the
// caller as messages on its reply subject, the last one carries the result.

import { Worker } from "node:worker_threads";
import type { Msg, Subscription } from "@nats-io/transport-node";
import type { ClusterFile } from "../cluster/cluster-file.ts";
import type { Connection } from "../cluster/connection.ts";
import { isAnswerSubject, VERIFY_SUBJECT } from "../protocol/subject.ts";
import { busyAnswer, encodeAnswer } from "./answer.ts";
import type { VerifyMessage, VerifyOrder } from "./verify-order.ts";

const HEARTBEAT_MS = 1000;

/** See the file header. */
export class VerifyDesk {
  readonly #connection: Connection;
  readonly #dataDir: string;
  readonly #cluster: ClusterFile;
  readonly #subscription: Subscription;
  #worker: Worker | null = null;

  constructor(connection: Connection, dataDir: string, cluster: ClusterFile) {
    this.#connection = connection;
    this.#dataDir = dataDir;
    this.#cluster = cluster;
    this.#subscription = connection.nc.subscribe(VERIFY_SUBJECT, {
      callback: (error, message) => {
        if (!error) this.#onRequest(message);
      },
    });
  }

  /** Stops a sweep that is under way and listens no more. */
  async close(): Promise<void> {
    if (!this.#connection.nc.isClosed()) this.#subscription.unsubscribe();
    await this.#worker?.terminate();
  }

  #onRequest(message: Msg): void {
    const reply = message.reply;
    if (!reply || !isAnswerSubject(reply)) return;
    if (this.#worker) {
      this.#tell(reply, busyAnswer("a verification is under way"));
      return;
    }
    const { cluster, shards } = this.#cluster;
    const order: VerifyOrder = { dataDir: this.#dataDir, cluster, shards, deep: isDeep(message.data) };
    const worker = new Worker(new URL("./verify-main.ts", import.meta.url), { workerData: order });
    this.#worker = worker;
    let last: VerifyMessage = { progress: "opening the shard files", done: 0 };
    // A sweep of many rows is silent for long: its caller hears once a second that it goes on.
    const heartbeat = setInterval(() => this.#tell(reply, last), HEARTBEAT_MS);
    worker.on("message", (answer: VerifyMessage) => {
      last = answer;
      this.#tell(reply, answer);
    });
    worker.on("error", (error) =>
      this.#tell(reply, { ok: false, code: "internal_error", detail: String(error) }),
    );
    worker.on("exit", () => {
      clearInterval(heartbeat);
      this.#worker = null;
    });
  }

  #tell(reply: string, answer: object): void {
    if (!this.#connection.nc.isClosed()) this.#connection.nc.publish(reply, encodeAnswer(answer));
  }
}

function isDeep(data: Uint8Array): boolean {
  try {
    const request: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    return typeof request === "object" && request !== null && "deep" in request && request.deep === true;
  } catch {
    return false;
  }
}
