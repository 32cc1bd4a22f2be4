/**
 * Appends records: raw publishes, one reply inbox of our own, a bounded window of unanswered ones.
 *
 * Owns: the window and what each publish came to. Does not own: retries. A connection that breaks ends every unanswered
 * publish as `unknown`: it may or may not be in the log; the record's own id decides when it is sent again.
 * Invariant: every accepted publish gets exactly one result; nothing ever carries a message id, because the server's
 * duplicate filter would answer normally and store nothing.
 * Guards against: the client library's own publish (two promises and a timer a message, no window).
 */
import type { Msg, MsgHdrs, Subscription } from "@nats-io/transport-node";
import { headers as emptyHeaders } from "@nats-io/transport-node";
import { errorText } from "./cluster-error.ts";
import type { Connection } from "./connection.ts";
import { API_CODE, numberIn, objectIn, textIn } from "./jetstream-api.ts";

/**
 * What a publish came to.
 * `ok` stored at `sequence` · `full` the log refuses (busy) · `no_responders` no stream takes the subject (closed for a
 * moment, or not set up) · `wrong_last` the fence was passed, `last` is the epoch subject's last sequence, 0 = none ·
 * `retry` the fence cannot be judged yet · `timeout` and `unknown` may have been stored · `not_sent` was not: the
 * connection is down or the window is full · `refused` any other refusal.
 */
export type PublishResult =
  | { readonly kind: "ok"; readonly stream: string; readonly sequence: number }
  | { readonly kind: "wrong_last"; readonly last: number }
  | { readonly kind: "full" | "refused"; readonly apiCode: number; readonly reason: string }
  | { readonly kind: "no_responders" | "retry" | "timeout" | "unknown" | "not_sent" };

/** One record to append. `headers` never name a message id. */
export interface LogMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: readonly (readonly [string, string])[];
}

/** The fence: stored only while `expectedLast` is the last sequence on `epochSubject` (0 = it has none). */
export interface EpochFence {
  readonly epochSubject: string;
  readonly expectedLast: number;
}

/** `windowMax` unanswered publishes at most (default 4,096), each bounded by `timeoutMs` (default 5,000). */
export interface LogWriterOptions {
  readonly connection: Connection;
  readonly windowMax?: number;
  readonly timeoutMs?: number;
}

type OnResult = (result: PublishResult) => void;

interface Waiting {
  readonly onResult: OnResult;
  /** The tick at which it is given up. */
  readonly lastTick: number;
}

/** A timeout is noticed within an eighth of itself. */
const TICKS_PER_TIMEOUT = 8;
/** 10077 carries the reason of the store; the others are limits of the account or the server. */
const FULL_CODES: ReadonlySet<number> = new Set([
  API_CODE.storeFailed,
  API_CODE.insufficientResources,
  API_CODE.memoryExceeded,
  API_CODE.storageExceeded,
]);
const RETRY_CODES: ReadonlySet<number> = new Set([
  API_CODE.wrongLastSequenceUnknown,
  API_CODE.duplicateInFlight,
]);

/** See the file header. */
export class LogWriter {
  readonly #connection: Connection;
  readonly #windowMax: number;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #timer: NodeJS.Timeout;
  readonly #unlisten: () => void;
  /** In the order sent, so the ones to give up are at the front. */
  readonly #waiting = new Map<number, Waiting>();
  #sent = 0;
  #tick = 0;
  #isClosed = false;

