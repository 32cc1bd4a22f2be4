// Sums per asset, in the order in which the assets first come up: what travels with an item and stands
// against it in the journal. Wider than int64. A sum of zero is left out.

import type { ItemMoney } from "../protocol/item.ts";
import type { AssetName } from "../protocol/names.ts";

/** A sum for each asset. */
export class AssetSums {
  readonly #sums = new Map<AssetName, bigint>();

  /** Adds an amount of either sign. Never throws. */
  add(asset: AssetName, amount: bigint): void {
    this.#sums.set(asset, (this.#sums.get(asset) ?? 0n) + amount);
  }

  /** The sums that are not zero; `sign` -1n turns them round. */
  money(sign: 1n | -1n = 1n): ItemMoney[] {
    const money: ItemMoney[] = [];
    for (const [asset, sum] of this.#sums) if (sum !== 0n) money.push({ asset, amount: sign * sum });
    return money;
  }
}
