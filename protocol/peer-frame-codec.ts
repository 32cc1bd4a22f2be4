// Peer frames in MessagePack:
// `[version, cluster, from, to, epoch, [number, hash], resend, [number, hash], lowestKept, [group…]]` with
// the marks `acked` and `before`, hashes and groups of items as bin. Groups stay encoded: they are hashed as they came.

import { MESSAGE_BYTES_MAX, PEER_FRAME_ITEMS_MAX } from "./limits.ts";
import { decodeVersioned, type PackFields } from "./pack-fields.ts";
import { type CodecFailure, mismatch } from "./pack-reader.ts";
import { PackWriter } from "./pack-writer.ts";
import type { PairMark, PeerFrame } from "./peer-frame.ts";
import { failed, type Result } from "./result.ts";

/** Version of the frame format. */
export const PEER_FRAME_VERSION = 1;

/** Characters of a cluster's id. */
const CLUSTER_CHARS_MAX = 64;
const HASH_BYTES = 16;
/** Shards are numbered below this. */
const SHARDS_MAX = 65_536;

const writer = new PackWriter();

/** One frame, in bytes of its own. The caller keeps groups and bytes within their limits. */
export function encodePeerFrame(frame: PeerFrame): Uint8Array {
  writer.begin().array(10).int(PEER_FRAME_VERSION).text(frame.cluster).int(frame.from).int(frame.to);
  writer.int(frame.epoch);
  writeMark(frame.acked);
  writer.bool(frame.resend);
  writeMark(frame.before);
  writer.int(frame.lowestKept).array(frame.groups.length);
  for (const group of frame.groups) writer.bin(group);
  return writer.finish();
}

/**
 * Reads what {@link encodePeerFrame} gave. Groups are views of `bytes`, hashes are copies.
 * Errors: `unknown_version`, or `malformed` (also for more groups or bytes than a frame may have). Never throws.
 */
export function decodePeerFrame(bytes: Uint8Array): Result<PeerFrame, CodecFailure> {
  if (bytes.length > MESSAGE_BYTES_MAX) return failed("malformed");
  return decodeVersioned(bytes, PEER_FRAME_VERSION, (fields) => ({
    cluster: fields.text(CLUSTER_CHARS_MAX),
    from: fields.int(0, SHARDS_MAX - 1),
    to: fields.int(0, SHARDS_MAX - 1),
    epoch: fields.int(),
    acked: fields.group(readMark),
    resend: fields.bool(),
    before: fields.group(readMark),
    lowestKept: fields.int(1),
    groups: readGroups(fields),
  }));
}

function writeMark({ number, hash }: PairMark): void {
  writer.array(2).int(number).bin(hash);
}

function readMark(fields: PackFields): PairMark {
  return { number: fields.int(), hash: fields.bytes(HASH_BYTES) };
}

function readGroups(fields: PackFields): Uint8Array[] {
  return fields
    .array(PEER_FRAME_ITEMS_MAX)
    .map((group) => (group instanceof Uint8Array && group.length > 0 ? group : mismatch()));
}
