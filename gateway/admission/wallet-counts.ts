// Counts the unanswered commands of each wallet, so that a hot one cannot fill the window.
// Beyond the cap a command gets 503, not 429: the callers of a hot wallet need not have done anything too often, and
// there is no quota that a RateLimit field could tell them.
// A wallet has a place in a table, by the hash of its name; two that share a place share a count. So counting makes no
// garbage and needs no bound, and of 65,536 wallets one has less room while a certain one is hot.
// Invariant: a count is at least the true one of each wallet that has it.

import assert from "node:assert/strict";
import { hashText } from "../../protocol/shard-map.ts";

/** Places of the table; a power of two. */
const PLACES = 65_536;

/** See the file header. */
export class WalletCounts {
  readonly #counts = new Int32Array(PLACES);

  /** The place of a wallet. Names tell wallets of all tenants apart. */
  placeOf(wallet: string): number {
    return hashText(wallet) & (PLACES - 1);
  }

  /** Unanswered commands at a place. */
  count(place: number): number {
    return this.#counts[place] ?? 0;
  }

  /** Counts one command more. */
  take(place: number): void {
    this.#counts[place] = this.count(place) + 1;
  }

  /** Counts one command less. */
  giveBack(place: number): void {
    const left = this.count(place) - 1;
    assert.ok(left >= 0, "no more comes back than was taken");
    this.#counts[place] = left;
  }
}
