// What a scenario runs on: open and funded wallets, a generator, and the figures of everything that was loaded so far.
//
// Owns the totals over all loads and the samples of each second. A load that is not measured (a baseline, a warm-up)
// counts for the proof and not for the rates; of these, a warm-up alone has samples, which say what they are.

import type { NatsConnection } from "@nats-io/transport-node";
import type { TenantName } from "../protocol/names.ts";
import type { BenchClock } from "./bench-clock.ts";
import type { BenchIds } from "./bench-ids.ts";
import { type EngineCounters, engineCounters } from "./engine-counters.ts";
import type { Fleet } from "./fleet.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { LoadGenerator } from "./load-generator.ts";
import type { LoadResult } from "./load-run.ts";
import type { MessageSource } from "./message-source.ts";
import { usageOfAll, type WatchedProcess } from "./process-usage.ts";
import type { SeededRandom } from "./random.ts";
import type { BenchProgress, RestartKind } from "./report.ts";
import type { RunSettings } from "./run-settings.ts";
import { type LoadCounters, type Reading, type Sample, Samples } from "./samples.ts";

const SAMPLE_MS = 1_000;

/** What a stage is made of. */
export interface StageParts {
  readonly nc: NatsConnection;
  readonly clock: BenchClock;
  readonly tenant: TenantName;
  readonly shards: number;
  readonly fleet: Fleet;
  readonly ids: BenchIds;
  /** Where outcomes go. */
  readonly reply: string;
  readonly random: SeededRandom;
  readonly settings: RunSettings;
  readonly generator: LoadGenerator;
  /** The generator's own process and those under test. */
  readonly watched: readonly WatchedProcess[];
  readonly progress: (progress: BenchProgress) => void;
  /** Starts the engine again; null when the installation is not the bench's own. */
  readonly restartEngine: ((how: RestartKind) => Promise<void>) | null;
  /** Hears each sample as it is made. */
  readonly onSample: (sample: Sample) => void;
}

/** How a load differs from what the run's settings say. */
export interface LoadBounds {
  readonly phase?: BenchProgress["phase"];
  readonly seconds?: number | null;
  readonly commands?: number | null;
  readonly inFlight?: number;
  readonly ratePerSecond?: number | null;
  /** Whether it counts for rates, latencies, CPU and samples; default true. */
  readonly isMeasured?: boolean;
  /** Whether it is the warm-up: not measured, but with samples. */
  readonly isWarmUp?: boolean;
  /** How many commands it will be, for the progress; default: `commands`. */
  readonly total?: number;
}

/** Bounds of a load that brings to its end what a measured one began. */
export const FINISHING: LoadBounds = {
  isMeasured: false,
  seconds: null,
  commands: null,
  ratePerSecond: null,
};

/** One load: what it came to, its latencies, and the CPU seconds that each process took. */
export interface StageResult extends LoadResult {
  readonly latency: LatencyHistogram;
  readonly cpuSeconds: ReadonlyMap<string, number>;
}

/** What samples are taken of: the latencies of a load, and what each process had used before it. */
interface Sampled extends Pick<Reading, "latency" | "usage"> {
  readonly isWarmUp: boolean;
}

/** See the file header. */
export class Stage {
  readonly parts: StageParts;
  /** Every load, in order; the measured ones apart. */
  readonly results: StageResult[] = [];
  readonly measured: StageResult[] = [];
  /** Of the measured loads together. */
  readonly latency = new LatencyHistogram();
  samples: Samples | null = null;
  /** What the engine had counted when the warm-up ended; null without one. */
  warmedUp: EngineCounters | null = null;

  constructor(parts: StageParts) {
    this.parts = parts;
  }

  /**
   * Sends what is to be measured for `warmUpSeconds` and waits for every outcome, so that compiled code and filled
   * caches are not part of the figures: without it the first two seconds have latencies several times as long as the
   * rest. Does nothing when the settings say 0. Errors: BenchFailure.
   */
  async warmUp(source: MessageSource, seconds = this.parts.settings.warmUpSeconds): Promise<void> {
    if (seconds === 0) return;
    const { nc, shards } = this.parts;
    await this.load(source, { phase: "warm up", isMeasured: false, isWarmUp: true, commands: null, seconds });
    this.warmedUp = await engineCounters(nc, shards);
  }

