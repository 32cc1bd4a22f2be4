// Scenario `growth`: random ids until the journal has a given number of rows. Shows whether the rate falls as files
// grow, how long the engine pauses at most while it tidies up, what it takes in memory, and how long a restart takes
// with files of that size, after a clean stop and after a kill.
//
// A row is a step of the journal: one for each settled command here.

import { usageOfAll } from "./process-usage.ts";
import { RandomIdSource } from "./random-id-source.ts";
import { growthWindows, RateMarks } from "./rate-marks.ts";
import { untilOutcomes } from "./restart-probe.ts";
import type { ExtraFigures, Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import type { Stage } from "./stage.ts";
import { LocalChoice, shardsOf } from "./transfer-choice.ts";
import { TransferSource } from "./transfer-source.ts";

const ROWS_DEFAULT = 1_500_000;
const NOTE_MS = 50;

/** See the file header. */
export const growthScenario: Scenario = {
  name: "growth",
  title: "random ids until the journal has --rows rows, then restarts",
  defaults: { ...USUAL_DEFAULTS, warmUpSeconds: 0 },
  run: grow,
};

async function grow(stage: Stage): Promise<ExtraFigures> {
  const { fleet, ids, clock, settings, generator, watched } = stage.parts;
  const prepared = stage.results.reduce((sum, { settled }) => sum + settled, 0);
  const commands = Math.max(1, (settings.rows ?? ROWS_DEFAULT) - prepared);
  const transfers = new TransferSource(stage.parts, shardsOf(fleet), new LocalChoice(stage.parts));
  const source = new RandomIdSource(transfers, ids, clock.uniqueBytes(4));
  const marks = new RateMarks(growthWindows(commands));
  const note = (): void => marks.note(generator.counters().settled, clock.steadyMs());
  const noting = setInterval(note, NOTE_MS);
  const result = await stage.load(source, { commands, seconds: null }).finally(() => clearInterval(noting));
  const rss = (await usageOfAll(watched)).get("engine")?.rssBytes ?? null;
  const rateAt1M = marks.ratePerSecond(0);
  const rateAtEnd = marks.ratePerSecond(1);
  const growth = {
    rows: prepared + result.settled,
    rateAt1M,
    rateAtEnd,
    ratio: rateAt1M === null || rateAtEnd === null ? null : Math.round((rateAtEnd / rateAt1M) * 1000) / 1000,
    rssBytes: rss,
    longestPauseMs: Math.round(result.pauseMs),
    restartMs: await restartMs(stage, "stop"),
    restartAfterKillMs: await restartMs(stage, "kill"),
  };
  return { growth };
}

/** Ms from the engine's new process to an outcome of every shard; null when the installation is not the bench's own. */
async function restartMs({ parts }: Stage, how: "stop" | "kill"): Promise<number | null> {
  const { restartEngine } = parts;
  if (restartEngine === null) return null;
  await restartEngine(how);
  return await untilOutcomes(parts);
}
