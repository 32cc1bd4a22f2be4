// Copies a shard's write-ahead log into its file over a connection of its own, so that another thread can do it
// while the shard's own connection goes on committing: SQLite lets one connection copy what another one wrote.
//
// Does not write a row, and does not start the log over: that is left to the writer, which copies the short rest
// between two turns (storage/checkpoint). Invariant: synced like the writer: the log before, the file after.

import { pendingOf, type WalState } from "./checkpoint.ts";
import { type Connection, openCopier } from "./database.ts";
import { storageFaultOf } from "./storage-error.ts";

/** See the file header. */
export class WalCopier {
  readonly #database: Connection;
  readonly #passive;

  /** Errors: `StorageRefused`, `StorageFault`. */
  constructor(path: string) {
    this.#database = openCopier(path);
    this.#passive = this.#database.prepare<[], WalState>("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /**
   * Copies what is committed by now; waits for the disk, about 1.5 ms of CPU a MiB.
   * @returns bytes that were committed meanwhile or that a reader still needs
   * Errors: `StorageFault`; nothing is lost then, the log still has everything.
   */
  copy(): number {
    try {
      return pendingOf(this.#passive.get());
    } catch (error) {
      throw storageFaultOf(error) ?? error;
    }
  }

  /** Closes the connection. */
  close(): void {
    this.#database.close();
  }
}
