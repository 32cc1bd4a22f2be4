// Scenario `frames`: transfers in frames, both wallets of each on one shard; the shards take turns.
// The least that the engine has to do for a transfer, and so the highest figure that it can reach.

import { assert } from "../protocol/assert.ts";
import type { TransferCommand } from "../protocol/command.ts";
import type { FrameSource } from "./load-generator.ts";
import type { Scenario, ScenarioParts } from "./scenario.ts";

const AMOUNT_MAX = 100;

/** See the file header. */
export const framesScenario: Scenario = {
  name: "frames",
  title: "transfers in frames, both wallets on one shard",
  crossShare: 0,
  source: localTransfers,
};

function localTransfers(parts: ScenarioParts): FrameSource {
  const shards = [...parts.fleet.byShard.keys()].filter(
    (shard) => (parts.fleet.byShard[shard]?.length ?? 0) > 1,
  );
  let frames = 0;
  let made = 0;
  return {
    next: (first, wallMs) => {
      if (!parts.isWanted(made)) return null;
      const shard = shards[frames % shards.length];
      assert(shard !== undefined, "the fleet has wallets");
      const commands: TransferCommand[] = [];
      for (let index = 0; index < parts.frameCommands; index += 1) {
        commands.push(localTransfer(parts, shard, { number: first + index, wallMs }));
      }
      frames += 1;
      made += commands.length;
      return { shard, commands };
    },
  };
}

function localTransfer(
  { fleet, random, ids }: ScenarioParts,
  shard: number,
  at: { readonly number: number; readonly wallMs: number },
): TransferCommand {
  const numbers = fleet.byShard[shard] ?? [];
  const place = random.below(numbers.length);
  const other = (place + 1 + random.below(numbers.length - 1)) % numbers.length;
  const [from = 0, to = 0] = [numbers[place], numbers[other]];
  const amount = 1 + random.below(AMOUNT_MAX);
  fleet.move(from, to, amount);
  return {
    op: "transfer",
    id: ids.id(at.number, at.wallMs),
    owner: fleet.wallet(from).owner,
    legs: [{ from: fleet.wallet(from).wallet, to: fleet.wallet(to).wallet, amount: BigInt(amount) }],
    holdTtlMs: null,
    code: null,
    ref: null,
    meta: null,
    ifVersion: null,
  };
}
