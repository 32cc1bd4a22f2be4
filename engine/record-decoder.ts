// Turns bytes from the log into a record that the apply understands, and finds whom to answer. Total: what
// does not decode becomes shape refusals or an ignored record, never a throw. Owner and peer records are
// ignored unless they carry this cluster and shard: nothing is trusted for being in the log.

import type { RecordBody, ShardRecord } from "../actors/shard-record.ts";
import { headerOf, type LogRecord, type RecordHeaders } from "../cluster/log-record.ts";
import { decodeCommandFrame } from "../protocol/command-frame.ts";
import { decodeCommandMessage } from "../protocol/command-json.ts";
import type { DecodedCommandOrRefusal } from "../protocol/decoded-command.ts";
import type { TenantName } from "../protocol/names.ts";
import { decodeOwnerRecord } from "../protocol/owner-record-codec.ts";
import { decodePeerFrame } from "../protocol/peer-frame-codec.ts";
import { CALL_HEADER, isResultSubject, parseRecordSubject, REPLY_HEADER } from "../protocol/subject.ts";
import { NodeFault } from "./node-fault.ts";

/** Whom the outcomes of one record go to. */
export interface ReplyRoute {
  /** A literal result subject of the tenant, or null. */
  readonly subject: string | null;
  readonly encoding: "json" | "msgpack";
  /** The token of a waiting call of this engine, or null. */
  readonly call: string | null;
}

/** A decoded record with its way back. */
export interface Decoded {
  readonly record: ShardRecord;
  readonly route: ReplyRoute;
}

/** Which shard of which cluster decodes. */
export interface DecoderScope {
  readonly cluster: string;
  readonly shard: number;
  readonly shards: number;
}

const NOBODY: ReplyRoute = { subject: null, encoding: "json", call: null };
const IGNORED: RecordBody = { kind: "ignored" };

/**
 * Decodes one record of the shard's log.
 * Errors: throws {@link NodeFault} `unknown_version` when an owner or peer record was written by newer code.
 */
export function decodeRecord(log: LogRecord, scope: DecoderScope): Decoded {
  const subject = parseRecordSubject(log.subject, scope.shard);
  if (subject.kind === "command") {
    const context = {
      tenant: subject.tenant,
      owner: subject.owner,
      shard: scope.shard,
      shards: scope.shards,
    };
    const commands = decodeCommandMessage(log.data, context);
    const route = jsonRoute(log, subject.tenant);
    return decodedCommands(log, subject.tenant, commands, route);
  }
  if (subject.kind === "frame") {
    const context = { tenant: subject.tenant, owner: null, shard: scope.shard, shards: scope.shards };
    const frame = decodeCommandFrame(log.data, context);
    const route = { subject: allowed(frame.reply, subject.tenant), encoding: "msgpack", call: null } as const;
    return decodedCommands(log, subject.tenant, frame.commands, route);
  }
  if (subject.kind === "peer") return decoded(log, peerBody(log, scope, subject.from), NOBODY);
  if (subject.kind === "unknown") return decoded(log, IGNORED, NOBODY);
  return decoded(log, ownerBody(log, scope, subject.kind), NOBODY);
}

function decodedCommands(
  log: LogRecord,
  tenant: TenantName,
  commands: readonly DecodedCommandOrRefusal[],
  route: ReplyRoute,
): Decoded {
  const { sequence: position, timestampMs: stampMs } = log;
  return { record: { position, stampMs, kind: "commands", tenant, commands }, route };
}

function decoded(log: LogRecord, body: RecordBody, route: ReplyRoute): Decoded {
  return { record: { position: log.sequence, stampMs: log.timestampMs, ...body }, route };
}

/** The way back that was read last: a sender gives its records the same headers, in one array (cluster/header-blocks). */
let lastRoute: {
  readonly headers: RecordHeaders | null;
  readonly tenant: TenantName | null;
  readonly route: ReplyRoute;
} = { headers: null, tenant: null, route: NOBODY };

function jsonRoute(log: LogRecord, tenant: TenantName): ReplyRoute {
  const { headers } = log;
  if (!headers) return NOBODY;
  if (headers !== lastRoute.headers || tenant !== lastRoute.tenant) {
    const subject = allowed(headerOf(log, REPLY_HEADER), tenant);
    const route = { subject, encoding: "json", call: headerOf(log, CALL_HEADER) } as const;
    lastRoute = { headers, tenant, route };
  }
  return lastRoute.route;
}

function allowed(subject: string | null, tenant: TenantName): string | null {
  return subject !== null && isResultSubject(subject, tenant) ? subject : null;
}

function peerBody(log: LogRecord, scope: DecoderScope, from: number): RecordBody {
  const frame = decodePeerFrame(log.data);
  if (!frame.ok) {
    if (frame.error === "unknown_version" && namesCluster(log, scope)) throw unknownVersion(log);
    return IGNORED;
  }
  const { cluster, to, from: sender } = frame.value;
  return cluster === scope.cluster &&
    to === scope.shard &&
    sender === from &&
    from < scope.shards &&
    from !== to
    ? { kind: "peer", frame: frame.value }
    : IGNORED;
}

function ownerBody(
  log: LogRecord,
  scope: DecoderScope,
  expected: "owner" | "epoch" | "quarantine",
): RecordBody {
  const decodedRecord = decodeOwnerRecord(log.data);
  if (!decodedRecord.ok) {
    if (decodedRecord.error === "unknown_version" && namesCluster(log, scope)) throw unknownVersion(log);
    return IGNORED;
  }
  const record = decodedRecord.value;
  if (record.cluster !== scope.cluster || record.shard !== scope.shard) return IGNORED;
  if (record.kind === "epoch" && expected === "epoch") return { kind: "epoch", start: record };
  if (record.kind === "tick" && expected === "owner") return { kind: "tick", tick: record };
  return IGNORED;
}

/** Every version of these records holds its cluster's id as text, so what another one wrote, or nobody, stops no shard. */
function namesCluster({ data }: LogRecord, { cluster }: DecoderScope): boolean {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).includes(cluster);
}

function unknownVersion(log: LogRecord): NodeFault {
  return new NodeFault("unknown_version", `record ${log.sequence} was written by a newer version of Coffer`);
}
