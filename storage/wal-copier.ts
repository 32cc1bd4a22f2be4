// Copies a shard's write-ahead log into its file over a connection of its own, so that another thread can do it
// while the shard's own connection goes on committing: SQLite lets one connection copy what another one wrote.
//
// Does not write a row, and does not start the log over: that is left to the writer, which copies the short rest
// between two turns (storage/checkpoint). Invariant: synced like the writer: the log before, the file after.

import { type Connection, openCopier } from "./database.ts";

/** See the file header. */
export class WalCopier {
  readonly #database: Connection;
  readonly #passive;

  /** Errors: `StorageRefused`, `StorageFault`. */
  constructor(path: string) {
    this.#database = openCopier(path);
    this.#passive = this.#database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /**
   * Copies what is committed by now, but for what a reader still needs; waits for the disk, about 1.5 ms of CPU a MiB.
   * Errors: SQLite's; nothing is lost then, the log still has everything.
   */
  copy(): void {
    this.#passive.get();
  }

  /** Closes the connection. */
  close(): void {
    this.#database.close();
  }
}
