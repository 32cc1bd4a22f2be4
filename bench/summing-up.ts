// Adds up the measured loads of a run into its report. Rates are over the time of the loads themselves, pauses between
// them left out; what is not measured (opening, baselines) counts only in the proof.

import type { Info } from "../protocol/info.ts";
import { type EngineCounters, engineWork } from "./engine-counters.ts";
import type { ProcessUsage } from "./process-usage.ts";
import type { Reference } from "./reference.ts";
import type { BenchReport, CallerTime, Verification } from "./report.ts";
import type { ExtraFigures, Scenario } from "./scenario.ts";
import type { Stage, StageResult } from "./stage.ts";

/** Share of what the schedule asked for that must be published for it to count as kept. */
const KEPT_SHARE = 0.99;

/** Everything that a report is made of. */
export interface RunParts {
  readonly stage: Stage;
  readonly scenario: Scenario;
  readonly info: Info;
  readonly extras: ExtraFigures;
  /** After the run. */
  readonly usage: ReadonlyMap<string, ProcessUsage>;
  readonly before: EngineCounters;
  readonly after: EngineCounters;
  readonly verification: Verification;
  readonly reference: Reference | null;
  readonly replicas: number | null;
}

/** The report; disk bytes and the sweep over files are added by whoever owns the installation. */
export function reportOf(run: RunParts): BenchReport {
  const { stage, verification } = run;
  const { settings } = stage.parts;
  const sum = sumOf(stage.measured);
  const { eventMessages, phases } = engineWork(run.before, run.after);
  const generatorSeconds = sum.cpuSeconds.get("generator") ?? 0;
  return {
    scenario: run.scenario.name,
    durability: run.info.durability,
    settledPerSecond: rate(sum.settled, sum.seconds),
    acceptedPerSecond: rate(sum.accepted, sum.acceptedSeconds),
    latencyMs: stage.latency.summary(),
    commands: sum.published,
    refused: sum.refused,
    crossShare: sum.published === 0 ? 0 : rounded(sum.crossed / sum.published, 1_000),
    verified: verification.ok,
    cpu: Object.fromEntries(
      [...sum.cpuSeconds].map(([name, seconds]) => [name, ratio(seconds, sum.seconds)]),
    ),
    rss: Object.fromEntries([...run.usage].map(([name, { rssBytes }]) => [name, rssBytes])),
    reference: run.reference,
    shards: run.info.shards,
    replicas: run.replicas,
    seed: settings.seed,
    seconds: rounded(sum.seconds, 100),
    warmUpSeconds: settings.warmUpSeconds,
    drainSeconds: rounded(sum.drainSeconds, 1_000),
    offeredPerSecond: settings.ratePerSecond,
    publishedPerSecond: rate(sum.published, sum.publishedSeconds),
    scheduleLagMs: rounded(sum.scheduleLagMs, 10),
    scheduleKept: settings.ratePerSecond === null ? null : isKept(sum, settings.ratePerSecond),
    generatorMicrosPerCommand: ratio(generatorSeconds * 1_000_000, sum.settled),
    wallets: stage.parts.fleet.wallets.length,
    distribution: settings.distribution,
    frameCommands: settings.frameCommands,
    inFlight: settings.inFlight,
    eventMessages,
    phases,
    caller: phases === null ? null : callerTime(stage.latency.meanMs * 1000, phases.totalMicros),
    bytesPerCommand: null,
    verification,
    ...run.extras,
  };
}

function callerTime(meanMicros: number, engineMicros: number): CallerTime {
  return { meanMicros, publishMicros: meanMicros - engineMicros };
}

/** Figures of several loads, one after the other. */
interface LoadSum {
  readonly published: number;
  readonly accepted: number;
  readonly settled: number;
  readonly refused: number;
  readonly crossed: number;
  readonly seconds: number;
  readonly acceptedSeconds: number;
  readonly publishedSeconds: number;
  /** Of the load that took longest to drain. */
  readonly drainSeconds: number;
  readonly scheduleLagMs: number;
  readonly cpuSeconds: ReadonlyMap<string, number>;
}

function sumOf(results: readonly StageResult[]): LoadSum {
  const add = (of: (result: StageResult) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0);
  const most = (of: (result: StageResult) => number): number => Math.max(0, ...results.map(of));
  const names = new Set(results.flatMap(({ cpuSeconds }) => [...cpuSeconds.keys()]));
  return {
    published: add(({ published }) => published),
    accepted: add(({ accepted }) => accepted),
    settled: add(({ settled }) => settled),
    refused: add(({ refused }) => refused),
    crossed: add(({ crossed }) => crossed),
    seconds: add(({ seconds }) => seconds),
    acceptedSeconds: add(({ acceptedSeconds }) => acceptedSeconds),
    publishedSeconds: add(({ publishedSeconds }) => publishedSeconds),
    drainSeconds: most(({ seconds, publishedSeconds }) => seconds - publishedSeconds),
    scheduleLagMs: most(({ scheduleLagMs }) => scheduleLagMs),
    cpuSeconds: new Map([...names].map((name) => [name, add(({ cpuSeconds }) => cpuSeconds.get(name) ?? 0)])),
  };
}

/** Whether the generator kept up with its schedule until it stopped publishing. */
function isKept({ published, publishedSeconds }: LoadSum, ratePerSecond: number): boolean {
  return published >= KEPT_SHARE * ratePerSecond * publishedSeconds;
}

function rate(count: number, seconds: number): number {
  return seconds > 0 ? Math.round(count / seconds) : 0;
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? rounded(part / whole, 1_000) : 0;
}

function rounded(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}
