// Scenario `idle`: wallets are open and nobody sends anything. What an installation costs that has nothing to do:
// polling, heartbeats and timers show here and nowhere else.

import type { Sample } from "./samples.ts";
import type { ExtraFigures, Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** Bounds of the engine; what the server takes is told beside it. */
const RSS_BYTES_MAX = 200 * 2 ** 20;
const CPU_SHARE_MAX = 0.02;
/** Opening the wallets may still echo for so long: events, checkpoints, collected garbage. */
const SETTLING_SECONDS = 2;
const MEASURED = ["engine", "nats-server"];

/** See the file header. */
export const idleScenario: Scenario = {
  name: "idle",
  title: "open wallets and nothing sent",
  defaults: { ...USUAL_DEFAULTS, warmUpSeconds: 0, wallets: 1_000 },
  run: idle,
};

async function idle(stage: Stage): Promise<ExtraFigures> {
  const { seconds } = stage.parts.settings;
  await stage.rest(SETTLING_SECONDS);
  const restedFrom = stage.samples?.list.at(-1)?.fromSeconds ?? 0;
  const spent = await stage.rest(seconds);
  const samples = (stage.samples?.list ?? []).filter(({ fromSeconds }) => fromSeconds > restedFrom);
  const cpu = Object.fromEntries(
    [...spent].map(([name, cpuSeconds]) => [name, Math.round((cpuSeconds / seconds) * 10_000) / 10_000]),
  );
  const rssBytes = Object.fromEntries(MEASURED.map((name) => [name, mostRss(samples, name)]));
  const { engine: cpuShare } = cpu;
  const engineBytes = rssBytes["engine"] ?? 0;
  return {
    cpu,
    idle: {
      seconds,
      cpuShare: cpuShare ?? null,
      cpuShareMax: CPU_SHARE_MAX,
      rssBytes: engineBytes,
      rssBytesMax: RSS_BYTES_MAX,
      rssBytesByProcess: rssBytes,
      /** Null when the engine could not be measured: on another machine, or gone. */
      isWithinBounds:
        cpuShare === undefined ? null : cpuShare < CPU_SHARE_MAX && engineBytes <= RSS_BYTES_MAX,
    },
  };
}

function mostRss(samples: readonly Sample[], name: string): number {
  return samples.reduce((most, { rss }) => Math.max(most, rss[name] ?? 0), 0);
}
