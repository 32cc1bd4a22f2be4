// Scenario `cross`: transfers between random owners over all shards, so that with N shards N-1 of N are moves between
// two of them. With a share, exactly that share of the transfers are.

import { steadyScenario } from "./steady-scenario.ts";
import { GlobalChoice, LocalChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

/** See the file header. */
export const crossScenario = steadyScenario({
  name: "cross",
  title: "transfers between random owners over all shards",
  sourceOf: (parts) => {
    const choice = parts.settings.crossShare === null ? new GlobalChoice(parts) : new LocalChoice(parts);
    return new TransferSource(parts, shardsOf(parts.fleet), choice);
  },
});
