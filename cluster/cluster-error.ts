/**
 * The one error class of this room. An operational error is something the environment did (no server, wrong stream
 * setting, lost connection): it carries a code to branch on, says whether trying again can help, and its message tells
 * a person what to do. Outcomes of commands are never errors, and bugs are asserts: neither uses this class.
 */

/** What went wrong, to branch on. The list only grows. */
export type ClusterErrorCode =
  | "nats_server_missing"
  | "nats_server_too_old"
  | "nats_server_fetch_failed"
  | "nats_server_start_failed"
  | "nats_server_in_use"
  | "nats_config_invalid"
  | "nats_unreachable"
  | "jetstream_unavailable"
  | "stream_missing"
  | "stream_setting"
  | "shard_count_mismatch"
  | "stream_api"
  | "mapping_missing"
  | "log_gap"
  | "log_short"
  | "log_unreadable";

/** Options of a ClusterError: `retryable` (default false) and the error that caused it. */
export interface ClusterErrorOptions {
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** Facts to show or log beside the message: stream, setting, expected, found, ... */
  readonly facts?: Readonly<Record<string, string>>;
}

/** An operational error of NATS: see the file header. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ClusterErrorCode;
  readonly retryable: boolean;
  readonly facts: Readonly<Record<string, string>>;

  constructor(code: ClusterErrorCode, message: string, options: ClusterErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.facts = options.facts ?? {};
  }
}

/** The text of whatever was thrown, for messages. Never throws. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
