/**
 * One record of a shard's log, the same whether it was delivered by a consumer or fetched by its sequence.
 *
 * Invariant: both ways give equal records, byte for byte; the log chain hashes them, so a difference would halt a shard.
 * That is why headers are decoded here from their bytes and not by the client library, whose grouping, trimming and
 * refusals may change between versions, and why no record, however malformed, makes this throw.
 * The payload is copied: what the library hands out is a view of a buffer that it uses again.
 */

import type { Msg } from "@nats-io/transport-node";
import { assert } from "../protocol/assert.ts";
import type { JsonObject } from "./jetstream-api.ts";
import { numberIn, textIn } from "./jetstream-api.ts";

/** `[name, value]` as on the wire: order kept, names as they are, values without surrounding blanks. */
export type RecordHeaders = readonly (readonly [string, string])[];

/** A record. `timestampMs` is `timestampNs` rounded down. `headers` is null when the record has no header block. */
export interface LogRecord {
  readonly sequence: number;
  readonly timestampNs: bigint;
  readonly timestampMs: number;
  readonly subject: string;
  readonly headers: RecordHeaders | null;
  readonly data: Uint8Array;
}

/** A delivery: the record and its number in the consumer's own count, which is dense unless a message was lost. */
export interface Delivery {
  readonly delivered: number;
  readonly record: LogRecord;
}

const DELIVERY_PREFIX = "$JS.ACK.";
const UTF8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** The delivery in a consumer's message, or null when the message is none (heartbeat, flow control, anything else). */
export function deliveryIn(message: Msg): Delivery | null {
  const reply = message.reply;
  if (reply === undefined || !reply.startsWith(DELIVERY_PREFIX)) return null;
  // $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<tries>.<sequence>.<delivered>.<time>.<pending>[.<random>]
  const tokens = reply.split(".");
  const at = tokens.length === 9 ? 5 : 7;
  const [sequence, delivered, time] = tokens.slice(at, at + 3);
  if (time === undefined || !/^\d{7,}$/.test(time)) return null;
  return {
    delivered: Number(delivered),
    record: {
      sequence: Number(sequence),
      timestampNs: BigInt(time),
      timestampMs: Number(time.slice(0, -6)),
      subject: message.subject,
      headers: headersIn(message),
      data: Buffer.from(message.data),
    },
  };
}

/** The record in the `message` of a STREAM.MSG.GET answer. Null when it is none. */
export function storedRecord(message: JsonObject): LogRecord | null {
  const sequence = numberIn(message, "seq");
  const timestampNs = timestampNsOf(textIn(message, "time"));
  if (sequence < 1 || timestampNs === null) return null;
  const headers = textIn(message, "hdrs");
  return {
    sequence,
    timestampNs,
    timestampMs: Number(timestampNs / 1_000_000n),
    subject: textIn(message, "subject"),
    headers: headers === "" ? null : decodeHeaders(Buffer.from(headers, "base64")),
    data: Buffer.from(textIn(message, "data"), "base64"),
  };
}

/** Decodes a header block (`NATS/1.0` and lines). Lines without a colon are kept as a name with an empty value. */
export function decodeHeaders(block: Uint8Array): RecordHeaders {
  const headers: [string, string][] = [];
  for (const line of UTF8.decode(block).split("\r\n").slice(1)) {
    if (line === "") continue;
    const colon = line.indexOf(":");
    if (colon < 0) headers.push([line, ""]);
    else headers.push([line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")]);
  }
  return headers;
}

/** The first value of a header, names compared exactly; null when there is none. */
export function headerOf(record: LogRecord, name: string): string | null {
  return record.headers?.find(([present]) => present === name)?.[1] ?? null;
}

/**
 * The client library parses headers but does not hand out their bytes; these two fields of its message have them.
 * The assertion, and a test, hold every version of the library to that.
 */
function headersIn(message: Msg): RecordHeaders | null {
  const protocolLine: unknown = Reflect.get(message, "_msg");
  const isObject = typeof protocolLine === "object" && protocolLine !== null;
  const length: unknown = isObject ? Reflect.get(protocolLine, "hdr") : undefined;
  const bytes: unknown = Reflect.get(message, "_rdata");
  assert(
    typeof length === "number" && bytes instanceof Uint8Array,
    "a message of the client library has its header bytes",
  );
  return length > 0 ? decodeHeaders(bytes.subarray(0, length)) : null;
}

/** Nanoseconds since 1970 of an RFC 3339 time in UTC with up to nine digits of fraction; null for other text. */
function timestampNsOf(time: string): bigint | null {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z$/.exec(time);
  if (match === null) return null;
  const [, seconds = "", fraction = ""] = match;
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
