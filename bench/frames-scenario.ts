// Scenario `frames`: transfers in frames, both wallets of each on one shard; the shards take turns.
// The least that the engine has to do for a transfer, and so the highest figure that it can reach. With a share of
// transfers over two shards it shows what those cost.

import { steadyScenario } from "./steady-scenario.ts";
import { LocalChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

/** See the file header. */
export const framesScenario = steadyScenario({
  name: "frames",
  title: "transfers in frames, both wallets on one shard",
  sourceOf: (parts) => new TransferSource(parts, shardsOf(parts.fleet), new LocalChoice(parts)),
});
