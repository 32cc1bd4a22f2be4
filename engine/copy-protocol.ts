// What a worker and the copying thread tell each other over their port: plain data. Orders of one worker are done
// in the order in which they came.

import type { StorageFaultCode } from "../storage/storage-error.ts";

/** From a worker: copy the log of a shard file once, or let go of the file. */
export interface CopyOrder {
  readonly kind: "copy" | "close";
  readonly path: string;
  /** Comes back with the answer. */
  readonly number: number;
}

/** From the copying thread. */
export interface CopyAnswer {
  readonly number: number;
  /** Bytes that were not copied. */
  readonly pendingBytes: number;
  /** What the environment did; null = nothing. */
  readonly fault: { readonly code: StorageFaultCode; readonly message: string } | null;
}
