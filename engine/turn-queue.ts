// The input gate of one shard: log records in order, waiting for their turn, with the moment at which each was
// read. Bounded in bytes: the reader asks `hasRoom` before it grants the server more flow control, so memory stays bounded at any backlog.

import type { LogRecord } from "../cluster/log-record.ts";
import { READ_AHEAD_BYTES_MAX, TURN_BYTES_MAX, TURN_RECORDS_MAX } from "../protocol/limits.ts";

/** Bytes that a queued record costs beyond its body. */
const RECORD_OVERHEAD_BYTES = 512;

/** A record that waits. */
export interface QueuedRecord {
  readonly log: LogRecord;
  /** When it was read: monotonic time in ms. */
  readonly receivedMs: number;
}

/** A first-in first-out queue with a byte count. */
export class TurnQueue {
  #records: QueuedRecord[] = [];
  #head = 0;
  #bytes = 0;

  /** Records waiting. */
  get length(): number {
    return this.#records.length - this.#head;
  }

  /** Whether the reader may go on. */
  get hasRoom(): boolean {
    return this.#bytes < READ_AHEAD_BYTES_MAX;
  }

  /** The next record, or undefined. */
  get next(): LogRecord | undefined {
    return this.#records[this.#head]?.log;
  }

  /** Adds a record at the end. */
  push(record: QueuedRecord): void {
    this.#records.push(record);
    this.#bytes += costOf(record);
  }

  /**
   * Takes what one turn may hold.
   * @param recordsMax at most so many records, at most {@link TURN_RECORDS_MAX}
   * @param stampMaxMs stops before a record that is stamped later
   * @returns at least one record unless the queue is empty or the first one is stamped too late
   */
  take(recordsMax: number, stampMaxMs: number): QueuedRecord[] {
    const taken: QueuedRecord[] = [];
    const countMax = Math.min(recordsMax, TURN_RECORDS_MAX);
    let bytes = 0;
    while (taken.length < countMax) {
      const record = this.#records[this.#head];
      if (!record || record.log.timestampMs > stampMaxMs) break;
      const cost = costOf(record);
      if (taken.length > 0 && bytes + cost > TURN_BYTES_MAX) break;
      bytes += cost;
      taken.push(record);
      this.#head += 1;
    }
    this.#bytes -= bytes;
    this.#compact();
    return taken;
  }

  /** Puts records back in front, in their order. */
  putBack(records: readonly QueuedRecord[]): void {
    this.#records = [...records, ...this.#records.slice(this.#head)];
    this.#head = 0;
    for (const record of records) this.#bytes += costOf(record);
  }

  /** Forgets everything. */
  clear(): void {
    this.#records = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #compact(): void {
    if (this.#head < 1024 && this.#head < this.#records.length) return;
    this.#records = this.#records.slice(this.#head);
    this.#head = 0;
  }
}

function costOf({ log }: QueuedRecord): number {
  return log.data.length + RECORD_OVERHEAD_BYTES;
}
