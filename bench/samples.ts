// A run second by second: rates, latencies of that second alone, and what each process used. For the CSV and the plots.
// Does not own the clock of the samples (stage.ts) nor the totals of the report (summing-up.ts).
// Invariant: a sample is the difference of two readings; pauses between loads are in none.

import type { LatencyHistogram, LatencySummary } from "./latency-histogram.ts";
import type { ProcessUsage } from "./process-usage.ts";

/** Counters of a load that only grow, but for `inFlight` (messages). */
export interface LoadCounters {
  readonly published: number;
  readonly accepted: number;
  readonly settled: number;
  readonly refused: number;
  readonly inFlight: number;
}

/** One second (the last one may be shorter). */
export interface Sample {
  /** Seconds from the start of the run to the end of this sample. */
  readonly atSeconds: number;
  readonly publishedPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly settledPerSecond: number;
  readonly refused: number;
  /** Messages without all outcomes at its end. */
  readonly inFlight: number;
  /** Of the outcomes of this second. */
  readonly latencyMs: LatencySummary;
  /** CPU seconds per second, by process. */
  readonly cpu: Readonly<Record<string, number>>;
  /** Resident bytes, by process. */
  readonly rss: Readonly<Record<string, number>>;
}

/** What is known at the end of a sample. */
export interface Reading {
  readonly atMs: number;
  readonly counters: LoadCounters;
  readonly latency: LatencyHistogram;
  readonly usage: ReadonlyMap<string, ProcessUsage>;
}

/** Turns readings into samples. */
export class Samples {
  readonly #startMs: number;
  readonly #list: Sample[] = [];
  #last: Reading;

  /** @param first counters as they stand at the start */
  constructor(first: Reading) {
    this.#startMs = first.atMs;
    this.#last = first;
  }

  /** All samples so far, oldest first. */
  get list(): readonly Sample[] {
    return this.#list;
  }

  /** Goes on after a pause that no sample is to show; counters begin anew. */
  restart(reading: Reading): void {
    this.#last = reading;
  }

  /** Adds the sample from the last reading to this one. */
  add(reading: Reading): void {
    const last = this.#last;
    const seconds = (reading.atMs - last.atMs) / 1000;
    if (seconds <= 0) return;
    const rate = (name: "published" | "accepted" | "settled"): number =>
      Math.round((reading.counters[name] - last.counters[name]) / seconds);
    const usages = [...reading.usage];
    this.#list.push({
      atSeconds: Math.round(reading.atMs - this.#startMs) / 1000,
      publishedPerSecond: rate("published"),
      acceptedPerSecond: rate("accepted"),
      settledPerSecond: rate("settled"),
      refused: reading.counters.refused - last.counters.refused,
      inFlight: reading.counters.inFlight,
      latencyMs: reading.latency.since(last.latency).summary(),
      cpu: Object.fromEntries(usages.map(([name, { cpuSeconds }]) => [name, share(cpuSeconds, name)])),
      rss: Object.fromEntries(usages.map(([name, { rssBytes }]) => [name, rssBytes])),
    });
    this.#last = reading;

    function share(cpuSeconds: number, name: string): number {
      const before = last.usage.get(name)?.cpuSeconds ?? cpuSeconds;
      return Math.round(((cpuSeconds - before) / seconds) * 1000) / 1000;
    }
  }
}

/** The samples as CSV with a heading; a column for the CPU and the memory of each process. */
export function samplesCsv(samples: readonly Sample[]): string {
  const names = [...new Set(samples.flatMap(({ cpu }) => Object.keys(cpu)))];
  const fixed = ["atSeconds", "publishedPerSecond", "acceptedPerSecond", "settledPerSecond", "refused"];
  const latencies = ["inFlight", "p50Ms", "p95Ms", "p99Ms", "maxMs"];
  const used = names.flatMap((name) => [`cpu ${name}`, `rss ${name}`]);
  const rows = samples.map((sample) => {
    const { p50, p95, p99, max } = sample.latencyMs;
    return [
      sample.atSeconds,
      sample.publishedPerSecond,
      sample.acceptedPerSecond,
      sample.settledPerSecond,
      sample.refused,
      sample.inFlight,
      ...[p50, p95, p99, max],
      ...names.flatMap((name) => [sample.cpu[name] ?? "", sample.rss[name] ?? ""]),
    ];
  });
  return `${[[...fixed, ...latencies, ...used], ...rows].map((row) => row.join(",")).join("\n")}\n`;
}