  constructor(options: LogWriterOptions) {
    const { connection } = options;
    this.#connection = connection;
    this.#windowMax = options.windowMax ?? 4_096;
    this.#inbox = `${connection.inbox()}.`;
    this.#subscription = connection.nc.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error === null) this.#onAnswer(message);
      },
    });
    this.#timer = setInterval(() => this.#onTick(), (options.timeoutMs ?? 5_000) / TICKS_PER_TIMEOUT);
    this.#unlisten = connection.onEvent((event) => {
      if (event.kind === "down" || event.kind === "closed") this.#endAll("unknown");
    });
  }

  /** How many more publishes the window takes now. */
  get room(): number {
    return this.#isClosed || !this.#connection.isUp() ? 0 : this.#windowMax - this.#waiting.size;
  }

  /** Unanswered publishes. */
  get unanswered(): number {
    return this.#waiting.size;
  }

  /**
   * Sends one record; `onResult` is called once, later, with what it came to.
   * Returns false, and sends and calls nothing, when there is no room (window full, connection down, closed).
   */
  send(message: LogMessage, onResult: OnResult): boolean {
    return this.#send(message, null, onResult);
  }

  /** `send` as a promise; without room the result is `not_sent`. Never rejects. */
  publish(message: LogMessage): Promise<PublishResult> {
    return new Promise((resolve) => {
      if (!this.#send(message, null, resolve)) resolve({ kind: "not_sent" });
    });
  }

  /** `publish` behind a fence: `wrong_last` and `retry` are its own results. Never rejects. */
  publishFenced(message: LogMessage, fence: EpochFence): Promise<PublishResult> {
    return new Promise((resolve) => {
      if (!this.#send(message, fence, resolve)) resolve({ kind: "not_sent" });
    });
  }

  /** Ends every unanswered publish as `unknown` and stops listening. The connection stays open. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#unlisten();
    if (!this.#connection.nc.isClosed()) this.#subscription.unsubscribe();
    this.#endAll("unknown");
  }

  #send(message: LogMessage, fence: EpochFence | null, onResult: OnResult): boolean {
    if (this.room <= 0) return false;
    this.#sent += 1;
    const id = this.#sent;
    this.#waiting.set(id, { onResult, lastTick: this.#tick + TICKS_PER_TIMEOUT });
    try {
      const headers = headersOf(message, fence);
      const reply = this.#inbox + id.toString(36);
      this.#connection.nc.publish(
        message.subject,
        message.data,
        headers === null ? { reply } : { reply, headers },
      );
    } catch (error) {
      // Too large for the server, or no subject: it was not sent. Told later, like every other result.
      queueMicrotask(() => this.#end(id, refused(0, errorText(error))));
    }
    return true;
  }

  #end(id: number, result: PublishResult): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.onResult(result);
  }

  #onAnswer(message: Msg): void {
    this.#end(Number.parseInt(message.subject.slice(this.#inbox.length), 36), resultIn(message));
  }

  #onTick(): void {
    this.#tick += 1;
    for (const [id, waiting] of this.#waiting) {
      if (waiting.lastTick >= this.#tick) return;
      this.#waiting.delete(id);
      waiting.onResult({ kind: "timeout" });
    }
  }

  #endAll(kind: "unknown"): void {
    const ended = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { onResult } of ended) onResult({ kind });
  }
}

function headersOf(message: LogMessage, fence: EpochFence | null): MsgHdrs | null {
  if (message.headers === undefined && fence === null) return null;
  const headers = emptyHeaders();
  for (const [name, value] of message.headers ?? []) headers.append(name, value);
  if (fence !== null) {
    headers.set("Nats-Expected-Last-Subject-Sequence", String(fence.expectedLast));
    headers.set("Nats-Expected-Last-Subject-Sequence-Subject", fence.epochSubject);
  }
  return headers;
}

function resultIn(message: Msg): PublishResult {
  if (message.data.length === 0)
    return message.headers?.code === 503 ? { kind: "no_responders" } : refused(0, "an empty answer");
  let answer: ReturnType<typeof objectIn>;
  try {
    answer = objectIn(message.json());
  } catch {
    return refused(0, "an answer that is no JSON");
  }
  const sequence = numberIn(answer, "seq");
  if (answer["error"] === undefined) {
    if (answer["duplicate"] === true)
      return refused(0, "the server took it for a duplicate and stored nothing");
    return sequence > 0
      ? { kind: "ok", stream: textIn(answer, "stream"), sequence }
      : refused(0, "an answer without a sequence");
  }
  const error = objectIn(answer["error"]);
  const apiCode = numberIn(error, "err_code");
  const reason = textIn(error, "description");
  if (apiCode === API_CODE.wrongLastSequence)
    return { kind: "wrong_last", last: Number(/\d+/.exec(reason)?.[0] ?? "0") };
  if (RETRY_CODES.has(apiCode)) return { kind: "retry" };
  return FULL_CODES.has(apiCode) ? { kind: "full", apiCode, reason } : refused(apiCode, reason);
}

function refused(apiCode: number, reason: string): PublishResult {
  return { kind: "refused", apiCode, reason };
}
