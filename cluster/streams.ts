/**
 * The streams: one log a shard and the bounded stream of events. Creates them, checks them, says who they are.
 *
 * Owns: every setting of a stream, written out. A log refuses when it is full and never drops, ages, rolls up, rewrites
 * or deletes; its metadata says which cluster, shard and number of shards it belongs to, and a nonce that is its identity.
 * Does not own: purging, re-anchoring, trimming (they use what is read here), nor randomness: the nonce is passed in.
 * Invariant: a stream that exists is never changed here; a setting that differs is an error that names it.
 * Guards against: a log of another cluster, another number of shards (owners would land on other shards), and settings
 * under which the server itself may lose or rewrite records.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { EVENT_STREAM, EVENT_SUBJECTS, shardStream, shardStreamSubjects } from "../protocol/subject.ts";
import { ClusterError } from "./cluster-error.ts";
import type { JsonObject } from "./jetstream-api.ts";
import { API_CODE, JetStreamApiError, numberIn, objectIn, requestApi, textIn } from "./jetstream-api.ts";

/** Version of what the records of a log look like; another one is an error. */
export const LOG_FORMAT = "1";
/** The server takes no shorter window, ns. Nothing of ours carries a message id, so it filters nothing. */
const DUPLICATE_WINDOW_NS = 100_000_000;
const NS_PER_MS = 1_000_000;

/** What the streams of one cluster have in common. */
export interface ClusterStreams {
  readonly cluster: string;
  readonly shards: number;
  /** 1 on one machine, 3 in a cluster. */
  readonly replicas: number;
  /** Bound of each log in bytes; absent = bounded by the server's disk limit only. */
  readonly logBytesMax?: number;
}

/** Bounds of the event stream. */
export interface EventStreamBounds {
  readonly bytesMax: number;
  readonly ageMaxMs: number;
}

/** Which log a stream is, and how far it reaches. `lastSequence` is `firstSequence - 1` when it holds nothing. */
export interface StreamIdentity {
  readonly stream: string;
  readonly cluster: string;
  readonly shards: number;
  readonly shard: number;
  readonly nonce: string;
  readonly format: string;
  /** What the stream takes. The server puts a stream's own name there when it is told to take nothing. */
  readonly subjects: readonly string[];
  /** Whether it takes everything that a log takes; false while the shard is re-anchored. */
  readonly isOpen: boolean;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly bytes: number;
  /** Null = no bound of its own. */
  readonly bytesMax: number | null;
}

/**
 * Creates the log of `shard` when it is missing, else checks it. `nonce` identifies a stream made by this call; the
 * identity that is returned is that of the stream that exists. `firstSequence` (default 1) is used at creation only.
 * Errors: ClusterError `stream_setting`, `shard_count_mismatch`, `stream_api`, `jetstream_unavailable`.
 */
export async function ensureShardStream(
  nc: NatsConnection,
  streams: ClusterStreams,
  creation: { readonly shard: number; readonly nonce: string; readonly firstSequence?: number },
): Promise<StreamIdentity> {
  const { shard } = creation;
  const existing = await streamInfo(nc, shardStream(shard));
  if (existing !== null) return checked(existing, streams, shard);
  const config = {
    ...shardStreamSettings(streams, shard),
    metadata: { ...metadataOf(streams, shard), coffer_nonce: creation.nonce },
    ...(creation.firstSequence === undefined ? {} : { first_seq: creation.firstSequence }),
  };
  try {
    return checked(await requestApi(nc, `STREAM.CREATE.${shardStream(shard)}`, config), streams, shard);
  } catch (error) {
    // Another node was faster: its stream, with its nonce, is the one.
    if (!(error instanceof JetStreamApiError) || error.apiCode !== API_CODE.streamNameInUse) throw error;
    const created = await streamInfo(nc, shardStream(shard));
    if (created === null) throw error;
    return checked(created, streams, shard);
  }
}

