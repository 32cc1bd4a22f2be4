// What the node's main thread and its workers tell each other: plain data over the worker's port. Nothing of a
// shard's state ever crosses it: a shard lives in one thread.

import type { MessagePort } from "node:worker_threads";
import type { FaultCode } from "./node-fault.ts";
import type { ShardState } from "./shard-status.ts";

/** What a worker is started with (its workerData). */
export interface WorkerSettings {
  readonly natsUrl: string;
  readonly credentials: Uint8Array | null;
  readonly dataDir: string;
  readonly cluster: string;
  readonly shards: number;
  /** The shards that this worker owns. */
  readonly owned: readonly number[];
  readonly events: boolean;
  readonly phases: boolean;
  readonly replicas: number;
  readonly node: string;
  /** The way to the copying thread. */
  readonly copies: MessagePort;
}

/** From a worker to the main thread. */
export type WorkerMessage =
  | {
      readonly kind: "state";
      readonly shard: number;
      readonly state: ShardState;
      readonly epoch: number;
      readonly reason: FaultCode | null;
      readonly detail: string | null;
    }
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "failed"; readonly code: FaultCode; readonly message: string };

/** From the main thread to a worker. */
export type WorkerOrder = { readonly kind: "stop" };
