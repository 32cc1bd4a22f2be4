// Sums up the slices of one scenario: one figure for each system, and one divided by the other.
//
// Invariant: `verified` is true only if every slice of every system was proved.

import { LatencyHistogram, type LatencySummary } from "../latency-histogram.ts";
import type { Slice, SliceUsage } from "./http-slice.ts";
import type { HttpVerification } from "./http-verification.ts";
import type { Verdict } from "./load-plan.ts";
import { peakOf } from "./memory-watch.ts";
import type { SurgeReport } from "./surge-report.ts";

/** The kind of request whose rate and latency are told by themselves. */
const READ = "read";

/** One system in one scenario. */
export interface SystemReport {
  readonly about: string;
  /** Transfers answered as settled a second, over all slices; each id counts once. */
  readonly settledPerSecond: number;
  /** Of each slice, in order. */
  readonly slicesPerSecond: readonly number[];
  /** Requests answered a second. */
  readonly requestsPerSecond: number;
  /** Of requests that were not shed, all slices together. */
  readonly latencyMs: LatencySummary;
  /** Reads by themselves, where there are any. */
  readonly readsPerSecond: number | null;
  readonly readLatencyMs: LatencySummary | null;
  readonly statuses: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** At a rate: requests that were due and not sent before the end. */
  readonly unsent: number;
  /** Means over the slices, by process. */
  readonly usage: Readonly<Record<string, SliceUsage>>;
  /** The most resident memory of the gateway, MB; null where there is none to be seen. */
  readonly gatewayRssMb: number | null;
  /** What a request cost the load's own process, µs of CPU. */
  readonly generatorMicros: number;
  readonly verifications: readonly HttpVerification[];
}

/** Coffer at the rate at which the baseline is full. */
export interface PacedReport {
  readonly ratePerSecond: number;
  readonly settledPerSecond: number;
  readonly latencyMs: LatencySummary;
  /** 95th percentile of the baseline at this rate, its best. */
  readonly baselineP95Ms: number;
  /** Coffer's 95th percentile by that. */
  readonly p95Ratio: number;
}

/** What a scenario has beside the slices that are compared. */
export interface ReportExtras {
  readonly paced: Slice | null;
  readonly surge: SurgeReport | null;
  readonly claims: ClaimsReport | null;
}

/** What a campaign gave away. */
export interface ClaimsReport {
  readonly claimants: number;
  /** Claims that there was money for. */
  readonly budgetClaims: number;
  /** In all phases. */
  readonly granted: number;
}

/** One scenario. */
export interface ScenarioReport {
  readonly settledPerSecond: number;
  readonly latencyMs: LatencySummary;
  readonly readsPerSecond?: number;
  readonly readLatencyMs?: LatencySummary;
  readonly verified: boolean;
  readonly durability: string;
  readonly baselinePerSecond: number | null;
  readonly baselineLatencyMs: LatencySummary | null;
  /** Of reads where there are any, else of what settled. */
  readonly ratioToBaseline: number | null;
  readonly p95AtBaselineRate?: PacedReport;
  readonly surge?: SurgeReport;
  readonly claims?: ClaimsReport;
  readonly gatewayRssMb: number | null;
  readonly system: SystemReport;
  readonly baseline: SystemReport | null;
}

/** Sums up. `baseline` is empty when it was left out, `slices` never. */
export function scenarioReport(
  slices: readonly Slice[],
  baseline: readonly Slice[],
  durability: string,
  { paced, surge, claims }: ReportExtras = { paced: null, surge: null, claims: null },
): ScenarioReport {
  const system = systemReport(slices);
  const other = baseline.length === 0 ? null : systemReport(baseline);
  const rate = ({ readsPerSecond, settledPerSecond }: SystemReport): number =>
    readsPerSecond ?? settledPerSecond;
  const all = [...slices, ...baseline, ...(paced === null ? [] : [paced])];
  const { readsPerSecond, readLatencyMs } = system;
  return {
    settledPerSecond: system.settledPerSecond,
    latencyMs: system.latencyMs,
    ...(readsPerSecond === null || readLatencyMs === null ? {} : { readsPerSecond, readLatencyMs }),
    verified: all.every(({ verification }) => verification.ok),
    durability,
    baselinePerSecond: other?.settledPerSecond ?? null,
    baselineLatencyMs: other?.latencyMs ?? null,
    ratioToBaseline: other === null ? null : rounded(rate(system) / rate(other)),
    ...(paced === null || other === null ? {} : { p95AtBaselineRate: pacedReport(paced, other) }),
    ...(surge === null ? {} : { surge }),
    ...(claims === null ? {} : { claims }),
    gatewayRssMb: system.gatewayRssMb,
    system,
    baseline: other,
  };
}

