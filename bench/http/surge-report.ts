// What a surge did: how much was asked for, how much was served and how steadily, and how soon all was as before.
//
// Demand is what the clients of the surge would send if each of them were served as in the calm before: clients divided
// by the mean latency there (Little's law). Nobody can send so much here: whoever is turned away waits as long as he is
// told, and so does what he would have asked for. `arrivedPerSecond` is what came.

import { LatencyHistogram, type LatencySummary } from "../latency-histogram.ts";
import type { Slice } from "./http-slice.ts";
import { type LoadSample, type PhaseResult, phaseNamed } from "./load-plan.ts";
import { peakOf } from "./memory-watch.ts";

/** Samples in the worst stretch. */
const STRETCH = 5;
/** As before: so much of the rate, and no more than so many times the 95th percentile or this, ms. */
const [RATE_AGAIN, LATENCY_AGAIN, LATENCY_AGAIN_MS] = [0.9, 1.5, 60];

/** See the file header. */
export interface SurgeReport {
  readonly clients: number;
  /** Settled a second in the calm before. */
  readonly peakPerSecond: number;
  readonly calmLatencyMs: LatencySummary;
  readonly demandPerSecond: number;
  /** Demand by peak. */
  readonly demandToPeak: number;
  /** Requests a second that came, shed or not. */
  readonly arrivedPerSecond: number;
  readonly shedPerSecond: number;
  readonly settledPerSecond: number;
  readonly ratioToPeak: number;
  /** The same of the worst five seconds on end. */
  readonly worstRatioToPeak: number;
  /** Of what was not shed. */
  readonly acceptedLatencyMs: LatencySummary;
  readonly gatewayRssMb: number | null;
  /** After the surge, until rate and latency of one second are as before; null = not while it was watched. */
  readonly recoverySeconds: number | null;
}

/** Sums up a slice whose phases are those of a surge. @param clients of the surge */
export function surgeReport({ result, memory }: Slice, clients: number): SurgeReport {
  const [calm, surge, after] = [
    phaseNamed(result, "calm"),
    phaseNamed(result, "surge"),
    phaseNamed(result, "after"),
  ];
  const [before, accepted] = [latencyOf(calm), latencyOf(surge)];
  const peak = rateOf(calm.settled, calm);
  const demand = before.meanMs === 0 ? 0 : (clients * 1_000) / before.meanMs;
  const rss = peakOf(memory, "gateway");
  return {
    clients,
    ...{ peakPerSecond: Math.round(peak), calmLatencyMs: before.summary() },
    ...{ demandPerSecond: Math.round(demand), demandToPeak: ratio(demand, peak) },
    arrivedPerSecond: Math.round(rateOf(answeredIn(surge), surge)),
    shedPerSecond: Math.round(rateOf(surge.verdicts.shed, surge)),
    settledPerSecond: Math.round(rateOf(surge.settled, surge)),
    ratioToPeak: ratio(rateOf(surge.settled, surge), peak),
    worstRatioToPeak: ratio(worstRate(surge.samples), peak),
    acceptedLatencyMs: accepted.summary(),
    gatewayRssMb: rss === null ? null : Math.round(rss / 2 ** 20),
    recoverySeconds: recoverySeconds(after.samples, { peak, p95Ms: before.summary().p95 }),
  };
}

/** All kinds of a phase together. */
export function latencyOf({ latencies }: PhaseResult): LatencyHistogram {
  const all = new LatencyHistogram();
  for (const parts of Object.values(latencies)) all.merge(LatencyHistogram.of(parts));
  return all;
}

/** Seconds until a sample is as before. */
export function recoverySeconds(
  samples: readonly LoadSample[],
  { peak, p95Ms }: { readonly peak: number; readonly p95Ms: number },
): number | null {
  const most = Math.max(p95Ms * LATENCY_AGAIN, LATENCY_AGAIN_MS);
  let passed = 0;
  for (const { seconds, settled, latencyMs } of samples) {
    passed += seconds;
    const isFast = latencyMs !== null && latencyMs.p95 <= most;
    if (isFast && settled / seconds >= peak * RATE_AGAIN) return Math.round(passed * 10) / 10;
  }
  return null;
}

/** The lowest rate of so many samples on end as a stretch has, or of all of them when they are fewer. */
export function worstRate(samples: readonly LoadSample[]): number {
  const length = Math.min(STRETCH, samples.length);
  let worst = Number.POSITIVE_INFINITY;
  for (let from = 0; from + length <= samples.length && length > 0; from += 1) {
    const stretch = samples.slice(from, from + length);
    const seconds = stretch.reduce((sum, each) => sum + each.seconds, 0);
    worst = Math.min(worst, stretch.reduce((sum, each) => sum + each.settled, 0) / seconds);
  }
  return Number.isFinite(worst) ? worst : 0;
}

function answeredIn({ verdicts }: PhaseResult): number {
  return Object.values(verdicts).reduce((sum, count) => sum + count, 0);
}

function rateOf(count: number, { seconds }: PhaseResult): number {
  return seconds === 0 ? 0 : count / seconds;
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 100) / 100;
}
