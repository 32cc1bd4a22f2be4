// Every subject and stream name is spelled here and nowhere else. Outside subjects (`coffer.cmd`, `coffer.get`,
// `coffer.call`) are mapped by the server onto the shard's own ones with `{{partition(N,1,2)}}`; the streams
// hold only `coffer.s.<shard>.…`, reads and calls lie outside every stream so that no PubAck races an answer.

import { TENANTS } from "./interned-names.ts";
import type { OwnerName, TenantName } from "./names.ts";
import { parseOwner, parseTenant } from "./names.ts";

/** Names the literal subject that outcomes of a JSON message go to. */
export const REPLY_HEADER = "Coffer-Reply";
/** Names the call of an engine that a record came from; meaningless to any other engine. */
export const CALL_HEADER = "Coffer-Call";
/** Request/reply: version, cluster id, shards, durability, limits. */
export const INFO_SUBJECT = "coffer.info";
/** The bounded event stream. */
export const EVENT_STREAM = "COFFER_EVT";
/** Everything in the event stream. */
export const EVENT_SUBJECTS = "coffer.evt.>";

/** JSON commands of services. */
export function commandSubject(tenant: TenantName, owner: OwnerName): string {
  return `coffer.cmd.${tenant}.${owner}`;
}

/** Request/reply commands. */
export function callSubject(tenant: TenantName, owner: OwnerName): string {
  return `coffer.call.${tenant}.${owner}`;
}

/** Request/reply reads. */
export function getSubject(tenant: TenantName, owner: OwnerName): string {
  return `coffer.get.${tenant}.${owner}`;
}

/** Where outcomes of a tenant may be sent: everything below this prefix, which ends with a dot. */
export function resultPrefix(tenant: TenantName): string {
  return `coffer.res.${tenant}.`;
}

/** Events of one tenant from one shard. */
export function eventSubject(tenant: TenantName, shard: number): string {
  return `coffer.evt.${tenant}.${shard}`;
}

/** Events of one tenant from all shards (a subscription). */
export function eventSubjectsOf(tenant: TenantName): string {
  return `coffer.evt.${tenant}.*`;
}

/** The stream that is a shard's log. */
export function shardStream(shard: number): string {
  return `COFFER_S${shard}`;
}

/** MessagePack frames of commands for one shard. */
export function frameSubject(shard: number, tenant: TenantName): string {
  return `coffer.s.${shard}.frame.${tenant}`;
}

/** The mapped form of {@link commandSubject}, as the shard's log holds it. */
export function shardCommandSubject(shard: number, tenant: TenantName, owner: OwnerName): string {
  return `coffer.s.${shard}.cmd.${tenant}.${owner}`;
}

/** Frames of items from shard `from`, in the log of `shard`. */
export function peerSubject(shard: number, from: number): string {
  return `coffer.s.${shard}.peer.${from}`;
}

/** EpochStart records: the fence of all owner records. */
export function epochSubject(shard: number): string {
  return `coffer.s.${shard}.epoch`;
}

/** Ticks and other records that the owner makes itself. */
export function ownerSubject(shard: number): string {
  return `coffer.s.${shard}.owner`;
}

/** Quarantine records, read before anything else at every start. */
export function quarantineSubject(shard: number): string {
  return `coffer.s.${shard}.quarantine`;
}

/** Exactly the subjects of a shard's stream. */
export function shardStreamSubjects(shard: number): string[] {
  return [
    `coffer.s.${shard}.cmd.*.*`,
    `coffer.s.${shard}.frame.*`,
    `coffer.s.${shard}.peer.*`,
    ownerSubject(shard),
    epochSubject(shard),
    quarantineSubject(shard),
  ];
}

/** Mapped calls of one shard (a subscription). */
export function askedCalls(shard: number): string {
  return `coffer.ask.${shard}.call.*.*`;
}

/** Mapped reads of one shard (a subscription). */
export function askedGets(shard: number): string {
  return `coffer.ask.${shard}.get.*.*`;
}

/** A subject mapping of the server: what is published outside, and where it arrives. */
export interface SubjectMapping {
  readonly outside: string;
  readonly inside: string;
}

/** The server's mappings of commands, calls and reads for `shards` shards, word for word as `nats.conf` has them. */
export function subjectMappings(shards: number): Record<"cmd" | "call" | "get", SubjectMapping> {
  const mapping = (kind: string, log: string): SubjectMapping => ({
    outside: `coffer.${kind}.*.*`,
    inside: `coffer.${log}.{{partition(${shards},1,2)}}.${kind}.{{wildcard(1)}}.{{wildcard(2)}}`,
  });
  return { cmd: mapping("cmd", "s"), call: mapping("call", "ask"), get: mapping("get", "ask") };
}

/** Mapped commands of one tenant on whatever shard (a subscription; the shard is the third token). */
export function shardCommandsOfTenant(tenant: TenantName): string {
  return `coffer.s.*.cmd.${tenant}.*`;
}

