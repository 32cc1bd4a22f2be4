/**
 * Reads a shard's log in strictly dense order from a given sequence, for as long as it is wanted.
 *
 * How: a push consumer with flow control and no acks (the fastest way to read), ephemeral and in the server's memory. It
 * is disposable: after a gap, missed heartbeats, a reconnect or its deletion a new one starts at the next wanted sequence.
 *
 *   start ──► attaching ──(stream checked, consumer made)──► reading ──► stopped | failed
 *                 ▲                                              │
 *                 └── gap · heartbeats missed · reconnect ───────┘
 *
 * Invariant: `onRecord` sees every sequence exactly once, each one higher by exactly 1 than the one before.
 * Bounded memory: while the receiver has no room, the answer to the server's flow control is kept back, and the server
 * stops sending. What is on its way by then (at most 32 MiB, the server's window) still arrives.
 * Guards against: a cursor of the server's that counts what was sent instead of what was applied, and a log that lies:
 * a hole, a lost head or a cut tail is an error, never silence.
 */
import type { Msg, Subscription } from "@nats-io/transport-node";
import { ClusterError, errorText } from "./cluster-error.ts";
import type { Connection } from "./connection.ts";
import { requestApi, textIn } from "./jetstream-api.ts";
import type { Delivery, LogRecord } from "./log-record.ts";
import { deliveryIn } from "./log-record.ts";
import type { StreamIdentity } from "./streams.ts";
import { readStreamIdentity } from "./streams.ts";

/** The server sends a heartbeat after this much silence, ms. */
export const HEARTBEAT_MS = 1_000;
/** After this many silent heartbeats the consumer is made again. */
const HEARTBEATS_MISSED_MAX = 3;
/** The server removes a consumer that nobody listens to after this time, ms. */
const INACTIVE_MS = 15_000;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 2_000;
/** Where the server expects the answer to its flow control; nothing else is ever answered. */
const FLOW_PREFIX = "$JS.FC.";
const NS_PER_MS = 1_000_000;

/** What to read and whom to tell. The callbacks are called one at a time and must not block. */
export interface LogReaderOptions {
  readonly connection: Connection;
  readonly stream: string;
  /** The first sequence wanted: the position in SQLite plus 1. */
  readonly fromSequence: number;
  readonly onRecord: (record: LogRecord) => void;
  /**
   * The log cannot be read on; the reader has stopped. ClusterError `log_gap` (the head or the middle is missing),
   * `log_short` (it ends before what was read), `stream_missing`, or whatever `onAttach` or `onRecord` threw.
   */
  readonly onError: (error: unknown) => void;
  /**
   * Called with the stream's identity before each (new) consumer; a rejection stops the reader, or makes it try again
   * when it is a retryable ClusterError. Compare nonce and hash here. After a reconnect a second call may begin while
   * the first one still waits; the first one's result is then ignored.
   */
  readonly onAttach?: (identity: StreamIdentity) => Promise<void> | void;
  /** Called once for each consumer made again, with the reason. */
  readonly onReattach?: (reason: string) => void;
}

type ReaderState = "new" | "attaching" | "reading" | "stopped" | "failed";

/** See the file header. Not reusable after `stop` or an error. */
export class LogReader {
  readonly #options: LogReaderOptions;
  #state: ReaderState = "new";
  #next: number;
  /** Each consumer has a number; callbacks of earlier ones are ignored. */
  #attempt = 0;
  #subscription: Subscription | null = null;
  #consumer: string | null = null;
  #delivered = 0;
  #isPaused = false;
  /** Where the flow control answer goes that is kept back while paused. */
  #flowReply: string | null = null;
  #heard = false;
  #silentBeats = 0;
  #retryMs = RETRY_MS_MIN;
  #beat: NodeJS.Timeout | null = null;
  #retry: NodeJS.Timeout | null = null;
  #unlisten: (() => void) | null = null;

