// Scenario `singles`: one command a message, the way that every NATS client can send it: JSON on
// `coffer.cmd.<tenant>.<owner>` with the header that names where the outcome goes. With `--encoding msgpack` frames of
// one command instead, whatever size of frame is asked for.
//
// Each message is one record of a stream, which under the profile strict is synced by itself: more shards sync more
// streams at once.

import type { Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import { SingleTransferSource } from "./single-transfer-source.ts";
import { LocalChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

/** See the file header. */
export const singlesScenario: Scenario = {
  name: "singles",
  title: "one transfer a message, in JSON, both wallets on one shard",
  defaults: { ...USUAL_DEFAULTS, frameCommands: 1, inFlight: 4_000, shards: { strict: 16, relaxed: 4 } },
  run: async (stage) => {
    const { parts } = stage;
    const { encoding } = parts.settings;
    const shards = shardsOf(parts.fleet);
    const choice = new LocalChoice(parts);
    const one = { ...parts, settings: { ...parts.settings, frameCommands: 1 } };
    const source =
      encoding === "json"
        ? new SingleTransferSource(parts, shards, choice)
        : new TransferSource(one, shards, choice);
    await stage.warmUp(source);
    await stage.load(source);
    return { encoding, frameCommands: 1 };
  },
};