/** Mapped calls of one tenant on whatever shard (a subscription; the shard is the third token). */
export function askedCallsOfTenant(tenant: TenantName): string {
  return `coffer.ask.*.call.${tenant}.*`;
}

/** Mapped reads of one tenant on whatever shard (a subscription; the shard is the third token). */
export function askedGetsOfTenant(tenant: TenantName): string {
  return `coffer.ask.*.get.${tenant}.*`;
}

/** Request/reply to one shard's owner: state, positions, counters. */
export function shardStatusSubject(shard: number): string {
  return `coffer.admin.status.${shard}`;
}

/** Request/reply to a node: sweep the invariants over its live shards. */
export const VERIFY_SUBJECT = "coffer.admin.verify";

/** What a record's subject says about it. `unknown` ones are ignored. */
export type RecordSubject =
  | { readonly kind: "command"; readonly tenant: TenantName; readonly owner: OwnerName }
  | { readonly kind: "frame"; readonly tenant: TenantName }
  | { readonly kind: "peer"; readonly from: number }
  | { readonly kind: "owner" | "epoch" | "quarantine" | "unknown" };

const UNKNOWN: RecordSubject = { kind: "unknown" };

const LOGS = "coffer.s.";
const NUMBER = /^(?:0|[1-9][0-9]{0,4})$/;

/** Classifies the subject of a record in the log of `shard`. Never throws; about 0.2 µs. */
export function parseRecordSubject(subject: string, shard: number): RecordSubject {
  const shardEnd = subject.indexOf(".", LOGS.length);
  if (shardEnd < 0 || !subject.startsWith(LOGS) || !isNumber(subject, LOGS.length, shardEnd, shard))
    return UNKNOWN;
  const kindEnd = subject.indexOf(".", shardEnd + 1);
  if (kindEnd < 0) return ownKind(subject.slice(shardEnd + 1));
  if (subject.startsWith("cmd.", shardEnd + 1)) return commandOf(subject, kindEnd + 1);
  const last = subject.slice(kindEnd + 1);
  if (subject.startsWith("frame.", shardEnd + 1)) {
    const tenant = tenantOf(last);
    return tenant ? { kind: "frame", tenant } : UNKNOWN;
  }
  const isPeer = subject.startsWith("peer.", shardEnd + 1) && NUMBER.test(last);
  return isPeer ? { kind: "peer", from: Number(last) } : UNKNOWN;
}

/** Whether the text from `start` to `end` is a number, as it is written. */
function isNumber(text: string, start: number, end: number, number: number): boolean {
  if (number < 10) return end === start + 1 && text.charCodeAt(start) === 0x30 + number;
  return text.slice(start, end) === String(number);
}

function ownKind(kind: string): RecordSubject {
  return kind === "owner" || kind === "epoch" || kind === "quarantine" ? { kind } : UNKNOWN;
}

/** A name has no dot, so that a token too many is no name. */
function commandOf(subject: string, start: number): RecordSubject {
  const tenantEnd = subject.indexOf(".", start);
  if (tenantEnd < 0) return UNKNOWN;
  const tenant = tenantOf(subject.slice(start, tenantEnd));
  const owner = parseOwner(subject.slice(tenantEnd + 1));
  return tenant && owner ? { kind: "command", tenant, owner } : UNKNOWN;
}

/** The tenant read last: most records are of the same one as the record before. */
let lastTenant: TenantName | undefined;

/** Equal tenants are one string, which everything behind here tells by its address. */
function tenantOf(text: string): TenantName | undefined {
  if (text === lastTenant) return lastTenant;
  const tenant = parseTenant(text);
  if (tenant) lastTenant = TENANTS.intern(tenant);
  return tenant && lastTenant;
}

/** The tenant and owner of a mapped call or read, or `undefined`. */
export function parseAsk(subject: string): { tenant: TenantName; owner: OwnerName } | undefined {
  const tokens = subject.split(".");
  const tenant = parseTenant(tokens[4]);
  const owner = parseOwner(tokens[5]);
  return tokens.length === 6 && tenant && owner ? { tenant, owner } : undefined;
}

/** Tokens without wildcards, white space and control characters. */
const LITERAL_TOKENS = /^[^\s\p{Cc}.*>]+(?:\.[^\s\p{Cc}.*>]+)*$/u;

/** Whether outcomes may go to `subject`: a literal subject under the tenant's own result prefix. */
export function isResultSubject(subject: string, tenant: TenantName): boolean {
  return subject.length <= 256 && subject.startsWith(resultPrefix(tenant)) && LITERAL_TOKENS.test(subject);
}

/** Whether reads and calls may answer to `subject`: its first token is neither `coffer` nor starts with `$`. */
export function isAnswerSubject(subject: string): boolean {
  return (
    subject.length <= 256 &&
    LITERAL_TOKENS.test(subject) &&
    !subject.startsWith("$") &&
    subject !== "coffer" &&
    !subject.startsWith("coffer.")
  );
}
