// Scenario `frames`: transfers in frames, both wallets of each on one shard; the shards take turns.
// The least that the engine has to do for a transfer, and so the highest figure that it can reach. With a share of
// transfers over two shards it shows what those cost.

import { BenchFailure } from "./bench-failure.ts";
import type { Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import type { StageParts } from "./stage.ts";
import { type TransferChoice, TransferSource } from "./transfer-source.ts";
import { WalletChoice } from "./wallet-choice.ts";

/** See the file header. */
export const framesScenario: Scenario = {
  name: "frames",
  title: "transfers in frames, both wallets on one shard",
  defaults: USUAL_DEFAULTS,
  run: async (stage) => {
    const { fleet } = stage.parts;
    const shards = [...fleet.byShard.keys()].filter((shard) => (fleet.byShard[shard]?.length ?? 0) > 1);
    await stage.load(new TransferSource(stage.parts, shards, new LocalChoice(stage.parts)));
    return {};
  },
};

/** Two wallets of one shard, or with the share that the settings ask for, of two shards. */
export class LocalChoice implements TransferChoice {
  readonly #parts: StageParts;
  readonly #places: readonly (WalletChoice | null)[];
  readonly #crossShare: number;
  from = 0;
  to = 0;

  constructor(parts: StageParts) {
    const { fleet, random, settings } = parts;
    this.#parts = parts;
    this.#crossShare = settings.crossShare ?? 0;
    this.#places = fleet.byShard.map(({ length }) =>
      length < 2 ? null : new WalletChoice(random, settings.distribution, length),
    );
    const used = fleet.byShard.filter(({ length }) => length > 0).length;
    if (this.#crossShare > 0 && used < 2)
      throw new BenchFailure("transfers over two shards need an installation with two or more");
  }

  next(shard: number): void {
    const { fleet, random } = this.#parts;
    const numbers = fleet.byShard[shard];
    const places = this.#places[shard];
    if (numbers === undefined || !places) return;
    places.next();
    this.from = numbers[places.from] ?? 0;
    this.to = numbers[places.to] ?? 0;
    if (this.#crossShare === 0 || random.next32() >= this.#crossShare * 0x1_0000_0000) return;
    do this.to = random.below(fleet.wallets.length);
    while (fleet.shardOf(this.to) === shard);
  }
}
