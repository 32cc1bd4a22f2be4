// A feed of a tenant's events, from all shards, for as long as the caller iterates: in order per shard, each once,
// across reconnects and (by its position) across restarts of the caller.
//
//   position ► reader of the event stream from there ► judge each message ► hand out what is new ► position
//        ▲                                   │ link down, reader broken, first gap
//        └───────────────────────────────────┘ a fresh reader from the position
//
// A gap that a fresh reader shows again, and a stream that starts later than the position, end the feed with
// CofferEventsGone. Nothing is skipped in silence.
// Does not own: what callers see of a feed (event-feed.ts).

import {
  type ConsumerMessages,
  DeliverPolicy,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { decodeEventMessage, type Event } from "../protocol/event.ts";
import type { TenantName } from "../protocol/names.ts";
import { EVENT_STREAM, eventSubjectsOf } from "../protocol/subject.ts";
import { CofferError, CofferEventsGone, CofferUnreachable, reasonText } from "./errors.ts";
import type { EventFeed } from "./event-feed.ts";
import { EventPosition } from "./event-position.ts";
import type { Link } from "./link.ts";
import { delay } from "./reader.ts";

/** Messages that are read ahead of the caller. */
const READ_AHEAD_MESSAGES = 200;
/** How long an unused reader lives on the server, ns. */
const IDLE_READER_NS = 30_000_000_000;
/** Pause before a broken reader is replaced, ms. */
const PAUSE_MS = 100;
const STREAM_NOT_FOUND = 10_059;

/** What a feed works with. */
export interface FeedParts {
  readonly link: Link;
  readonly tenant: TenantName;
  /** Throws when the client may not be used any more. */
  assertOpen(): void;
  isClosed(): boolean;
  onProblem(text: string): void;
  /** Feeds that are open; they are stopped when the client is closed. */
  readonly feeds: Set<EventFeed>;
}

/** Where a feed starts: behind what comes now, at the oldest kept event, or where another feed stood. */
export type FeedStart = "now" | "start" | EventPosition;

/** See the file header, and EventFeed for what each member does. */
export class StreamFeed implements EventFeed {
  readonly #parts: FeedParts;
  readonly #start: FeedStart;
  #position: EventPosition | null = null;
  #messages: ConsumerMessages | null = null;
  #isDone = false;

  constructor(parts: FeedParts, start: FeedStart) {
    this.#parts = parts;
    this.#start = start;
  }

  get position(): string {
    return this.#position?.text() ?? "";
  }

  async open(): Promise<void> {
    if (this.#position !== null || this.#isDone) return;
    this.#parts.feeds.add(this);
    this.#position = await this.#startPosition();
  }

  stop(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#messages?.stop();
    this.#parts.feeds.delete(this);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    try {
      await this.open();
      let gap: string | null = null;
      while (this.#isWanted()) {
        const found: string | null = yield* this.#readFresh();
        if (found !== null && found === gap) throw new CofferEventsGone(null, found);
        gap = found;
        if (this.#isWanted()) await delay(PAUSE_MS);
      }
    } finally {
      this.stop();
    }
  }

  #isWanted(): boolean {
    return !this.#isDone && !this.#parts.isClosed();
  }

  /** Reads with a fresh reader until it ends; gives the gap that it met, if any. */
  async *#readFresh(): AsyncGenerator<Event, string | null, undefined> {
    const messages = await this.#readerFromHere();
    if (messages === null) return null;
    this.#messages = messages;
    try {
      for await (const message of messages) {
        const decoded = decodeEventMessage(message.data);
        if (!decoded.ok)
          throw new CofferError("answer_invalid", `An event message could not be read: ${decoded.error}.`);
        const position = this.#here();
        const judged = position.judge(decoded.value);
        if (judged.kind === "gap") return judged.detail;
        for (const event of judged.events) {
          position.handedOut(event);
          yield event;
          if (!this.#isWanted()) return null;
        }
        position.sequence = message.seq;
      }
    } catch (thrown) {
      if (thrown instanceof CofferError) throw thrown;
      this.#parts.onProblem(`the reader of events broke: ${reasonText(thrown)}`);
    } finally {
      messages.stop();
      this.#messages = null;
    }
    return null;
  }

  /** A reader that starts behind the position; null when there is none to be had now. */
  async #readerFromHere(): Promise<ConsumerMessages | null> {
    const nc = this.#parts.link.connection;
    if (nc === null) return null;
    try {
      const { firstSequence, lastSequence } = await streamState(nc);
      const here = this.#here();
      if (lastSequence < here.sequence) here.sequence = 0;
      else if (firstSequence > here.sequence + 1 && !this.#isAtStart()) {
        throw new CofferEventsGone(
          null,
          `the stream starts at message ${firstSequence}, this reader stood at ${here.sequence}.`,
        );
      }
      const consumer = await jetstream(nc).consumers.get(EVENT_STREAM, {
        filter_subjects: eventSubjectsOf(this.#parts.tenant),
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: Math.max(here.sequence + 1, firstSequence),
        inactive_threshold: IDLE_READER_NS,
      });
      return await consumer.consume({ max_messages: READ_AHEAD_MESSAGES });
    } catch (thrown) {
      if (thrown instanceof CofferError) throw thrown;
      this.#parts.onProblem(`events cannot be read at the moment: ${reasonText(thrown)}`);
      return null;
    }
  }

  async #startPosition(): Promise<EventPosition> {
    if (this.#start instanceof EventPosition) return this.#start;
    for (;;) {
      this.#parts.assertOpen();
      const nc = this.#parts.link.connection;
      const state = nc === null ? null : await streamState(nc).catch(missingStream);
      if (state !== null) return new EventPosition(this.#start === "now" ? state.lastSequence : 0);
      await delay(PAUSE_MS);
    }
  }

  /** Whether nothing was handed out and the caller asked for whatever is kept. */
  #isAtStart(): boolean {
    return this.#start === "start" && this.#here().sequence === 0;
  }

  #here(): EventPosition {
    if (this.#position === null) throw new CofferError("closed", "The feed is not open.");
    return this.#position;
  }
}

async function streamState(nc: NatsConnection): Promise<{ firstSequence: number; lastSequence: number }> {
  const manager = await jetstreamManager(nc, { checkAPI: false });
  const { state } = await manager.streams.info(EVENT_STREAM);
  return { firstSequence: state.first_seq, lastSequence: state.last_seq };
}

/** A stream that does not exist ends the feed; everything else may pass. */
function missingStream(thrown: unknown): null {
  if (thrown instanceof JetStreamApiError && thrown.code === STREAM_NOT_FOUND) {
    throw new CofferUnreachable(
      "There is no event stream: the engine runs without events, or is not set up.",
      thrown,
    );
  }
  return null;
}
