// How reads are answered: the instant that they show, a strong tag of what they say, and `304` for who has it already.
// Invariant: one tag, one text: what differs between two answers with the same tag stands in headers.

import type { FastifyReply, FastifyRequest } from "fastify";
import { hash16 } from "../protocol/digest.ts";
import type { AsOf } from "../protocol/read-answer.ts";
import { timeText } from "../protocol/time-text.ts";
import { sendJson } from "./route.ts";

/** How long a read is tried before it is answered `busy`, ms. */
export const READ_DEADLINE_MS = 5_000;

/** Says which instant an answer shows. Answers are strong: they have no age. */
export function showInstant(reply: FastifyReply, { shard, position, timeMs }: AsOf): void {
  reply
    .header("coffer-as-of", `${timeText(timeMs)}; shard=${shard}; position=${position}`)
    .header("age", "0")
    .header("cache-control", "private, no-cache");
}

/**
 * Answers a read with a value whose versions are part of it, so that the hash of its text is a strong tag of both.
 * The instant stands in headers only: it changes while the value does not.
 */
export function sendTagged(request: FastifyRequest, reply: FastifyReply, value: object): void {
  const json = JSON.stringify(value);
  const tag = `"${Buffer.from(hash16(Buffer.from(json))).toString("base64url")}"`;
  reply.header("etag", tag).header("vary", "authorization");
  if (hasTag(request.headers["if-none-match"], tag)) reply.code(304).send();
  else sendJson(reply, 200, json);
}

/** Whether `If-None-Match` names the tag; compared weakly, as the RFC asks for reads. Never throws. */
export function hasTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((each) => each.trim().replace(/^W\//, "") === tag);
}