function pacedReport(paced: Slice, { settledPerSecond, latencyMs }: SystemReport): PacedReport {
  const report = systemReport([paced]);
  return {
    ratePerSecond: settledPerSecond,
    settledPerSecond: report.settledPerSecond,
    latencyMs: report.latencyMs,
    baselineP95Ms: latencyMs.p95,
    p95Ratio: rounded(report.latencyMs.p95 / latencyMs.p95),
  };
}

function systemReport(slices: readonly Slice[]): SystemReport {
  const [all, reads] = [new LatencyHistogram(), new LatencyHistogram()];
  let readCount = 0;
  for (const { load } of slices) {
    for (const [kind, parts] of Object.entries(load.latencies)) {
      const histogram = LatencyHistogram.of(parts);
      all.merge(histogram);
      if (kind !== READ) continue;
      reads.merge(histogram);
      readCount += parts.counts.reduce((sum, [, count]) => sum + count, 0);
    }
  }
  const seconds = sumOf(slices, ({ load }) => load.seconds);
  const perSecond = (count: number): number => (seconds === 0 ? 0 : Math.round(count / seconds));
  const statuses = addedUp(slices.map(({ load }) => load.statuses));
  const peaks = slices.flatMap(({ memory }) => peakOf(memory, "gateway") ?? []);
  return {
    about: slices[0]?.about ?? "",
    settledPerSecond: perSecond(sumOf(slices, ({ load }) => load.settled)),
    slicesPerSecond: slices.map(({ settledPerSecond }) => Math.round(settledPerSecond)),
    requestsPerSecond: perSecond(Object.values(statuses).reduce((sum, count) => sum + count, 0)),
    latencyMs: all.summary(),
    readsPerSecond: readCount === 0 ? null : perSecond(readCount),
    readLatencyMs: readCount === 0 ? null : reads.summary(),
    statuses,
    verdicts: { good: 0, shed: 0, open: 0, wrong: 0, ...addedUp(slices.map(({ load }) => load.verdicts)) },
    unsent: sumOf(slices, ({ load }) => load.unsent),
    usage: meanUsage(slices),
    gatewayRssMb: peaks.length === 0 ? null : Math.round(Math.max(...peaks) / 2 ** 20),
    generatorMicros: Math.round(sumOf(slices, ({ load }) => load.generatorMicros) / slices.length),
    verifications: slices.map(({ verification }) => verification),
  };
}

function addedUp(tables: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const table of tables)
    for (const [name, count] of Object.entries(table)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

function rounded(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}

function meanUsage(slices: readonly Slice[]): Record<string, SliceUsage> {
  const names = new Set(slices.flatMap(({ usage }) => Object.keys(usage)));
  const mean = (of: (slice: Slice) => number): number => sumOf(slices, of) / slices.length;
  return Object.fromEntries(
    [...names].map((name) => {
      const cpu = Math.round(mean(({ usage }) => usage[name]?.cpu ?? 0) * 1000) / 1000;
      return [name, { cpu, rssBytes: Math.round(mean(({ usage }) => usage[name]?.rssBytes ?? 0)) }];
    }),
  );
}

function sumOf(slices: readonly Slice[], of: (slice: Slice) => number): number {
  return slices.reduce((sum, slice) => sum + of(slice), 0);
}
