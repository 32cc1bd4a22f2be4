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
import { decodeEventMessage, type Event, type EventId } from "../protocol/event.ts";
import { decodeWantedEvents } from "../protocol/event-scan.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import { EVENT_STREAM, eventSubjectsOf } from "../protocol/subject.ts";
import { CofferClosed, CofferError, CofferEventsGone, CofferUnreachable, reasonText } from "./errors.ts";
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

/** What a feed hands out; see EventFeedOptions. */
export interface FeedRange {
  readonly start: FeedStart;
  readonly isWanted: ((owner: OwnerName) => boolean) | null;
  readonly catchUpMax: number | null;
}

/** See the file header, and EventFeed for what each member does. */
export class StreamFeed implements EventFeed {
  readonly #parts: FeedParts;
  readonly #range: FeedRange;
  #position: EventPosition | null = null;
  #messages: ConsumerMessages | null = null;
  /** The message that ends a feed that only catches up; null before it is known, and for feeds that go on. */
  #end: number | null = null;
  #isDone = false;

  constructor(parts: FeedParts, range: FeedRange) {
    this.#parts = parts;
    this.#range = range;
  }

  get position(): string {
    return this.#position?.text() ?? "";
  }

  get sequence(): number {
    return this.#position?.sequence ?? 0;
  }

  last(shard: number): EventId | null {
    return this.#position?.last(shard) ?? null;
  }

  async open(): Promise<void> {
    if (this.#position !== null || this.#isDone) return;
    this.#parts.feeds.add(this);
    try {
      this.#position = await this.#startPosition();
    } catch (thrown) {
      this.#parts.feeds.delete(this);
      throw thrown;
    }
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
    const { isWanted } = this.#range;
    try {
      for await (const message of messages) {
        const { data, seq } = message;
        const decoded = isWanted === null ? decodeEventMessage(data) : decodeWantedEvents(data, isWanted);
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
        position.through(decoded.value, seq);
        if (this.#end !== null && (seq >= this.#end || message.info.pending === 0)) this.stop();
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
      this.#boundCatchUp(lastSequence - here.sequence, lastSequence);
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
      if (this.#end !== null && (await consumer.info(true)).num_pending === 0) {
        this.stop();
        return null;
      }
      return await consumer.consume({ max_messages: READ_AHEAD_MESSAGES });
    } catch (thrown) {
      if (thrown instanceof CofferError) throw thrown;
      this.#parts.onProblem(`events cannot be read at the moment: ${reasonText(thrown)}`);
      return null;
    }
  }

  /** For a feed that only catches up: where it ends. Errors: CofferEventsGone when that is too far or not ahead. */
  #boundCatchUp(messages: number, lastSequence: number): void {
    const { catchUpMax } = this.#range;
    if (catchUpMax === null) return;
    this.#end ??= lastSequence;
    if (messages < 0) throw new CofferEventsGone(null, "the position is not one of this stream.");
    if (messages <= catchUpMax) return;
    throw new CofferEventsGone(
      null,
      `${messages} messages lie behind the position, the bound is ${catchUpMax}.`,
    );
  }

  async #startPosition(): Promise<EventPosition> {
    const { start } = this.#range;
    if (start instanceof EventPosition) return start;
    for (;;) {
      this.#parts.assertOpen();
      if (this.#isDone) throw new CofferClosed();
      const nc = this.#parts.link.connection;
      const state = nc === null ? null : await streamState(nc).catch(missingStream);
      if (state !== null) return new EventPosition(start === "now" ? state.lastSequence : 0);
      await delay(PAUSE_MS);
    }
  }

  /** Whether nothing was handed out and the caller asked for whatever is kept. */
  #isAtStart(): boolean {
    return this.#range.start === "start" && this.#here().sequence === 0;
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
