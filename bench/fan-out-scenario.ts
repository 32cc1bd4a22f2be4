// Scenario `fan-out`: payouts from one source of money to owners over all shards. Every command is the work of the one
// shard where the source lives, and of the receiver's.

import { steadyScenario } from "./steady-scenario.ts";
import { PayoutChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

/** See the file header. */
export const fanOutScenario = steadyScenario({
  name: "fan-out",
  title: "payouts from one source to owners over all shards",
  sourceOf: (parts) => {
    const [shard = 0] = shardsOf(parts.fleet);
    return new TransferSource(parts, [shard], new PayoutChoice(parts, shard));
  },
});
