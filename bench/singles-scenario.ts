// Scenario `singles`: one command a message, the way that every NATS client can send it: JSON on
// `coffer.cmd.<tenant>.<owner>` with the header that names where the outcome goes. With `--encoding msgpack` frames of
// one command instead, whatever size of frame is asked for.
//
// Each message is one record of a stream. Under the profile strict a nats-server that is alone syncs it by itself; of
// three servers each syncs a batch of what all of them agreed on, which is more than twice as fast even on one machine.

import { SingleTransferSource } from "./single-transfer-source.ts";
import { steadyScenario } from "./steady-scenario.ts";
import { LocalChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

/** See the file header. */
export const singlesScenario = steadyScenario({
  name: "singles",
  title: "one transfer a message, in JSON, both wallets on one shard",
  defaults: {
    frameCommands: 1,
    inFlight: 4_000,
    shards: { strict: 4, relaxed: 4 },
    replicas: { strict: 3, relaxed: 1 },
  },
  sourceOf: (parts) => {
    const { settings } = parts;
    const shards = shardsOf(parts.fleet);
    const choice = new LocalChoice(parts);
    const one = { ...parts, settings: { ...settings, frameCommands: 1 } };
    return settings.encoding === "json"
      ? new SingleTransferSource(parts, shards, choice)
      : new TransferSource(one, shards, choice);
  },
  figures: ({ settings }) => ({ encoding: settings.encoding, frameCommands: 1 }),
});
