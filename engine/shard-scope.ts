// What the parts of one running shard share: who it is, its file, its way to NATS and its clock. Parts hold
// send state of their own; everything logical is in the file.

import type { LogWriter } from "../cluster/log-writer.ts";
import type { ShardFile } from "../storage/shard-file.ts";
import type { Clock } from "./clock.ts";

/** See the file header. */
export interface ShardScope {
  /** Cluster id. */
  readonly cluster: string;
  readonly shard: number;
  readonly shards: number;
  readonly file: ShardFile;
  readonly writer: LogWriter;
  readonly clock: Clock;
}

/** Where the fence of this owner stands: its epoch and the sequence of its EpochStart. */
export interface EpochMark {
  readonly epoch: number;
  readonly sequence: number;
}
