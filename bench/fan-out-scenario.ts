// Scenario `fan-out`: payouts from one source of money to owners over all shards. Every command is the work of the one
// shard where the source lives, and of the receiver's.

import type { Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import { PayoutChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

/** See the file header. */
export const fanOutScenario: Scenario = {
  name: "fan-out",
  title: "payouts from one source to owners over all shards",
  defaults: USUAL_DEFAULTS,
  run: async (stage) => {
    const { parts } = stage;
    const [shard = 0] = shardsOf(parts.fleet);
    const source = new TransferSource(parts, [shard], new PayoutChoice(parts, shard));
    await stage.warmUp(source);
    await stage.load(source);
    return {};
  },
};
