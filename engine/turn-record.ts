// A log record on its way through the turn: decoded, with its digest and the way back to whoever sent it.
// Made from the log's bytes alone, so that a replay makes the same one.

import type { Decoded } from "./record-decoder.ts";

/** See the file header. */
export interface TurnRecord extends Decoded {
  /** SHA-256 of the log record, 32 bytes. */
  readonly digest: Uint8Array;
}
