// The bounds of live events, and what happens at each; docs/live-events.md names those that a reader can meet.
// Does not own the times that an installation may choose otherwise: they are in LiveSettings, with their defaults here.
// Invariant: whatever a reader can make grow has a number here.

/** Streams of one gateway; the next is answered `busy`. */
export const STREAMS_MAX = 1_000;
/** Streams of one key, tickets of it included; the next is answered `busy`. */
export const STREAMS_PER_KEY_MAX = 100;
/** Owners of one stream, and of one ticket; more is `malformed`. */
export const STREAM_OWNERS_MAX = 100;
/** Wallets that a snapshot may show (about 250 bytes each); more is `too_large`: ask for fewer owners. */
export const SNAPSHOT_WALLETS_MAX = 1_000;
/** Bytes that may wait in a stream's socket when there is more to write; beyond it the stream is dropped. */
export const UNREAD_BYTES_MAX = 256 * 1024;
/** Changes that a stream holds back while its state is read; beyond it the stream is dropped. */
export const HELD_CHANGES_MAX = 4_000;
/** Streams whose state or gap is read at once; the next wait. */
export const SYNCS_MAX = 8;
/** How long a request waits for that, for its tenant's feed, and for a gap to be read, ms; then `busy`, or a snapshot. */
export const SYNC_WAIT_MS = 5_000;
/** Streams that may wait; those that come back beyond it get a snapshot in place of what they missed, which is cheaper. */
export const RESUMES_WAITING_MAX = 32;
/** Messages of the event stream that may lie behind a stream that comes back: 5 s of full load; beyond it a snapshot. */
export const RESUME_MESSAGES_MAX = 1_000;
/** Changes that are handed out before sockets get a turn to take what was written: some 30 KB. */
export const CHANGES_A_TURN = 64;
/** Pause before a feed or a state that could not be read is read again, ms. */
export const AGAIN_MS = 1_000;
/** How often keys and readers are looked at, ms, or more often when heartbeats are. */
export const LOOK_MS = 1_000;

/** What may be chosen, in ms. */
export interface LiveSettings {
  /** A stream that was silent for so long gets a comment. */
  readonly heartbeatMs: number;
  /** A stream whose socket takes nothing for so long is dropped. */
  readonly drainMs: number;
  /** A tenant's feed is kept for so long without streams. */
  readonly graceMs: number;
}

/** When nothing is chosen. */
export const LIVE_SETTINGS: LiveSettings = { heartbeatMs: 15_000, drainMs: 10_000, graceMs: 5_000 };
