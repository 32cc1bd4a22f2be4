// What callers see of a feed of events. How it reads the stream is stream-feed.ts's.
// Guards against: types of the NATS library among those of this package.

import type { Event } from "../protocol/event.ts";

/** A feed of the tenant's events, made by `Coffer.events`. Iterate it once; `break` ends it. */
export interface EventFeed extends AsyncIterable<Event> {
  /**
   * Where the feed stands, to be stored after an event was dealt with and given back as `from`.
   * Empty text until the feed is open.
   */
  readonly position: string;
  /**
   * Fixes where the feed starts; iterating does it by itself. Call it before reading a state that the events are to
   * be applied to: everything after that state is then in the feed.
   * Errors: CofferUnreachable, CofferClosed.
   */
  open(): Promise<void>;
  /** Ends the feed from outside; the iteration finishes. */
  stop(): void;
  /** Events as they come. Errors thrown to the iterating loop: CofferEventsGone, CofferUnreachable, CofferAnswerInvalid. */
  [Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined>;
}