  constructor(options: LogReaderOptions) {
    this.#options = options;
    this.#next = options.fromSequence;
  }

  /** The sequence that comes next. */
  get nextSequence(): number {
    return this.#next;
  }

  get state(): ReaderState {
    return this.#state;
  }

  /** Starts reading; records follow through `onRecord`. Once only. */
  start(): void {
    if (this.#state !== "new") return;
    this.#unlisten = this.#options.connection.onEvent((event) => {
      if (event.kind === "up") this.#attach("the connection was lost");
      if (event.kind === "closed" && this.#isLive()) {
        this.#fail(
          new ClusterError(
            "nats_unreachable",
            `The connection of the log's reader was closed: ${event.text}`,
          ),
        );
      }
    });
    this.#beat = setInterval(() => this.#onBeat(), HEARTBEAT_MS);
    this.#attach(null);
  }

  /** The receiver is full: the server is not asked for more. Records on their way still arrive. */
  pause(): void {
    this.#isPaused = true;
  }

  /** The receiver has room again. */
  resume(): void {
    this.#isPaused = false;
    this.#answerFlow();
  }

  /** Ends reading; no callback comes after the call. Returns when the server has been told (bounded, never throws). */
  async stop(): Promise<void> {
    if (this.#state !== "failed") this.#state = "stopped";
    await this.#release();
  }

  #isLive(): boolean {
    return this.#state === "attaching" || this.#state === "reading";
  }

  #attach(reason: string | null): void {
    if (this.#state !== "new" && !this.#isLive()) return;
    this.#state = "attaching";
    this.#attempt += 1;
    const attempt = this.#attempt;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    void this.#dropConsumer();
    if (reason !== null) this.#options.onReattach?.(reason);
    this.#makeConsumer(attempt).then(
      () => {
        if (attempt !== this.#attempt || !this.#isLive()) return;
        this.#retryMs = RETRY_MS_MIN;
        this.#state = "reading";
      },
      (error: unknown) => {
        if (attempt !== this.#attempt || !this.#isLive()) return;
        if (error instanceof ClusterError && error.retryable) this.#attachLater(errorText(error));
        else this.#fail(error);
      },
    );
  }

  #attachLater(reason: string): void {
    if (this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#attach(reason);
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  async #makeConsumer(attempt: number): Promise<void> {
    const { connection, stream, onAttach } = this.#options;
    const identity = await readStreamIdentity(connection.nc, stream);
    if (identity === null)
      throw new ClusterError("stream_missing", `Stream ${stream} does not exist.`, { facts: { stream } });
    // The receiver judges first whether this is its stream at all: how far another one reaches says nothing.
    await onAttach?.(identity);
    if (attempt !== this.#attempt || !this.#isLive()) return;
    this.#checkReach(identity);
    const inbox = connection.inbox();
    this.#delivered = 0;
    this.#silentBeats = 0;
    this.#subscription = connection.nc.subscribe(inbox, {
      callback: (error, message) => this.#onMessage(attempt, error, message),
    });
    const made = await requestApi(connection.nc, `CONSUMER.CREATE.${stream}`, {
      stream_name: stream,
      config: {
        deliver_subject: inbox,
        deliver_policy: "by_start_sequence",
        opt_start_seq: this.#next,
        ack_policy: "none",
        replay_policy: "instant",
        max_deliver: 1,
        flow_control: true,
        idle_heartbeat: HEARTBEAT_MS * NS_PER_MS,
        inactive_threshold: INACTIVE_MS * NS_PER_MS,
        mem_storage: true,
        num_replicas: 1,
      },
    });
    const name = textIn(made, "name");
    if (attempt === this.#attempt && this.#isLive()) this.#consumer = name;
    else await this.#deleteConsumer(name);
  }

  /** The server quietly moves a start sequence into the range that it has; so the range is looked at first. */
  #checkReach(identity: StreamIdentity): void {
    const { firstSequence, lastSequence } = identity;
    if (lastSequence < this.#next - 1) throw this.#short(lastSequence);
    if (firstSequence > this.#next) throw this.#gap(firstSequence);
  }

  #short(found: number): ClusterError {
    const { stream } = this.#options;
    const message = `Stream ${stream} is at record ${found}, but ${this.#next - 1} has been read from it.`;
    return new ClusterError("log_short", message, {
      facts: { stream, found: String(found), next: String(this.#next) },
    });
  }

  #gap(found: number): ClusterError {
    const { stream } = this.#options;
    return new ClusterError(
      "log_gap",
      `Stream ${stream} has no record ${this.#next}; the next one that it has is ${found}.`,
      {
        facts: { stream, next: String(this.#next), found: String(found) },
      },
    );
  }

  #onMessage(attempt: number, error: Error | null, message: Msg): void {
    if (attempt !== this.#attempt || !this.#isLive()) return;
    if (error !== null) {
      this.#attachLater(error.message);
      return;
    }
    this.#heard = true;
    try {
      const delivery = deliveryIn(message);
      if (delivery === null) this.#onStatus(message);
      else this.#onDelivery(delivery);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #onDelivery({ delivered, record }: Delivery): void {
    const wanted = this.#delivered + 1;
    this.#delivered = delivered;
    if (delivered !== wanted) {
      this.#attach(`deliveries ${wanted} to ${delivered - 1} were lost`);
    } else if (record.sequence === this.#next) {
      this.#next += 1;
      this.#options.onRecord(record);
    } else {
      // Deliveries are dense, so a sequence that is not the wanted one is a fault of the log itself.
      this.#fail(record.sequence > this.#next ? this.#gap(record.sequence) : this.#short(record.sequence));
    }
  }

  #onStatus(message: Msg): void {
    const { headers, reply } = message;
    const flowReply = reply || headers?.get("Nats-Consumer-Stalled") || "";
    const last = headers?.get("Nats-Last-Consumer") ?? "";
    if (flowReply.startsWith(FLOW_PREFIX)) {
      this.#flowReply = flowReply;
      if (!this.#isPaused) this.#answerFlow();
    } else if (headers?.code === 409) {
      this.#attach(`the server ended the consumer: ${headers.description}`);
    } else if (last !== "" && Number(last) !== this.#delivered) {
      this.#attach(`deliveries after ${this.#delivered} were lost`);
    }
  }

  #answerFlow(): void {
    if (this.#flowReply === null || !this.#isLive()) return;
    const subject = this.#flowReply;
    this.#flowReply = null;
    if (!this.#options.connection.nc.isClosed()) this.#options.connection.nc.publish(subject);
  }

  #onBeat(): void {
    if (this.#state !== "reading" || !this.#options.connection.isUp()) return;
    this.#silentBeats = this.#heard ? 0 : this.#silentBeats + 1;
    this.#heard = false;
    if (this.#silentBeats >= HEARTBEATS_MISSED_MAX) this.#attach("no heartbeat came");
  }

  #fail(error: unknown): void {
    this.#state = "failed";
    void this.#release();
    this.#options.onError(error);
  }

  async #release(): Promise<void> {
    this.#attempt += 1;
    this.#unlisten?.();
    this.#unlisten = null;
    if (this.#beat !== null) clearInterval(this.#beat);
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#beat = null;
    this.#retry = null;
    await this.#dropConsumer();
  }

  async #dropConsumer(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = null;
    this.#flowReply = null;
    this.#subscription?.unsubscribe();
    this.#subscription = null;
    if (consumer !== null) await this.#deleteConsumer(consumer);
  }

  /** A courtesy: the server removes it by itself after INACTIVE_MS. */
  async #deleteConsumer(consumer: string): Promise<void> {
    const { connection, stream } = this.#options;
    if (connection.isUp())
      await requestApi(connection.nc, `CONSUMER.DELETE.${stream}.${consumer}`, {}).catch(() => undefined);
  }
}
