// Scenario `cross`: transfers between random owners over all shards, so that with N shards N-1 of N are moves between
// two of them. With a share, exactly that share of the transfers are.

import type { Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import { GlobalChoice, LocalChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

/** See the file header. */
export const crossScenario: Scenario = {
  name: "cross",
  title: "transfers between random owners over all shards",
  defaults: USUAL_DEFAULTS,
  run: async (stage) => {
    const { parts } = stage;
    const choice = parts.settings.crossShare === null ? new GlobalChoice(parts) : new LocalChoice(parts);
    const source = new TransferSource(parts, shardsOf(parts.fleet), choice);
    await stage.warmUp(source);
    await stage.load(source);
    return {};
  },
};
