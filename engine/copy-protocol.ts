// What a worker and the copying thread tell each other over their port: plain data. Orders of one worker are done
// in the order in which they came.

import type { StorageFaultCode } from "../storage/storage-error.ts";

/** What a list of the node's threads shows it as; the system keeps 15 characters. */
export const COPYING_THREAD = "coffer-copy";

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
  /** What the environment did; null = nothing. */
  readonly fault: { readonly code: StorageFaultCode; readonly message: string } | null;
}
