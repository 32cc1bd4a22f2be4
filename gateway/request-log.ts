// What is written about requests: those that the gateway failed (500 and above), and those that took longer than a
// second; with `debug` every one. Requests that are shed are counted in one line a second, whatever their number.
//
// Owns: the choice, and the bound: beyond `linesPerSecond` lines are counted, and the next line says how many. Does not
// own: the format (log-writer.ts).
// Invariant: a line holds no header but the trace id, no query and no body.

import type { FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { traceIdOf } from "./request-ids.ts";

/** From then on an answer is late, ms. */
const SLOW_MS = 1_000;
const SECOND_MS = 1_000;
const LINES_PER_SECOND = 10;
const DEBUG_LINES_PER_SECOND = 1_000;

/** See the file header. */
export class RequestLog {
  readonly #logger: Logger;
  readonly #isVerbose: boolean;
  readonly #linesPerSecond: number;
  #secondMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #suppressed = 0;
  #shed = 0;
  #shedMs = Number.NEGATIVE_INFINITY;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#isVerbose = logger.isLevelEnabled("debug");
    this.#linesPerSecond = this.#isVerbose ? DEBUG_LINES_PER_SECOND : LINES_PER_SECOND;
  }

  /** Hears of every answer but those to shed requests. Costs nothing for those that are not written. */
  onAnswer(request: FastifyRequest, status: number, nowMs: number): void {
    const tookMs = nowMs - request.startedMs;
    if (status < 500 && tookMs < SLOW_MS && !this.#isVerbose) return;
    if (!this.#hasRoom(nowMs)) return;
    const { level, message } = kindOf(status, tookMs);
    this.#logger[level](
      {
        requestId: request.id,
        traceId: traceIdOf(request.headers["traceparent"]) ?? undefined,
        method: request.method,
        route: request.routeOptions.url,
        status,
        code: request.problemCode ?? undefined,
        commandId: request.commandId ?? undefined,
        ms: Math.round(tookMs),
        suppressed: this.#takeSuppressed(),
      },
      message,
    );
  }

  /** Hears of every shed request. */
  onShed(reason: string, nowMs: number): void {
    this.#shed += 1;
    if (nowMs - this.#shedMs < SECOND_MS) return;
    this.#logger.warn({ shed: this.#shed, reason }, "shedding");
    this.#shed = 0;
    this.#shedMs = nowMs;
  }

  #hasRoom(nowMs: number): boolean {
    if (nowMs - this.#secondMs >= SECOND_MS) {
      this.#secondMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines <= this.#linesPerSecond) return true;
    this.#suppressed += 1;
    return false;
  }

  #takeSuppressed(): number | undefined {
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed === 0 ? undefined : suppressed;
  }
}

function kindOf(status: number, tookMs: number): { level: "error" | "warn" | "debug"; message: string } {
  if (status >= 500) return { level: "error", message: "failed" };
  if (tookMs >= SLOW_MS) return { level: "warn", message: "slow" };
  return { level: "debug", message: "answered" };
}
