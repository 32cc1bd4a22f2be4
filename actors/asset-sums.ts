// Sums per asset, in the order in which the assets first come up: what travels with an item and stands
// against it in the journal. Wider than int64. A sum of zero is left out.

import type { ItemMoney } from "../protocol/item.ts";
import type { AssetName } from "../protocol/names.ts";

/** A sum for each asset. Nearly all moves have one, which needs no map. */
export class AssetSums {
  #asset: AssetName | null = null;
  #sum = 0n;
  #others: Map<AssetName, bigint> | null = null;

  /** Adds an amount of either sign. Never throws. */
  add(asset: AssetName, amount: bigint): void {
    this.#asset ??= asset;
    if (asset === this.#asset) {
      this.#sum += amount;
      return;
    }
    this.#others ??= new Map();
    this.#others.set(asset, (this.#others.get(asset) ?? 0n) + amount);
  }

  /** The sums that are not zero; `sign` -1n turns them round. */
  money(sign: 1n | -1n = 1n): ItemMoney[] {
    const money: ItemMoney[] = [];
    if (this.#asset !== null && this.#sum !== 0n)
      money.push({ asset: this.#asset, amount: sign * this.#sum });
    if (this.#others === null) return money;
    for (const [asset, sum] of this.#others) if (sum !== 0n) money.push({ asset, amount: sign * sum });
    return money;
  }
}
