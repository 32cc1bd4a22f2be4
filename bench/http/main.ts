// `npm run bench:http`: load over HTTP on the gateway of an installation of its own, and on a legacy system with the
// same routes (bench/baseline/), in turns on the same machine. The last line on standard output is one JSON object.
//
// Owns the order of scenarios and the clock and randomness of the room.
// Exit 0 verified, 1 not verified or failed, 2 usage.

import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import type { BenchClock } from "../bench-clock.ts";
import { BenchFailure } from "../bench-failure.ts";
import { machineFacts } from "../machine-facts.ts";
import { orUsage } from "../or-usage.ts";
import { measureReference } from "../reference.ts";
import { type BenchSettings, benchSettings, USAGE } from "./bench-settings.ts";
import type { ScenarioReport } from "./http-report.ts";
import { ScenarioRun } from "./scenario-run.ts";

const clock: BenchClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  uniqueBytes: (count) => randomBytes(count),
};
const settings = orUsage(USAGE, benchSettings);

if (settings.isHelp) console.log(USAGE);
else {
  try {
    await measure(settings);
  } catch (thrown) {
    if (!(thrown instanceof BenchFailure)) throw thrown;
    console.error(thrown.message);
    process.exitCode = 1;
  }
}

function tell(line: string): void {
  if (!settings.isQuiet) console.error(line);
}

async function measure(asked: BenchSettings): Promise<void> {
  const reports: [string, ScenarioReport][] = [];
  for (const [name, scenario] of asked.scenarios) {
    const run = new ScenarioRun(name, scenario, { settings: asked, clock, env: process.env, tell });
    const report = await run.measure();
    reports.push([name, report]);
    tell(described(name, report));
  }
  const machine = await machineFacts("not asked");
  const reference = await measureReference({
    ...{ nc: null, clock, directory: tmpdir(), inboxPrefix: "" },
    token: Buffer.from(clock.uniqueBytes(8)).toString("hex"),
  });
  console.log(JSON.stringify({ scenarios: Object.fromEntries(reports), reference, machine }));
  if (reports.some(([, { verified }]) => !verified)) process.exitCode = 1;
}

function described(name: string, report: ScenarioReport): string {
  const { system, baseline, ratioToBaseline, verified, p95AtBaselineRate: paced, surge, claims } = report;
  const lines = [system, ...(baseline === null ? [] : [baseline])].map(
    ({ about, settledPerSecond, latencyMs: { p50, p95, p99, max }, readsPerSecond, generatorMicros }) =>
      `${about}: ${settledPerSecond}/s${readsPerSecond === null ? "" : `, ${readsPerSecond} reads/s`}, p50 ${p50} ms, p95 ${p95}, p99 ${p99}, max ${max}; load ${generatorMicros} µs a request`,
  );
  if (paced !== undefined)
    lines.push(
      `at ${paced.ratePerSecond}/s: p95 ${paced.latencyMs.p95} ms, ${paced.p95Ratio} of the baseline's`,
    );
  if (surge !== undefined)
    lines.push(
      `surge: ${surge.ratioToPeak} of ${surge.peakPerSecond}/s (worst ${surge.worstRatioToPeak}), ${surge.arrivedPerSecond} came a second, ${surge.shedPerSecond} shed, gateway ${surge.gatewayRssMb} MB, as before after ${surge.recoverySeconds} s`,
    );
  if (claims !== undefined)
    lines.push(`${claims.granted} of ${claims.claimants} claims granted, money for ${claims.budgetClaims}`);
  const ratio = ratioToBaseline === null ? "" : `, ${ratioToBaseline} times the baseline`;
  return [...lines, `${verified ? "verified" : "NOT VERIFIED"}${ratio}`]
    .map((line) => `${name}: ${line}`)
    .join("\n");
}
