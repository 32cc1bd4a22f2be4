// Operational errors of the engine: what the environment did, as opposed to outcomes (values) and bugs
// (assertions). A fault names a stable code, is logged once where the shard or node stops, and never spoils
// money: the shard halts or stops with everything that it had committed.

import { ShardHalt } from "../actors/shard-record.ts";
import { ClusterError } from "../cluster/cluster-error.ts";
import { StaleOwner, StorageRefused, storageFaultOf } from "../storage/storage-error.ts";

/** Stable codes of faults, as `status`, logs and the starter see them. */
export type FaultCode =
  | "data_locked"
  | "data_invalid"
  | "shards_differ"
  | "stream_missing"
  | "stream_invalid"
  | "log_replaced"
  | "log_behind"
  | "log_trimmed"
  | "log_diverged"
  | "pair_diverged"
  | "completion_failed"
  | "unknown_version"
  | "superseded"
  | "stale_owner"
  | "storage_failed"
  | "nats_unreachable"
  | "bug";

/** A typed operational error. `cause` holds what it came from. */
export class NodeFault extends Error {
  override readonly name = "NodeFault";
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The fault that an unknown error amounts to; what neither room nor SQLite names is a bug. */
export function faultOf(error: unknown): NodeFault {
  if (error instanceof NodeFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  const fault = (code: FaultCode): NodeFault => new NodeFault(code, message, { cause: error });
  if (error instanceof ShardHalt) return fault(error.reason);
  if (error instanceof StaleOwner) return fault("stale_owner");
  if (error instanceof StorageRefused) return fault(error.code === "locked" ? "data_locked" : "data_invalid");
  if (error instanceof ClusterError) return fault(clusterCode(error));
  const storage = storageFaultOf(error);
  return storage ? new NodeFault("storage_failed", storage.message, { cause: error }) : fault("bug");
}

function clusterCode({ code, retryable }: ClusterError): FaultCode {
  if (code === "shard_count_mismatch") return "shards_differ";
  return retryable ? "nats_unreachable" : "stream_invalid";
}