/**
 * Reads the log of `shard` and checks its settings; null when there is none.
 * Errors: as `ensureShardStream`.
 */
export async function readShardStream(
  nc: NatsConnection,
  streams: ClusterStreams,
  shard: number,
): Promise<StreamIdentity | null> {
  const info = await streamInfo(nc, shardStream(shard));
  return info === null ? null : checked(info, streams, shard);
}

/** Reads who a stream says it is, without judging its settings; null when there is none. Errors: as `requestApi`. */
export async function readStreamIdentity(nc: NatsConnection, stream: string): Promise<StreamIdentity | null> {
  const info = await streamInfo(nc, stream);
  return info === null ? null : identityOf(info);
}

/**
 * Creates or checks the event stream: bounded, drops its oldest messages.
 * Errors: ClusterError `stream_setting` (its bounds may differ: they are the operator's), `stream_api`, `jetstream_unavailable`.
 */
export async function ensureEventStream(
  nc: NatsConnection,
  streams: Pick<ClusterStreams, "cluster" | "replicas">,
  bounds: EventStreamBounds,
): Promise<void> {
  const settings: JsonObject = {
    ...KEPT_AS_WRITTEN,
    name: EVENT_STREAM,
    subjects: [EVENT_SUBJECTS],
    discard: "old",
    deny_delete: false,
    num_replicas: streams.replicas,
  };
  const metadata = { coffer_cluster: streams.cluster, coffer_format: LOG_FORMAT };
  const existing = await streamInfo(nc, EVENT_STREAM);
  if (existing !== null) {
    compare(EVENT_STREAM, objectIn(existing["config"]), settings, metadata);
    return;
  }
  const limits = { max_bytes: bounds.bytesMax, max_age: bounds.ageMaxMs * NS_PER_MS };
  await requestApi(nc, `STREAM.CREATE.${EVENT_STREAM}`, { ...settings, ...limits, metadata }).catch(
    (error: unknown) => {
      if (!(error instanceof JetStreamApiError) || error.apiCode !== API_CODE.streamNameInUse) throw error;
    },
  );
}

/** Settings that no stream of ours may lack: the server stores what it was sent, on disk, and rewrites nothing. */
const KEPT_AS_WRITTEN: JsonObject = {
  storage: "file",
  retention: "limits",
  duplicate_window: DUPLICATE_WINDOW_NS,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_msg_size: -1,
  max_consumers: -1,
  no_ack: false,
  sealed: false,
  deny_purge: false,
  allow_rollup_hdrs: false,
  allow_msg_ttl: false,
  allow_msg_counter: false,
  allow_msg_schedules: false,
};

/** A stream that has one of these is not the plain log that everything here relies on. */
const FORBIDDEN = ["mirror", "sources", "republish", "subject_transform", "subject_delete_marker_ttl"];

function shardStreamSettings(streams: ClusterStreams, shard: number): JsonObject {
  return {
    ...KEPT_AS_WRITTEN,
    name: shardStream(shard),
    subjects: shardStreamSubjects(shard),
    discard: "new",
    discard_new_per_subject: false,
    deny_delete: true,
    max_age: 0,
    max_bytes: streams.logBytesMax ?? -1,
    num_replicas: streams.replicas,
  };
}

function metadataOf(streams: ClusterStreams, shard: number): Record<string, string> {
  return {
    coffer_cluster: streams.cluster,
    coffer_shards: String(streams.shards),
    coffer_shard: String(shard),
    coffer_format: LOG_FORMAT,
  };
}

