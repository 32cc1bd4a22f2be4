// Scenario `hot`: one wallet is on one side of every transfer. What that costs is told against transfers between random
// wallets of the same shard, in the same run: slices of both alternate (uniform, hot, hot, uniform, …), so that whatever
// else happens on the machine falls on both.

import type { Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import type { LoadBounds, Stage, StageResult } from "./stage.ts";
import { LocalChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

const PAIRS = 4;

/** See the file header. */
export const hotScenario: Scenario = {
  name: "hot",
  title: "one wallet in every transfer, against random wallets of the same shard",
  defaults: { ...USUAL_DEFAULTS, shards: { strict: 1, relaxed: 1 } },
  run: async (stage) => {
    const uniform: StageResult[] = [];
    const hot: StageResult[] = [];
    const { warmUpSeconds } = stage.parts.settings;
    for (const isHot of [false, true]) await stage.warmUp(sourceOf(stage, isHot), warmUpSeconds / 2);
    for (let slice = 0; slice < 2 * PAIRS; slice += 1) {
      const isHot = slice % 4 === 1 || slice % 4 === 2;
      (isHot ? hot : uniform).push(await loadSlice(stage, isHot));
    }
    const uniformPerSecond = rateOf(uniform);
    const hotPerSecond = rateOf(hot);
    return {
      hotPerSecond: Math.round(hotPerSecond),
      uniformPerSecond: Math.round(uniformPerSecond),
      hotRatio: uniformPerSecond === 0 ? 0 : Math.round((hotPerSecond / uniformPerSecond) * 1000) / 1000,
      slices: 2 * PAIRS,
    };
  },
};

function sourceOf({ parts }: Stage, isHot: boolean): TransferSource {
  const [shard = 0] = shardsOf(parts.fleet);
  const distribution = isHot ? "hot" : "uniform";
  const choice = new LocalChoice({ ...parts, settings: { ...parts.settings, distribution } }, 0);
  return new TransferSource(parts, [shard], choice);
}

async function loadSlice(stage: Stage, isHot: boolean): Promise<StageResult> {
  const { settings } = stage.parts;
  const slices = 2 * PAIRS;
  const bounds: LoadBounds =
    settings.commands === null
      ? { seconds: settings.seconds / slices }
      : { commands: Math.ceil(settings.commands / slices) };
  return await stage.load(sourceOf(stage, isHot), { ...bounds, isMeasured: isHot });
}

function rateOf(results: readonly StageResult[]): number {
  const settled = results.reduce((sum, result) => sum + result.settled, 0);
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  return seconds > 0 ? settled / seconds : 0;
}
