// Every bound of the engine in one place, with its unit and what happens when it is reached.
// Nothing in Coffer is unbounded; a new queue, cache, retry or page takes its bound from here.

/** Bytes of `code` in UTF-8; more is `too_large`. */
export const CODE_BYTES_MAX = 64;
/** Bytes of `ref` in UTF-8; more is `too_large`. */
export const REF_BYTES_MAX = 128;
/** Bytes of `reason` in UTF-8; more is `too_large`. */
export const REASON_BYTES_MAX = 256;
/** Bytes of `meta` as canonical JSON; more is `too_large`. */
export const META_BYTES_MAX = 2048;
/** Nesting of a command's JSON, `meta` included; deeper is `malformed`. */
export const JSON_DEPTH_MAX = 32;
/** Legs of a transfer; more is `legs_invalid`. */
export const LEGS_MAX = 64;
/** Commands in one message or frame; more refuses the whole message with `too_large`. */
export const COMMANDS_PER_MESSAGE_MAX = 1000;
/** Bytes of one message or frame; more refuses the whole message with `too_large`. */
export const MESSAGE_BYTES_MAX = 512 * 1024;
/** Characters of an id that is echoed although it is no UUID; longer ones are echoed as null. */
export const ECHOED_ID_CHARS_MAX = 64;
/** Time to live of a hold in ms; more is `ttl_invalid`. */
export const HOLD_TTL_MS_MAX = 31_536_000_000;
/** Wallets of one owner; the next open is `too_many_wallets`. */
export const WALLETS_PER_OWNER_MAX = 1000;

/** Bytes of one outgoing message (reply, frame, event); larger outputs are split below it. Half of the server's max_payload. */
export const OUTPUT_BYTES_MAX = 480 * 1024;
/** Records that one turn takes; the rest waits for the next turn. */
export const TURN_RECORDS_MAX = 1024;
/** Bytes of records that one turn takes (a record is never cut): about 2,500 framed transfers, 50 ms. */
export const TURN_BYTES_MAX = 256 * 1024;
/** Bytes of records read ahead of the turn; beyond it the reader stops granting flow control. */
export const READ_AHEAD_BYTES_MAX = 16 * 1024 * 1024;

/** Timers fired by one record; the rest follow with ticks. */
export const TIMERS_PER_RECORD_MAX = 1000;
/** Shard time in ms that a many-shard move waits for its votes. */
export const VOTE_TIMEOUT_MS = 30_000;
/** Least time in ms between two ticks that an idle owner appends. */
export const TICK_INTERVAL_MS_MIN = 250;
/** How far in ms a record's stamp may lie ahead of the owner's clock before the owner waits. */
export const CLOCK_AHEAD_MS_MAX = 10_000;

/** Wallet actors in memory per shard; the coldest are put away beyond it. */
export const WALLET_CACHE_MAX = 200_000;
/** Steps of one round over the wallets that wait to be written: rows lag two rounds behind the journal at most, and an opening after a kill reads them again. */
export const WALLET_ROUND_STEPS = 50_000;
/** Wallets per shard that wait to be written after a commit; beyond it a commit writes more of them. */
export const WALLETS_WAITING_MAX = 100_000;
/** Record hashes that the shard file keeps, counted in positions. */
export const RECORD_HASHES_KEPT = 100_000;
/** Items of one pair that may wait for the peer's acknowledgement on the wire; more wait in the outbox. */
export const PAIR_WINDOW_ITEMS = 20_000;
/** Items in one peer frame; what does not fit goes with the next. */
export const PEER_FRAME_ITEMS_MAX = 2000;
/** Items in one group of a pair; the next item of the record begins another group. */
export const ITEM_GROUP_MAX = 500;
/** Bytes of items in one group, beyond which the next item begins another; one item has at most 16 KiB. */
export const ITEM_GROUP_BYTES_MAX = 64 * 1024;
/** Items waiting in the outbox of one shard beyond which `coffer.call` answers `busy`. */
export const OUTBOX_ITEMS_BUSY = 200_000;

/** Calls that may wait for their outcome per shard; the next is answered `busy`. */
export const CALLS_WAITING_MAX = 10_000;
/** Reads that may wait per shard for a position or a tick; the next is answered `busy`. */
export const READS_WAITING_MAX = 10_000;
/** How long in ms a read waits for a position or a tick before it is answered `busy`. */
export const READ_WAIT_MS_MAX = 1000;
/** Entries in one page. */
export const ENTRIES_PAGE_MAX = 500;
/** Holds in one page. */
export const HOLDS_PAGE_MAX = 100;
/** Entries or holds in one page when the request names no limit. */
export const PAGE_DEFAULT = 50;
/** Replies kept between the COMMIT of a record before activation and the activation; older ones are dropped (callers ask by id). */
export const REPLIES_HELD_BYTES_MAX = 16 * 1024 * 1024;
/** Events kept in memory for publication per shard; beyond it they are read from the journal again. */
export const EVENTS_BUFFERED_MAX = 20_000;
/** Bytes of them; beyond it the same. */
export const EVENTS_BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
/** Events that are under way to the event stream at once per shard, in as many messages as their bytes need. */
export const EVENTS_UNDER_WAY_MAX = 5000;
/** Events wait for so long after a PubAck, in ms, so that they share a message; the first ones after a quiet time leave at once. */
export const EVENTS_PAUSE_MS = 20;
/** So many events wait no longer. */
export const EVENTS_EAGER_MIN = 1000;
/** Bytes of a shard's write-ahead log that are not copied into the file yet, at which the next pause between turns copies them. */
export const WAL_BYTES_MAX = 4 * 1024 * 1024;
/** Size in bytes of the write-ahead log's file beyond which it is cut, once everything in it is copied and nobody reads it. */
export const WAL_FILE_BYTES_MAX = 256 * 1024 * 1024;