function checked(info: JsonObject, streams: ClusterStreams, shard: number): StreamIdentity {
  const identity = identityOf(info);
  const name = shardStream(shard);
  if (identity.shards > 0 && identity.shards !== streams.shards) {
    throw new ClusterError(
      "shard_count_mismatch",
      `Stream ${name} belongs to a cluster of ${identity.shards} shards, not ${streams.shards}. The number of shards is chosen once: start with ${identity.shards}, or use another NATS server.`,
      { facts: { stream: name, expected: String(streams.shards), found: String(identity.shards) } },
    );
  }
  const settings = { ...shardStreamSettings(streams, shard) };
  const config = objectIn(info["config"]);
  // A bound is the operator's to change later; only when one was asked for must it be there.
  if (streams.logBytesMax === undefined) Reflect.deleteProperty(settings, "max_bytes");
  // While a shard is re-anchored its stream takes fewer subjects, or none: the caller sees `isOpen`.
  const known = new Set([...shardStreamSubjects(shard), name]);
  if (identity.subjects.every((subject) => known.has(subject))) Reflect.deleteProperty(settings, "subjects");
  compare(name, config, settings, metadataOf(streams, shard));
  if (identity.nonce === "") throw wrongSetting(name, "metadata.coffer_nonce", "a nonce", "none");
  return identity;
}

function compare(
  stream: string,
  found: JsonObject,
  expected: JsonObject,
  metadata: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(expected)) {
    const wanted = canonical(value);
    const present = canonical(found[name] ?? absentValue(value));
    if (present !== wanted) throw wrongSetting(stream, name, wanted, present);
  }
  for (const name of FORBIDDEN) {
    if (found[name] !== undefined && found[name] !== 0)
      throw wrongSetting(stream, name, "none", canonical(found[name]));
  }
  if (textIn(found, "persist_mode", "default") === "async")
    throw wrongSetting(stream, "persist_mode", "default", "async");
  const stored = objectIn(found["metadata"]);
  for (const [name, value] of Object.entries(metadata)) {
    const present = textIn(stored, name, "none");
    if (present !== value) throw wrongSetting(stream, `metadata.${name}`, value, present);
  }
}

/** What the server means when it leaves a field out. */
function absentValue(expected: unknown): unknown {
  if (typeof expected === "boolean") return false;
  return Array.isArray(expected) ? [] : 0;
}

function canonical(value: unknown): string {
  return Array.isArray(value) ? JSON.stringify([...value].sort()) : String(value);
}

function wrongSetting(stream: string, setting: string, expected: string, found: string): ClusterError {
  const message = `Stream ${stream} has ${setting} = ${found}, but ${expected} is needed. Nothing was changed.`;
  return new ClusterError("stream_setting", message, { facts: { stream, setting, expected, found } });
}

function identityOf(info: JsonObject): StreamIdentity {
  const config = objectIn(info["config"]);
  const state = objectIn(info["state"]);
  const metadata = objectIn(config["metadata"]);
  const subjects = Array.isArray(config["subjects"]) ? config["subjects"].map(String) : [];
  const shard = Number(textIn(metadata, "coffer_shard", "-1"));
  const bytesMax = numberIn(config, "max_bytes", -1);
  return {
    stream: textIn(config, "name"),
    cluster: textIn(metadata, "coffer_cluster"),
    shards: Number(textIn(metadata, "coffer_shards", "0")),
    shard,
    nonce: textIn(metadata, "coffer_nonce"),
    format: textIn(metadata, "coffer_format"),
    subjects,
    isOpen: shardStreamSubjects(shard).every((subject) => subjects.includes(subject)),
    firstSequence: Math.max(1, numberIn(state, "first_seq")),
    lastSequence: numberIn(state, "last_seq"),
    bytes: numberIn(state, "bytes"),
    bytesMax: bytesMax < 0 ? null : bytesMax,
  };
}

async function streamInfo(nc: NatsConnection, stream: string): Promise<JsonObject | null> {
  try {
    return await requestApi(nc, `STREAM.INFO.${stream}`, {});
  } catch (error) {
    if (error instanceof JetStreamApiError && error.apiCode === API_CODE.streamNotFound) return null;
    throw error;
  }
}
