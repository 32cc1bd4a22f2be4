// Scenario `frames`: transfers in frames, both wallets of each on one shard; the shards take turns.
// The least that the engine has to do for a transfer, and so the highest figure that it can reach.

import { assert } from "../protocol/assert.ts";
import type { FrameSource, SourceFrame } from "./load-generator.ts";
import type { SeededRandom } from "./random.ts";
import type { Scenario, ScenarioParts } from "./scenario.ts";
import { AMOUNT_MAX, TransferFrame } from "./transfer-frame.ts";

/** See the file header. */
export const framesScenario: Scenario = {
  name: "frames",
  title: "transfers in frames, both wallets on one shard",
  crossShare: 0,
  source: localTransfers,
};

function localTransfers(parts: ScenarioParts): FrameSource {
  const { fleet, ids, reply, frameCommands } = parts;
  const shards = [...fleet.byShard.keys()].filter((shard) => (fleet.byShard[shard]?.length ?? 0) > 1);
  const frame = new TransferFrame(ids, { reply, count: frameCommands }, [fleet.wallet(0), fleet.wallet(1)]);
  let frames = 0;
  return {
    next: (first, wallMs) => {
      if (!parts.isWanted(frames * frameCommands)) return null;
      const shard = shards[frames % shards.length];
      assert(shard !== undefined, "the fleet has wallets");
      frames += 1;
      return localFrame(parts, { frame, shard, first, wallMs });
    },
  };
}

/** A frame of transfers between any two wallets of one shard. */
function localFrame(
  { fleet, random }: ScenarioParts,
  at: {
    readonly frame: TransferFrame;
    readonly shard: number;
    readonly first: number;
    readonly wallMs: number;
  },
): SourceFrame {
  const { frame, shard, first, wallMs } = at;
  const numbers = fleet.byShard[shard] ?? [];
  const bytes = frame.copy(wallMs);
  for (let index = 0; index < frame.count; index += 1) {
    const [from, to] = twoOf(numbers, random);
    const amount = 1 + random.below(AMOUNT_MAX);
    fleet.move(from, to, amount);
    frame.write(bytes, index, {
      number: first + index,
      from: fleet.wallet(from),
      to: fleet.wallet(to),
      amount,
    });
  }
  return { shard, count: frame.count, bytes };
}

/** Two different elements. */
function twoOf(numbers: readonly number[], random: SeededRandom): [number, number] {
  const place = random.below(numbers.length);
  const other = (place + 1 + random.below(numbers.length - 1)) % numbers.length;
  return [numbers[place] ?? 0, numbers[other] ?? 0];
}
