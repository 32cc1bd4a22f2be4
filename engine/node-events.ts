// What a node tells whoever started it, over the IPC channel when there is one, else as JSON lines on stdout,
// and the options that it is started with. Plain data: the starter shares no code with the engine but this.

import type { FaultCode } from "./node-fault.ts";
import type { ShardState } from "./shard-status.ts";

/** One message of a node. */
export type NodeEvent =
  | { readonly event: "streams" }
  | {
      readonly event: "ready";
      readonly cluster: string;
      readonly shards: number;
      readonly epochs: readonly number[];
    }
  | {
      readonly event: "shard";
      readonly shard: number;
      readonly state: ShardState;
      readonly reason?: string;
      readonly detail?: string;
    }
  | { readonly event: "notice"; readonly text: string }
  | { readonly event: "failed"; readonly code: FaultCode; readonly message: string };

/** Options that a node is started with, as JSON in its first argument. */
export interface NodeOptions {
  readonly natsUrl: string;
  readonly dataDir: string;
  /** Path of a credentials file. */
  readonly creds?: string;
  /** Publish events; default true. Without, there is no stream of them unless it was there before. */
  readonly events?: boolean;
  /** Measure where the time of commands goes; default true. */
  readonly phases?: boolean;
  /** Worker threads; default: one a core, at most one a shard. */
  readonly workers?: number;
}
