// What callers see of a feed of events. How it reads the stream is stream-feed.ts's.
// Guards against: types of the NATS library among those of this package.

import type { Event, EventId } from "../protocol/event.ts";
import type { OwnerName } from "../protocol/names.ts";

/** What a feed is asked for. */
export interface EventFeedOptions {
  /** `now` (default), `start` (the oldest event that is kept), or the `position` of an earlier feed. */
  readonly from?: string;
  /**
   * Asked for each owner of each event as it comes, with wallets of the event: events that touch no wanted owner are
   * passed over, at about a tenth of the cost. Must not throw. Default: all are wanted.
   */
  readonly isWanted?: (owner: OwnerName) => boolean;
  /**
   * Hand out what the stream holds now and end. The position may lie so many messages of the stream back; what lies
   * further back, or belongs to another stream, is CofferEventsGone. Default: go on for ever.
   */
  readonly catchUpMax?: number;
}

/** A feed of the tenant's events, made by `Coffer.events`. Iterate it once; `break` ends it. */
export interface EventFeed extends AsyncIterable<Event> {
  /**
   * Where the feed stands, to be stored after an event was dealt with and given back as `from`.
   * Empty text until the feed is open.
   */
  readonly position: string;
  /** The message of the event stream that the feed is through with; 0 = none. */
  readonly sequence: number;
  /** The last event of a shard that the feed handed out or passed over; null when there was none since it began. */
  last(shard: number): EventId | null;
  /**
   * Fixes where the feed starts; iterating does it by itself. Call it before reading a state that the events are to
   * be applied to: everything after that state is then in the feed.
   * Errors: CofferUnreachable, CofferClosed.
   */
  open(): Promise<void>;
  /** Ends the feed from outside; the iteration finishes, and an `open` that still waits rejects. */
  stop(): void;
  /** Events as they come. Errors thrown to the iterating loop: CofferEventsGone, CofferUnreachable, CofferAnswerInvalid. */
  [Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined>;
}
