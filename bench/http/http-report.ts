// Sums up the slices of one scenario: one figure for each system, and one divided by the other.
//
// Invariant: `verified` is true only if every slice of every system was proved.

import { LatencyHistogram, type LatencySummary } from "../latency-histogram.ts";
import type { Slice, SliceUsage } from "./http-slice.ts";
import type { HttpVerification } from "./http-verification.ts";

/** One system in one scenario. */
export interface SystemReport {
  readonly about: string;
  /** Transfers answered as settled a second, over all slices. */
  readonly settledPerSecond: number;
  /** Of each slice, in order. */
  readonly slicesPerSecond: readonly number[];
  /** Of requests, all slices together. */
  readonly latencyMs: LatencySummary;
  readonly statuses: Readonly<Record<string, number>>;
  /** Means over the slices, by process. */
  readonly usage: Readonly<Record<string, SliceUsage>>;
  /** What a request cost the load's own process, µs of CPU. */
  readonly generatorMicros: number;
  readonly verifications: readonly HttpVerification[];
}

/** One scenario. */
export interface ScenarioReport {
  readonly settledPerSecond: number;
  readonly latencyMs: LatencySummary;
  readonly verified: boolean;
  readonly durability: string;
  readonly baselinePerSecond: number | null;
  readonly baselineLatencyMs: LatencySummary | null;
  readonly ratioToBaseline: number | null;
  readonly commandsPerRequest: number;
  readonly system: SystemReport;
  readonly baseline: SystemReport | null;
}

/** Sums up. `baseline` is empty when it was left out, `slices` never. */
export function scenarioReport(
  slices: readonly Slice[],
  baseline: readonly Slice[],
  durability: string,
): ScenarioReport {
  const system = systemReport(slices);
  const other = baseline.length === 0 ? null : systemReport(baseline);
  const ratio = other === null ? null : system.settledPerSecond / other.settledPerSecond;
  return {
    settledPerSecond: system.settledPerSecond,
    latencyMs: system.latencyMs,
    verified: [...slices, ...baseline].every(({ verification }) => verification.ok),
    durability,
    baselinePerSecond: other?.settledPerSecond ?? null,
    baselineLatencyMs: other?.latencyMs ?? null,
    ratioToBaseline: ratio === null ? null : Math.round(ratio * 100) / 100,
    commandsPerRequest: slices[0]?.result.commandsPerRequest ?? 1,
    system,
    baseline: other,
  };
}

function systemReport(slices: readonly Slice[]): SystemReport {
  const latency = new LatencyHistogram();
  const statuses: Record<string, number> = {};
  for (const { result } of slices) {
    latency.merge(LatencyHistogram.of(result.latency));
    for (const [status, count] of Object.entries(result.statuses))
      statuses[status] = (statuses[status] ?? 0) + count;
  }
  const seconds = sumOf(slices, ({ result }) => result.seconds);
  const settled = sumOf(slices, ({ settledPerSecond, result }) => settledPerSecond * result.seconds);
  return {
    about: slices[0]?.about ?? "",
    settledPerSecond: seconds === 0 ? 0 : Math.round(settled / seconds),
    slicesPerSecond: slices.map(({ settledPerSecond }) => Math.round(settledPerSecond)),
    latencyMs: latency.summary(),
    statuses,
    usage: meanUsage(slices),
    generatorMicros: Math.round(sumOf(slices, ({ result }) => result.generatorMicros) / slices.length),
    verifications: slices.map(({ verification }) => verification),
  };
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
