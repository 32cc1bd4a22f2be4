// How reads are answered: the instant and age of what they show, a strong tag of what they say, and `304` for who has
// it already.
// Invariant: one tag, one text: what differs between two answers with the same tag stands in headers.

import type { FastifyReply, FastifyRequest } from "fastify";
import { hash16 } from "../protocol/digest.ts";
import type { AsOf } from "../protocol/read-answer.ts";
import { timeText } from "../protocol/time-text.ts";
import type { ShownWallet } from "./cache/gateway-cache.ts";
import { CACHED_AGE_MS_MAX } from "./cache/keepable.ts";
import { sendJson } from "./route.ts";

export { READ_DEADLINE_MS } from "./tenant-clients.ts";

/** Says which instant an answer shows. Answers are strong: they have no age. */
export function showInstant(reply: FastifyReply, asOf: AsOf): void {
  reply
    .header("coffer-as-of", instantText(asOf))
    .header("age", "0")
    .header("cache-control", "private, no-cache");
}

/**
 * A value and its instant, ready to be sent. The value's versions are part of it, so that the hash of its text is a
 * strong tag of both; the instant stands in a header only: it changes while the value does not. About 5 µs.
 */
export function shownValue(value: object, asOf: AsOf): ShownWallet {
  const json = JSON.stringify(value);
  const tag = `"${Buffer.from(hash16(Buffer.from(json))).toString("base64url")}"`;
  return { json, tag, instant: instantText(asOf) };
}

/** Answers a read. @param ageMs how long ago the value was known to be current; 0 for a strong read */
export function sendShown(
  request: FastifyRequest,
  reply: FastifyReply,
  { json, tag, instant }: ShownWallet,
  ageMs: number,
): void {
  reply
    .header("coffer-as-of", instant)
    .header("age", ageMs === 0 ? "0" : Math.ceil(ageMs / 1000).toString())
    .header("cache-control", "private, no-cache")
    .header("etag", tag)
    .header("vary", "authorization");
  if (hasTag(request.headers["if-none-match"], tag)) reply.code(304).send();
  else sendJson(reply, 200, json);
}

/**
 * The age in ms that a cached read may have: what is declared, or less when `Cache-Control` asks for less. 0 = a strong
 * read. What the header says otherwise is passed over. Never throws.
 */
export function maxAgeIn(header: string | undefined): number {
  if (header === undefined) return CACHED_AGE_MS_MAX;
  if (/(?:^|[\s,])no-(?:cache|store)\b/i.test(header)) return 0;
  const seconds = /(?:^|[\s,])max-age="?([0-9]{1,9})\b/i.exec(header)?.[1];
  return seconds === undefined ? CACHED_AGE_MS_MAX : Math.min(Number(seconds) * 1000, CACHED_AGE_MS_MAX);
}

function instantText({ shard, position, timeMs }: AsOf): string {
  return `${timeText(timeMs)}; shard=${shard}; position=${position}`;
}

/** Whether `If-None-Match` names the tag; compared weakly, as the RFC asks for reads. Never throws. */
export function hasTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((each) => each.trim().replace(/^W\//, "") === tag);
}
