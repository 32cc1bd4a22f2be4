// Keeps a shard's write-ahead log short without making a turn wait for it.
//
//   growing ──WAL_BYTES_MAX──► copying (other thread, turns go on) ──little left, or often enough──► rest ──► growing
//
// The rest is copied by the shard's own connection between two turns: only when everything is copied at one moment
// does SQLite start the log over. A reader that stays keeps the log growing; the next look tries again.

import { WAL_BYTES_MAX } from "../protocol/limits.ts";
import type { ShardFile } from "../storage/shard-file.ts";
import { StorageFault } from "../storage/storage-error.ts";
import type { CopyDesk } from "./copy-desk.ts";

/** A rest that is copied between two turns at once: 3 ms and one sync. */
const REST_BYTES_MAX = WAL_BYTES_MAX / 8;
/** Copies in a row; after them the rest is copied whatever its size. */
const COPIES_MAX = 3;

/** See the file header. */
export class WalPacer {
  readonly #file: ShardFile;
  readonly #desk: Pick<CopyDesk, "copy">;
  readonly #onFault: (error: unknown) => void;
  #isCopying = false;
  #isClosed = false;

  /** @param onFault the log could not be copied: the shard must stop */
  constructor(file: ShardFile, desk: Pick<CopyDesk, "copy">, onFault: (error: unknown) => void) {
    this.#file = file;
    this.#desk = desk;
    this.#onFault = onFault;
  }

  /** Looks whether the log is due; after each turn. */
  pace(): void {
    if (this.#isCopying || this.#isClosed || this.#file.pendingWalBytes() < WAL_BYTES_MAX) return;
    this.#isCopying = true;
    this.#copy().catch((error: unknown) => this.#onFailure(error));
  }

  /** Starts nothing any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Another connection may hold a lock for a moment; the log still has everything, so the next turn tries again. */
  #onFailure(error: unknown): void {
    if (this.#isClosed) return;
    if (error instanceof StorageFault && error.code === "busy") this.#isCopying = false;
    else this.#onFault(error);
  }

  async #copy(): Promise<void> {
    for (let copies = 0; copies < COPIES_MAX; copies += 1) {
      await this.#desk.copy(this.#file.path);
      if (this.#isClosed) return;
      if (this.#file.pendingWalBytes() <= REST_BYTES_MAX) break;
    }
    this.#file.checkpoint(0);
    this.#isCopying = false;
  }
}
