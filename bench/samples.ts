// A run second by second: rates, latencies of that second alone, and what each process used. For the CSV, the plots
// and the figures of long runs.
// Does not own the clock of the samples (stage.ts), how many are kept (timeline.ts: long runs have longer ones), nor
// the totals of the report (summing-up.ts). Whoever listens hears every second.
// Invariant: a sample is the difference of two readings; pauses between loads are in none.

import type { LatencyHistogram, LatencySummary } from "./latency-histogram.ts";
import type { ProcessUsage } from "./process-usage.ts";
import { type Slot, Timeline } from "./timeline.ts";

/** Counters of a load that only grow, but for `inFlight` (messages). */
export interface LoadCounters {
  readonly published: number;
  readonly accepted: number;
  readonly settled: number;
  readonly refused: number;
  readonly inFlight: number;
}

/** One second; the last one may be shorter, those of a long run longer. */
export interface Sample {
  /** Of the load before what is measured. */
  readonly isWarmUp: boolean;
  /** Seconds from the start of the run, its warm-up included, to the start of this sample. */
  readonly fromSeconds: number;
  readonly seconds: number;
  readonly publishedPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly settledPerSecond: number;
  readonly refused: number;
  /** Messages without all outcomes at its end. */
  readonly inFlight: number;
  /** Of its outcomes; null when there were none. */
  readonly latencyMs: LatencySummary | null;
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
  readonly #onSample: (sample: Sample) => void;
  readonly #timeline = new Timeline();
  #last: Reading;
  #isWarmUp = false;

  /**
   * @param first counters as they stand at the start
   * @param onSample hears each sample as it is made; must not throw
   */
  constructor(first: Reading, onSample: (sample: Sample) => void) {
    this.#startMs = first.atMs;
    this.#onSample = onSample;
    this.#last = first;
  }

  /** The samples so far, oldest first, joined where there were too many. */
  get list(): readonly Sample[] {
    return this.#timeline.slots.map(sampleOf);
  }

  /** Goes on after a pause that no sample is to show; counters begin anew. */
  restart(reading: Reading, isWarmUp = false): void {
    this.#last = reading;
    this.#isWarmUp = isWarmUp;
  }

  /** Adds the sample from the last reading to this one. */
  add(reading: Reading): void {
    const last = this.#last;
    if (reading.atMs <= last.atMs) return;
    const slot = { ...slotBetween(last, reading, this.#startMs), isWarmUp: this.#isWarmUp };
    this.#timeline.add(slot);
    this.#onSample(sampleOf(slot));
    this.#last = reading;
  }
}

function slotBetween(
  last: Reading,
  { atMs, counters, latency, usage }: Reading,
  startMs: number,
): Omit<Slot, "isWarmUp"> {
  const grown = (name: "published" | "accepted" | "settled" | "refused"): number =>
    counters[name] - last.counters[name];
  const cpuSince = (name: string, cpuSeconds: number): number =>
    cpuSeconds - (last.usage.get(name)?.cpuSeconds ?? cpuSeconds);
  const usages = [...usage];
  return {
    fromMs: last.atMs - startMs,
    lengthMs: atMs - last.atMs,
    published: grown("published"),
    accepted: grown("accepted"),
    settled: grown("settled"),
    refused: grown("refused"),
    inFlight: counters.inFlight,
    latency: latency.since(last.latency),
    // A process that was started anew counts from zero.
    cpuSeconds: new Map(
      usages.map(([name, { cpuSeconds }]) => [name, Math.max(0, cpuSince(name, cpuSeconds))]),
    ),
    rssBytes: new Map(usages.map(([name, { rssBytes }]) => [name, rssBytes])),
  };
}

function sampleOf(slot: Slot): Sample {
  const seconds = slot.lengthMs / 1000;
  const share = (cpuSeconds: number): number => Math.round((cpuSeconds / seconds) * 1000) / 1000;
  return {
    isWarmUp: slot.isWarmUp,
    fromSeconds: Math.round(slot.fromMs) / 1000,
    seconds: Math.round(slot.lengthMs) / 1000,
    publishedPerSecond: Math.round(slot.published / seconds),
    acceptedPerSecond: Math.round(slot.accepted / seconds),
    settledPerSecond: Math.round(slot.settled / seconds),
    refused: slot.refused,
    inFlight: slot.inFlight,
    latencyMs: slot.settled === 0 ? null : slot.latency.summary(),
    cpu: Object.fromEntries([...slot.cpuSeconds].map(([name, spent]) => [name, share(spent)])),
    rss: Object.fromEntries(slot.rssBytes),
  };
}
