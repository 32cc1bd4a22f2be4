// Answers requests that are shed: a problem document like any other one, made of ready pieces and written past the
// HTTP library, because in a surge most answers are these.
// Does not own: why a request is shed (admission/shed.ts), nor the words of codes (problem.ts).

import type { FastifyReply, FastifyRequest } from "fastify";
import { SHED_REASONS, type Shed, type ShedReason } from "./admission/shed.ts";
import { PROBLEM_MEDIA_TYPE, PROBLEMS, problemType } from "./problem.ts";
import { pathOf } from "./route.ts";

/** The document's fields before `instance` and behind it, by reason. */
const PIECES: ReadonlyMap<string, readonly [before: string, after: string]> = new Map(
  Object.entries(SHED_REASONS).map(([reason, { status, detail }]) => [reason, piecesOf(status, detail)]),
);

/** Answers a request, whose body need not have been read, and ends it. The ticket is the caller's business. */
export function answerShed(request: FastifyRequest, reply: FastifyReply, shed: Shed): void {
  const { status, retryAfterSeconds, rateLimit, rateLimitPolicy } = shed;
  const text = shedText(shed.reason, pathOf(request));
  request.routeCount?.add(status);
  reply.hijack();
  reply.raw.writeHead(status, {
    "content-type": PROBLEM_MEDIA_TYPE,
    "content-length": Buffer.byteLength(text),
    "retry-after": String(retryAfterSeconds),
    "x-request-id": request.id,
    ...(rateLimit === null ? {} : { ratelimit: rateLimit, "ratelimit-policy": rateLimitPolicy ?? "" }),
  });
  reply.raw.end(text);
}

function shedText(reason: ShedReason, instance: string): string {
  const [before, after] = PIECES.get(reason) ?? ["", ""];
  return `${before}${JSON.stringify(instance)}${after}`;
}

function piecesOf(status: 429 | 503, detail: string): readonly [before: string, after: string] {
  const code = status === 429 ? "rate_limited" : "busy";
  const title = PROBLEMS.get(code)?.title ?? code;
  const before = JSON.stringify({ type: problemType(code), title, status, detail });
  const after = JSON.stringify({ code, final: false, id: null });
  return [`${before.slice(0, -1)},"instance":`, `,${after.slice(1)}`];
}
