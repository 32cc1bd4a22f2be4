// The wallet actors of one shard that are in memory. Owns which of them stay; does not own loading, flushing
// or any of a wallet's fields but `warm`. Wallets are put away only by `trim`, which the ledger calls between
// turns: one that were put away while a decision still holds it would be loaded a second time, and one of the
// two copies would lose its change. For the same reason a dirty wallet always stays.
//
// Second chance (Corbató, "A Paging Experiment with the Multics System", 1968): a hit costs two map look-ups
// and one flag; a hand goes round the ring, cools what is warm and puts away what is cold.

import { assert } from "../protocol/assert.ts";
import { WALLET_CACHE_MAX } from "../protocol/limits.ts";
import type { TenantName, WalletName } from "../protocol/names.ts";
import type { Wallet } from "./wallet.ts";

/** See the file header. */
export class WalletCache {
  readonly walletsMax: number;
  readonly #tenants = new Map<TenantName, Map<WalletName, Wallet>>();
  readonly #ring: Wallet[] = [];
  #hand = 0;
  /** The tenant asked for last, and its wallets. */
  #lastTenant: TenantName | null = null;
  #lastWallets: Map<WalletName, Wallet> | undefined;

  /** @param walletsMax how many wallets stay after a trim, at least 1 */
  constructor(walletsMax: number = WALLET_CACHE_MAX) {
    assert(walletsMax >= 1, "a wallet cache holds at least one wallet");
    this.walletsMax = walletsMax;
  }

  /** Number of wallets in memory; above `walletsMax` until the next trim. */
  get size(): number {
    return this.#ring.length;
  }

  /** @returns the wallet, which counts as used now, or `undefined` when it is not in memory. O(1). */
  get(tenant: TenantName, name: WalletName): Wallet | undefined {
    const wallet = this.#walletsOf(tenant)?.get(name);
    if (wallet) wallet.warm = true;
    return wallet;
  }

  /** The wallet, or `undefined` when it is not in memory; does not count as use. */
  peek(tenant: TenantName, name: WalletName): Wallet | undefined {
    return this.#walletsOf(tenant)?.get(name);
  }

  /**
   * Adds a wallet that was loaded or made, as a cold one: only a second use makes it warm, so that a sweep over
   * many wallets does not push out those that are used all the time. Never puts another one away.
   * Errors: throws when it is there already.
   */
  put(wallet: Wallet): void {
    let wallets = this.#tenants.get(wallet.tenant);
    if (!wallets) {
      wallets = new Map();
      this.#tenants.set(wallet.tenant, wallets);
      this.#lastTenant = null;
    }
    assert(!wallets.has(wallet.name), "a wallet has one actor");
    wallets.set(wallet.name, wallet);
    wallet.warm = false;
    this.#ring.push(wallet);
  }

  /**
   * Puts cold, clean wallets away until `walletsMax` are left. Call it between turns only.
   * @returns how many were put away. Cost: O(1) each, amortised; two rounds at most, so dirty ones never make it loop.
   */
  trim(): number {
    let steps = 2 * this.#ring.length;
    let putAway = 0;
    for (; this.#ring.length > this.walletsMax && steps > 0; steps -= 1) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const wallet = this.#ring[this.#hand];
      if (!wallet) break;
      if (wallet.dirty || wallet.warm) {
        wallet.warm = false;
        this.#hand += 1;
        continue;
      }
      this.#putAway(wallet);
      putAway += 1;
    }
    return putAway;
  }

  /** Forgets everything, dirty wallets too: what a rollback does. */
  clear(): void {
    this.#tenants.clear();
    this.#lastTenant = null;
    this.#ring.length = 0;
    this.#hand = 0;
  }

  #walletsOf(tenant: TenantName): Map<WalletName, Wallet> | undefined {
    if (tenant !== this.#lastTenant) {
      this.#lastTenant = tenant;
      this.#lastWallets = this.#tenants.get(tenant);
    }
    return this.#lastWallets;
  }

  /** The last of the ring takes the place at the hand, so that no gap is left. */
  #putAway(wallet: Wallet): void {
    const wallets = this.#tenants.get(wallet.tenant);
    wallets?.delete(wallet.name);
    if (wallets?.size === 0) {
      this.#tenants.delete(wallet.tenant);
      this.#lastTenant = null;
    }
    const last = this.#ring.pop();
    if (last && last !== wallet) this.#ring[this.#hand] = last;
  }
}
