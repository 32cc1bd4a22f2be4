/**
 * Single records of a stream, asked for by sequence or by subject: hash checks, epoch records, Quarantine records.
 *
 * The questions go to the stream's leader, so an answer is never older than the last acknowledged record.
 * Records look exactly as the reader delivers them (log-record).
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { ClusterError } from "./cluster-error.ts";
import type { JsonObject } from "./jetstream-api.ts";
import { API_CODE, JetStreamApiError, objectIn, requestApi } from "./jetstream-api.ts";
import type { LogRecord } from "./log-record.ts";
import { storedRecord } from "./log-record.ts";

/** The record at `sequence`, or null when the stream holds none there. Errors: as `requestApi`, and `log_unreadable`. */
export async function getRecord(
  nc: NatsConnection,
  stream: string,
  sequence: number,
): Promise<LogRecord | null> {
  return await lookUp(nc, stream, { seq: sequence });
}

/** The newest record on a literal `subject`, or null. Errors: as `getRecord`. */
export async function getLastRecord(
  nc: NatsConnection,
  stream: string,
  subject: string,
): Promise<LogRecord | null> {
  return await lookUp(nc, stream, { last_by_subj: subject });
}

/** One page of `listRecords`: `next` is the sequence to go on from, or null at the end. */
export interface RecordPage {
  readonly records: readonly LogRecord[];
  readonly next: number | null;
}

/**
 * The records on one subject from `fromSequence` on, oldest first, at most `recordsMax` of them.
 * Errors: as `getRecord`. Cost: one question a record, so it is for rare subjects.
 */
export async function listRecords(
  nc: NatsConnection,
  stream: string,
  range: { readonly subject: string; readonly fromSequence: number; readonly recordsMax: number },
): Promise<RecordPage> {
  const records: LogRecord[] = [];
  let next = Math.max(1, range.fromSequence);
  while (records.length < range.recordsMax) {
    const record = await lookUp(nc, stream, { seq: next, next_by_subj: range.subject });
    if (record === null) return { records, next: null };
    records.push(record);
    next = record.sequence + 1;
  }
  return { records, next };
}

async function lookUp(nc: NatsConnection, stream: string, question: JsonObject): Promise<LogRecord | null> {
  let answer: JsonObject;
  try {
    answer = await requestApi(nc, `STREAM.MSG.GET.${stream}`, question);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.apiCode === API_CODE.messageNotFound) return null;
    throw error;
  }
  const record = storedRecord(objectIn(answer["message"]));
  if (record === null)
    throw new ClusterError("log_unreadable", `Stream ${stream} answered with something that is no record.`);
  return record;
}
