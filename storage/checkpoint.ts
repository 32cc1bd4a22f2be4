// Copies the write-ahead log into the file, between turns and never by itself, so that no COMMIT pays for it.
// Where a second thread copies ahead (storage/wal-copier), only the rest is left for here.
//
// The WAL's file is kept and written over from its beginning once all of it was copied: overwriting costs less
// per fsync than growing. It is cut only when a long reader made it huge. A reader that stays keeps the WAL
// growing: that is reported (`blocked`), never waited for.

import { statSync } from "node:fs";
import { WAL_FILE_BYTES_MAX } from "../protocol/limits.ts";
import type { Connection } from "./database.ts";

/** What a checkpoint did. */
export interface CheckpointReport {
  /** Bytes in the WAL that are not in the file yet. */
  readonly pendingBytes: number;
  /** Size of the WAL's file in bytes; 0 when nothing was done. */
  readonly fileBytes: number;
  readonly kind: "none" | "copied" | "cut";
  /** A reader keeps pages that could not be copied. */
  readonly blocked: boolean;
}

/** What SQLite says of the log, in frames. */
export interface WalState {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** Bytes of a frame: a page and its header. */
const FRAME_BYTES = 4096 + 24;

/** The WAL of one shard file. */
export class WalFile {
  readonly #path: string;
  readonly #noop;
  readonly #passive;
  readonly #truncate;
  #bytes = 0;

  constructor(database: Connection, path: string) {
    this.#path = `${path}-wal`;
    this.#noop = database.prepare<[], WalState>("PRAGMA wal_checkpoint(NOOP)");
    this.#passive = database.prepare<[], WalState>("PRAGMA wal_checkpoint(PASSIVE)");
    this.#truncate = database.prepare<[], WalState>("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Bytes that were not copied yet when it was last looked at. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Looks how much was not copied yet, in bytes; a few µs. */
  look(): number {
    this.#bytes = pendingOf(this.#noop.get());
    return this.#bytes;
  }

  /** Copies when at least `bytesMax` wait. Cost: a few µs when there is nothing to do, else about 1 ms a MiB. */
  checkpoint(bytesMax: number): CheckpointReport {
    if (this.look() < bytesMax)
      return { pendingBytes: this.#bytes, fileBytes: 0, kind: "none", blocked: false };
    this.#bytes = pendingOf(this.#passive.get());
    const blocked = this.#bytes > 0;
    let fileBytes = statSync(this.#path).size;
    if (blocked || fileBytes <= WAL_FILE_BYTES_MAX) {
      return { pendingBytes: this.#bytes, fileBytes, kind: "copied", blocked };
    }
    const isCut = this.#truncate.get()?.busy === 0;
    fileBytes = statSync(this.#path).size;
    return { pendingBytes: this.#bytes, fileBytes, kind: isCut ? "cut" : "copied", blocked: !isCut };
  }
}

/** Bytes that wait to be copied; `log` is -1 before the first write. */
export function pendingOf(state: WalState | undefined): number {
  return state ? Math.max(0, state.log - state.checkpointed) * FRAME_BYTES : 0;
}