  /** Loads until the bounds are reached and every outcome came. Errors: BenchFailure. */
  async load(source: MessageSource, bounds: LoadBounds = {}): Promise<StageResult> {
    const { generator, settings, watched } = this.parts;
    const isMeasured = bounds.isMeasured ?? true;
    const { commands = settings.commands, seconds = commands === null ? settings.seconds : null } = bounds;
    const tell = this.#teller(bounds, { commands, seconds });
    tell(0);
    const latency = new LatencyHistogram();
    const before = await usageOfAll(watched);
    const isWarmUp = bounds.isWarmUp ?? false;
    const sampling = isMeasured || isWarmUp ? this.#sample({ latency, usage: before, isWarmUp }) : null;
    let counters = generator.counters();
    try {
      const result = await generator.run(source, {
        inFlight: bounds.inFlight ?? settings.inFlight,
        latency,
        durationMs: seconds === null ? null : seconds * 1000,
        commandsMax: commands,
        ratePerSecond: bounds.ratePerSecond === undefined ? settings.ratePerSecond : bounds.ratePerSecond,
        onProgress: tell,
      });
      counters = { ...result, inFlight: 0 };
      const cpuSeconds = spent(before, await usageOfAll(watched));
      tell(result.settled);
      return this.#note({ ...result, latency, cpuSeconds }, isMeasured);
    } finally {
      await sampling?.end(counters);
    }
  }

  /** Measures processes while nothing is sent. */
  async rest(seconds: number): Promise<ReadonlyMap<string, number>> {
    const { watched } = this.parts;
    const before = await usageOfAll(watched);
    const sampling = this.#sample({ latency: new LatencyHistogram(), usage: before, isWarmUp: false });
    const tell = this.#teller({}, { commands: null, seconds });
    const telling = setInterval(() => tell(0), SAMPLE_MS);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    clearInterval(telling);
    await sampling.end(this.parts.generator.counters());
    return spent(before, await usageOfAll(watched));
  }

  #note(result: StageResult, isMeasured: boolean): StageResult {
    this.results.push(result);
    if (isMeasured) {
      this.measured.push(result);
      this.latency.merge(result.latency);
    }
    return result;
  }

  /** Takes a sample each second until it is ended, and one for the rest. */
  #sample({ latency, usage, isWarmUp }: Sampled): { end(last: LoadCounters): Promise<void> } {
    const { clock, generator, watched } = this.parts;
    const read = async (counters: LoadCounters): Promise<Reading> => {
      const [atMs, now] = [clock.steadyMs(), latency.copy()];
      return { atMs, counters, latency: now, usage: await usageOfAll(watched) };
    };
    const first = { atMs: clock.steadyMs(), counters: generator.counters(), latency: latency.copy(), usage };
    this.samples ??= new Samples(first, this.parts.onSample);
    this.samples.restart(first, isWarmUp);
    const { samples } = this;
    const timer = setInterval(
      () => void read(generator.counters()).then((reading) => samples.add(reading)),
      SAMPLE_MS,
    );
    const end = async (last: LoadCounters): Promise<void> => {
      clearInterval(timer);
      samples.add(await read(last));
    };
    return { end };
  }

  #teller(
    bounds: LoadBounds,
    { commands, seconds }: { readonly commands: number | null; readonly seconds: number | null },
  ): (done: number) => void {
    const { clock, progress } = this.parts;
    const startMs = clock.steadyMs();
    const total = bounds.total ?? commands;
    return (done) => {
      const soFar = (clock.steadyMs() - startMs) / 1000;
      const perSecond = soFar > 0 ? Math.round(done / soFar) : 0;
      progress({ phase: bounds.phase ?? "run", done, total, perSecond, seconds: soFar, ofSeconds: seconds });
    };
  }
}

function spent(before: Reading["usage"], after: Reading["usage"]): ReadonlyMap<string, number> {
  const names = [...after.keys()];
  return new Map(
    names.map((name) => [name, (after.get(name)?.cpuSeconds ?? 0) - (before.get(name)?.cpuSeconds ?? 0)]),
  );
}
