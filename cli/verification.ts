// Asks a running engine to sweep its invariants: one question, several answers, the last one with `done`.
// Does not own the sweep; it owns what a report looks like here, and when silence counts as nobody being there.

import type { NatsConnection } from "@nats-io/transport-node";
import { createInbox } from "@nats-io/transport-node";
import { isJsonObject } from "../protocol/canonical-json.ts";
import { VERIFY_SUBJECT } from "../protocol/subject.ts";
import { CliFailure, unreachableFailure } from "./failure.ts";
import type { Json } from "./output.ts";

/** One violation as the sweep typed it. */
export type Violation = Readonly<Record<string, Json>>;

/** What a sweep found. */
export interface VerifyReport {
  readonly clean: boolean;
  /** Something kept moving, or could not be looked at: neither clean nor violated. */
  readonly inconclusive: boolean;
  readonly violations: readonly Violation[];
  readonly summary: Readonly<Record<string, Json>>;
}

/** What to ask, and how long to wait. */
export interface VerifyQuestion {
  readonly deep: boolean;
  /** For the first answer; later ones may take STALL_MS, since a large shard is one step of the sweep. */
  readonly answerMs: number;
  readonly signal: AbortSignal;
  /** `share` from 0 to 1, or null when it is not known. */
  onProgress(text: string, share: number | null): void;
}

const NO_RESPONDERS = 503;
const STALL_MS = 300_000;
const BUSY_PAUSE_MS = 50;

/**
 * Sweeps the live shards; an engine that sweeps for somebody else is asked again until `answerMs` are over.
 * Errors: CliFailure `engine_unreachable` (nobody answers, or falls silent), `busy`, `interrupted`, or the code that
 * the engine answered with.
 */
export async function verifyLive(nc: NatsConnection, question: VerifyQuestion): Promise<VerifyReport> {
  const deadline = AbortSignal.timeout(question.answerMs);
  for (;;) {
    try {
      return await sweepOnce(nc, question);
    } catch (thrown) {
      const isBusy = thrown instanceof CliFailure && thrown.code === "busy";
      if (!isBusy || deadline.aborted) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
    }
  }
}

async function sweepOnce(nc: NatsConnection, question: VerifyQuestion): Promise<VerifyReport> {
  const { promise, resolve, reject } = Promise.withResolvers<VerifyReport>();
  const inbox = createInbox();
  const silence = (): void => reject(unreachableFailure("No engine answers verify.", "engine_unreachable"));
  const onAbort = (): void => reject(new CliFailure("interrupted", "Interrupted before the sweep was over."));
  let timer = setTimeout(silence, question.answerMs);
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      clearTimeout(timer);
      timer = setTimeout(silence, STALL_MS);
      if (error !== null || message.headers?.code === NO_RESPONDERS) return silence();
      const report = reportIn(message.string(), question.onProgress);
      if (report instanceof CliFailure) reject(report);
      else if (report !== null) resolve(report);
    },
  });
  question.signal.addEventListener("abort", onAbort, { once: true });
  try {
    nc.publish(VERIFY_SUBJECT, JSON.stringify({ deep: question.deep }), { reply: inbox });
    return await promise;
  } finally {
    clearTimeout(timer);
    question.signal.removeEventListener("abort", onAbort);
    subscription.unsubscribe();
  }
}

/** The report of the last answer, a failure, or null for an answer that only tells progress. */
function reportIn(text: string, onProgress: VerifyQuestion["onProgress"]): VerifyReport | CliFailure | null {
  const said: unknown = JSON.parse(text);
  if (!isJsonObject(said)) return new CliFailure("answer_invalid", "The engine's answer cannot be read.");
  if (said.ok === false)
    return refusalOf(String(said.code ?? "refused"), String(said.detail ?? "no reason given"));
  if (said.done !== true) {
    const share = typeof said.done === "number" ? said.done : null;
    onProgress(typeof said.progress === "string" ? said.progress : "sweeping", share);
    return null;
  }
  const fields: { readonly [name: string]: Json } = JSON.parse(text);
  return reportOf(fields);
}

function refusalOf(code: string, detail: string): CliFailure {
  if (code === "busy") return unreachableFailure(`The engine is busy: ${detail}.`, "busy");
  return new CliFailure(code, `The engine could not verify: ${detail}.`);
}

/** A report from the fields of an answer; what is missing counts against it. */
export function reportOf(fields: Readonly<Record<string, Json>>): VerifyReport {
  const violations = Array.isArray(fields.violations) ? fields.violations.filter(isViolation) : [];
  const summary = isViolation(fields.summary) ? fields.summary : {};
  return {
    clean: fields.clean === true && violations.length === 0,
    inconclusive: fields.inconclusive === true,
    violations,
    summary,
  };
}

function isViolation(value: unknown): value is Violation {
  return isJsonObject(value);
}
