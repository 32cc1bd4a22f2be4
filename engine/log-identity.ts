// The log can lie: a server restored from a backup, a cut tail, a stream that is gone after a power cut, a
// flipped bit. Checked at attach, whenever the reader is made again, and once a second: the same stream
// (our nonce in its metadata), at least as long as what the file has applied, and the record at the file's
// position has the hash that the file keeps. A difference halts the shard with a typed reason; it never guesses.

import type { Connection } from "../cluster/connection.ts";
import { API_CODE, JetStreamApiError } from "../cluster/jetstream-api.ts";
import { getRecord } from "../cluster/log-lookup.ts";
import {
  type ClusterStreams,
  ensureShardStream,
  readShardStream,
  type StreamIdentity,
} from "../cluster/streams.ts";
import { sameBytes } from "../protocol/digest.ts";
import { shardStream } from "../protocol/subject.ts";
import type { ShardFile } from "../storage/shard-file.ts";
import { NodeFault } from "./node-fault.ts";
import { recordDigest } from "./record-digest.ts";

/**
 * Finds the shard's stream; makes it when neither the file nor the server knows of one.
 * @param nonce identifies a stream that this call makes
 * Errors: NodeFault `stream_missing` when the file has applied records of a stream that is gone; ClusterError
 * for wrong settings and an unreachable server.
 */
export async function attachStream(
  connection: Connection,
  streams: ClusterStreams,
  file: ShardFile,
  nonce: string,
): Promise<StreamIdentity> {
  const { shard } = file.ledger;
  if (file.position === 0 && file.streamNonce === null) {
    return await ensureShardStream(connection.nc, streams, { shard, nonce });
  }
  const identity = await readShardStream(connection.nc, streams, shard);
  if (identity) return identity;
  throw new NodeFault(
    "stream_missing",
    `shard ${shard}: the file has applied ${file.position} records, but the server has no stream ${shardStream(shard)}`,
  );
}

/**
 * Compares the log with what the file has applied.
 * @returns how full the log is, 0..1; 0 when it has no bound of its own
 * Errors: NodeFault `stream_missing`, `log_replaced`, `log_behind`, `log_trimmed`, `log_diverged`.
 */
export async function checkIdentity(
  connection: Connection,
  streams: ClusterStreams,
  file: ShardFile,
): Promise<{ fill: number }> {
  const { shard } = file.ledger;
  // Read before asking: the log may only be ahead of a position that was applied from it.
  const position = file.position;
  const expected = position > 0 ? file.recordHash(position) : null;
  const identity = await readShardStream(connection.nc, streams, shard);
  if (!identity) throw streamGone(shard);
  compare(identity, file.streamNonce, position);
  const fill = identity.bytesMax === null ? 0 : identity.bytes / identity.bytesMax;
  if (!expected) return { fill };
  const record = await getRecord(connection.nc, shardStream(shard), position).catch((error: unknown) => {
    throw logFaultOf(error, shard);
  });
  if (!record)
    throw new NodeFault("log_trimmed", `shard ${shard}: the log lacks the record at position ${position}`);
  const actual = recordDigest(record).subarray(0, expected.length);
  if (!sameBytes(actual, expected)) {
    throw new NodeFault(
      "log_diverged",
      `shard ${shard}: the record at position ${position} is not the one that was applied`,
    );
  }
  return { fill };
}

/** What a question about a record came to: NodeFault `stream_missing` where the stream is gone, else what was thrown. */
export function logFaultOf(error: unknown, shard: number): unknown {
  const isGone = error instanceof JetStreamApiError && error.apiCode === API_CODE.streamNotFound;
  return isGone ? streamGone(shard) : error;
}

function streamGone(shard: number): NodeFault {
  return new NodeFault("stream_missing", `shard ${shard}: stream ${shardStream(shard)} is gone`);
}

function compare(identity: StreamIdentity, nonce: string | null, position: number): void {
  const { stream, firstSequence, lastSequence } = identity;
  if (nonce !== null && identity.nonce !== nonce) {
    throw new NodeFault("log_replaced", `${stream} is another stream than the one that was applied`);
  }
  if (lastSequence < position) {
    throw new NodeFault(
      "log_behind",
      `${stream} ends at ${lastSequence}, but ${position} was applied from it`,
    );
  }
  if (firstSequence > position + 1) {
    throw new NodeFault("log_trimmed", `${stream} begins at ${firstSequence}, but ${position + 1} is needed`);
  }
}
