// Scenario `frames`: transfers in frames, both wallets of each on one shard; the shards take turns.
// The least that the engine has to do for a transfer, and so the highest figure that it can reach. With a share of
// transfers over two shards it shows what those cost.

import type { Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import { LocalChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

/** See the file header. */
export const framesScenario: Scenario = {
  name: "frames",
  title: "transfers in frames, both wallets on one shard",
  defaults: USUAL_DEFAULTS,
  run: async (stage) => {
    const { parts } = stage;
    const source = new TransferSource(parts, shardsOf(parts.fleet), new LocalChoice(parts));
    await stage.warmUp(source);
    await stage.load(source);
    return {};
  },
};
