// What the commits of a move with several other shards give the wallets of each: the money that travels with the
// items. Owns the sums; does not own when they are sent (saga-run). They are asked for twice, by the step that they
// stand against and by the items, and added up once, when they are first needed.

import { assert } from "../protocol/assert.ts";
import type { ItemMoney } from "../protocol/item.ts";
import { shardOfWallet } from "../protocol/shard-map.ts";
import { AssetSums } from "./asset-sums.ts";
import type { Saga, SagaPeer } from "./ledger.ts";
import { learntAssets } from "./saga-many.ts";

/** The gains of one saga's other shards. */
export class SagaGains {
  readonly #saga: Saga;
  readonly #shards: number;
  #gains: ReadonlyMap<number, readonly ItemMoney[]> | null = null;

  constructor(saga: Saga, shards: number) {
    this.#saga = saga;
    this.#shards = shards;
  }

  /** What a commit gives the wallets of one other shard, per asset. Errors: asserts that every asset is known. */
  of(shard: number): readonly ItemMoney[] {
    this.#gains ??= this.#all();
    const gain = this.#gains.get(shard);
    assert(gain !== undefined, "a decision goes to a shard of the saga");
    return gain;
  }

  #all(): Map<number, readonly ItemMoney[]> {
    const learnt = learntAssets(this.#saga);
    return new Map(this.#saga.peers.map((peer) => [peer.shard, this.#gainOf(peer, learnt)]));
  }

  #gainOf({ shard, legs }: SagaPeer, learnt: ReturnType<typeof learntAssets>): ItemMoney[] {
    const { tenant } = this.#saga;
    const gain = new AssetSums();
    for (const { from, to, amount, asset: known } of legs) {
      const asset = known ?? learnt.get(from) ?? learnt.get(to);
      assert(asset !== undefined, "votes name the assets of their wallets");
      if (shardOfWallet(tenant, from, this.#shards) === shard) gain.add(asset, -amount);
      if (shardOfWallet(tenant, to, this.#shards) === shard) gain.add(asset, amount);
    }
    return gain.money();
  }
}
