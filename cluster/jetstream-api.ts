/**
 * One request to JetStream's administrative interface: JSON in, JSON out, an error in the answer becomes a ClusterError.
 *
 * Owns: the subjects of that interface and its error codes that this room branches on.
 * Does not own: meaning. Callers read what they need from the `unknown` answer with the readers at the end of the file.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { ClusterError, errorText } from "./cluster-error.ts";

/** How long one question may take, ms. */
export const API_TIMEOUT_MS = 5_000;

/** Error codes of the server (`err_code`), stable across its versions. */
export const API_CODE = {
  insufficientResources: 10_023,
  memoryExceeded: 10_028,
  messageNotFound: 10_037,
  storageExceeded: 10_047,
  streamNameInUse: 10_058,
  streamNotFound: 10_059,
  wrongLastSequence: 10_071,
  storeFailed: 10_077,
  duplicateInFlight: 10_158,
  wrongLastSequenceUnknown: 10_164,
} as const;

/** An answer that carried an error. `apiCode` is one of the server's `err_code`s, 0 when it sent none. */
export class JetStreamApiError extends ClusterError {
  readonly apiCode: number;

  /** `status` is the answer's own code: from 500 on the server could not do it now, and may later. */
  constructor(apiCode: number, status: number, message: string) {
    super("stream_api", message, { retryable: status >= 500, facts: { apiCode: String(apiCode) } });
    this.apiCode = apiCode;
  }
}

/** A JSON object whose fields are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Asks `<api>.<operation>` (such as `STREAM.INFO.COFFER_S0`), waits `waitMs` and returns the answer's object.
 * Errors: JetStreamApiError for an answer with an error; ClusterError `jetstream_unavailable` (retryable) when nobody
 * answers, in time or at all.
 */
export async function requestApi(
  nc: NatsConnection,
  operation: string,
  question: JsonObject,
  waitMs: number = API_TIMEOUT_MS,
): Promise<JsonObject> {
  let text: string;
  try {
    const answer = await nc.request(`$JS.API.${operation}`, JSON.stringify(question), {
      timeout: waitMs,
    });
    text = answer.string();
  } catch (cause) {
    throw new ClusterError(
      "jetstream_unavailable",
      `JetStream does not answer ${operation}: ${errorText(cause)}.`,
      { retryable: true, cause },
    );
  }
  const answer = objectIn(JSON.parse(text));
  const error = answer["error"];
  if (error === undefined) return answer;
  const { err_code: apiCode, code, description } = objectIn(error);
  const message = `JetStream refuses ${operation}: ${String(description)}.`;
  throw new JetStreamApiError(Number(apiCode ?? 0), Number(code ?? 0), message);
}

/** The value as an object; an empty one when it is none. Never throws. */
export function objectIn(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** The number at `name`, or `otherwise` when there is none. Never throws. */
export function numberIn(object: JsonObject, name: string, otherwise = 0): number {
  const value = object[name];
  return typeof value === "number" ? value : otherwise;
}

/** The text at `name`, or `otherwise` when there is none. Never throws. */
export function textIn(object: JsonObject, name: string, otherwise = ""): string {
  const value = object[name];
  return typeof value === "string" ? value : otherwise;
}
