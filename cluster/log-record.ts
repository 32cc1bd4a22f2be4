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
import { deliveryStamp } from "./delivery-stamp.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import type { JsonObject } from "./jetstream-api.ts";
import { numberIn, textIn } from "./jetstream-api.ts";

/** `[name, value]` as on the wire: order kept, names as they are, values without surrounding blanks. */
export type RecordHeaders = readonly (readonly [string, string])[];

/** A record. `headers` is null when the record has no header block; equal blocks may share one array. */
export interface LogRecord {
  readonly sequence: number;
  /** The server's stamp in whole ms since 1970, ... */
  readonly timestampMs: number;
  /** ... and what it has beyond them, 0..999,999 ns. */
  readonly timestampNanos: number;
  readonly subject: string;
  readonly headers: RecordHeaders | null;
  readonly data: Uint8Array;
}

/** A delivery: the record and its number in the consumer's own count, which is dense unless a message was lost. */
export interface Delivery {
  readonly delivered: number;
  readonly record: LogRecord;
}

const UTF8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const HEADER_BLOCKS = new HeaderBlocks(decodeHeaders);
const NANOS_PER_MS = 1_000_000;

/**
 * The delivery in a consumer's message, or null when the message is none (heartbeat, flow control, anything else).
 * About 1 µs for a record of 200 bytes; by way of the library's texts it was 4.
 */
export function deliveryIn(message: Msg): Delivery | null {
  const wire = wireOf(message);
  const stamp = wire.reply ? deliveryStamp(wire.reply) : null;
  if (stamp === null) return null;
  const { sequence, delivered, timeMs, timeNanos } = stamp;
  const { bytes, headerBytes } = wire;
  const data = Buffer.allocUnsafe(bytes.length - headerBytes);
  data.set(headerBytes === 0 ? bytes : bytes.subarray(headerBytes));
  return {
    delivered,
    record: {
      sequence,
      timestampMs: timeMs,
      timestampNanos: timeNanos,
      subject: message.subject,
      headers: headerBytes === 0 ? null : HEADER_BLOCKS.decoded(bytes, headerBytes),
      data,
    },
  };
}

/** The record in the `message` of a STREAM.MSG.GET answer. Null when it is none. */
export function storedRecord(message: JsonObject): LogRecord | null {
  const sequence = numberIn(message, "seq");
  const stamp = stampOf(textIn(message, "time"));
  if (sequence < 1 || stamp === null) return null;
  const headers = textIn(message, "hdrs");
  return {
    sequence,
    ...stamp,
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

/** What the client library took from the socket. */
interface WireMessage {
  readonly reply: Uint8Array | null;
  /** Header block and body. */
  readonly bytes: Uint8Array;
  /** 0 = no header block. */
  readonly headerBytes: number;
}

/**
 * The client library hands out texts and parsed headers, not their bytes; these fields of its message have them.
 * The assertions, and a test, hold every version of the library to that.
 */
function wireOf(message: Msg): WireMessage {
  const line: unknown = "_msg" in message ? message._msg : undefined;
  const bytes: unknown = "_rdata" in message ? message._rdata : undefined;
  assert(bytes instanceof Uint8Array, "a message of the client library has its bytes");
  assert(
    typeof line === "object" && line !== null && "reply" in line && "hdr" in line,
    "a message of the client library has its protocol line",
  );
  const { reply, hdr } = line;
  assert(typeof hdr === "number", "the size of the headers is known");
  return {
    reply: reply instanceof Uint8Array ? reply : null,
    bytes,
    headerBytes: Math.max(0, hdr),
  };
}

/** The two parts of an RFC 3339 time in UTC with up to nine digits of fraction; null for other text. */
function stampOf(time: string): Pick<LogRecord, "timestampMs" | "timestampNanos"> | null {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z$/.exec(time);
  if (match === null) return null;
  const [, seconds = "", fraction = ""] = match;
  const nanos = Number(fraction.padEnd(9, "0"));
  const ms = Math.floor(nanos / NANOS_PER_MS);
  return { timestampMs: Date.parse(`${seconds}Z`) + ms, timestampNanos: nanos - ms * NANOS_PER_MS };
}
