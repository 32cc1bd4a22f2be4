// Scenario `soak`: the traffic of `mixed` at a fixed rate for a long time. Nothing may be lost, the latency must stay,
// and no process may keep what it should let go: memory is told by quarters of the run.
//
// The documented run is 20 minutes of 30 million commands an hour. Samples leave as they come (`--csv`), so that a run
// that is cut leaves its course.

import { mixedScenario } from "./mixed-scenario.ts";
import { rssQuarters } from "./rss-quarters.ts";
import type { ExtraFigures, Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** 30 million an hour. */
const RATE_PER_SECOND = 8_334;

/** See the file header. */
export const soakScenario: Scenario = {
  name: "soak",
  title: "mixed traffic at a fixed rate, and memory by quarters of the time",
  defaults: { ...mixedScenario.defaults, seconds: 57, ratePerSecond: RATE_PER_SECOND },
  run: soak,
};

async function soak(stage: Stage): Promise<ExtraFigures> {
  const figures = await mixedScenario.run(stage);
  const rss = rssQuarters((stage.samples?.list ?? []).filter(({ isWarmUp }) => !isWarmUp));
  const add = (of: (result: Stage["results"][number]) => number): number =>
    stage.results.reduce((sum, result) => sum + of(result), 0);
  const soaked = {
    seconds: stage.parts.settings.seconds,
    rssQuarters: rss,
    /** Of the engine, last quarter over second. */
    rssRatio: rss["engine"]?.lastToSecond ?? null,
    p95Ms: stage.latency.percentileMs(0.95),
    longestPauseMs: Math.round(Math.max(0, ...stage.measured.map(({ pauseMs }) => pauseMs))),
    lost: add(({ published }) => published) - add(({ settled }) => settled),
  };
  return { ...figures, soak: { ...soaked, p95Ms: Math.round(soaked.p95Ms * 100) / 100 } };
}
