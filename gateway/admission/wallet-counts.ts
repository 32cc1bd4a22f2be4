// Counts the unanswered commands of each wallet, so that a hot one cannot fill the window.
// Beyond the cap a command gets 503, not 429: the callers of a hot wallet need not have done anything too often, and
// there is no quota that a RateLimit field could tell them.
// Invariant: a wallet is counted while it has unanswered commands and forgotten with the last one.

import assert from "node:assert/strict";

/** See the file header. Names tell wallets of all tenants apart. */
export class WalletCounts {
  readonly #walletsMax: number;
  readonly #slots = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #counts: Int32Array;
  readonly #free: Int32Array;
  #freed = 0;

  constructor(walletsMax: number) {
    this.#walletsMax = walletsMax;
    this.#counts = new Int32Array(walletsMax);
    this.#free = new Int32Array(walletsMax);
  }

  /** Wallets with unanswered commands. */
  get size(): number {
    return this.#slots.size;
  }

  /** Unanswered commands of a wallet. */
  count(wallet: string): number {
    const slot = this.#slots.get(wallet);
    return slot === undefined ? 0 : (this.#counts[slot] ?? 0);
  }

  /** Whether there is room for so many wallets that are not counted yet. */
  hasRoom(wallets: number): boolean {
    return this.#slots.size + wallets <= this.#walletsMax;
  }

  /** Counts one command more. @returns the wallet's place, for `giveBack`. The caller has seen that there is room. */
  take(wallet: string): number {
    const known = this.#slots.get(wallet);
    const slot = known ?? this.#place(wallet);
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    return slot;
  }

  /** Counts one command less. */
  giveBack(slot: number): void {
    const left = (this.#counts[slot] ?? 0) - 1;
    assert.ok(left >= 0, "no more comes back than was taken");
    this.#counts[slot] = left;
    if (left > 0) return;
    this.#slots.delete(this.#names[slot] ?? "");
    this.#free[this.#freed] = slot;
    this.#freed += 1;
  }

  #place(wallet: string): number {
    assert.ok(this.#slots.size < this.#walletsMax, "the caller has seen that there is room");
    let slot = this.#names.length;
    if (this.#freed > 0) {
      this.#freed -= 1;
      slot = this.#free[this.#freed] ?? slot;
    }
    this.#names[slot] = wallet;
    this.#slots.set(wallet, slot);
    return slot;
  }
}
