// What is counted in one phase of a load: answers by status and verdict, latencies by kind, and a sample each second.
//
// Invariant: what a phase settled is counted in it alone; a request counts in the phase in which it is answered.

import type { BenchClock } from "../bench-clock.ts";
import { LatencyHistogram } from "../latency-histogram.ts";
import type { LoadSample, PhaseResult, Verdict } from "./load-plan.ts";
import type { RequestSource } from "./request-lane.ts";

/** Samples shorter than this are left to the next one, s. */
const SAMPLE_SECONDS_MIN = 0.5;

/** What the process that makes the load knows of time. */
export interface LoadClock extends Pick<BenchClock, "steadyMs" | "wallMs"> {
  /** CPU that this process has used, µs. */
  cpuMicros(): number;
}

/** See the file header. */
export class PhaseTally {
  readonly #name: string;
  readonly #source: RequestSource;
  readonly #clock: LoadClock;
  readonly #statuses = new Map<number, number>();
  readonly #verdicts: Record<Verdict, number> = { good: 0, shed: 0, open: 0, wrong: 0 };
  /** Of all requests that were not shed, and by kind. */
  readonly #latency = new LatencyHistogram();
  readonly #latencies: readonly LatencyHistogram[];
  readonly #samples: LoadSample[] = [];
  readonly #startMs: number;
  readonly #startMicros: number;
  readonly #settledBefore: number;
  #answered = 0;
  #unsent = 0;
  #endMs: number;
  #last: { atMs: number; settled: number; answered: number; shed: number; latency: LatencyHistogram };

  /** Begins to count. */
  constructor(name: string, source: RequestSource, clock: LoadClock) {
    this.#name = name;
    this.#source = source;
    this.#clock = clock;
    this.#latencies = source.kinds.map(() => new LatencyHistogram());
    this.#startMs = clock.steadyMs();
    this.#startMicros = clock.cpuMicros();
    this.#endMs = this.#startMs;
    const { settled } = source.book;
    this.#settledBefore = settled;
    this.#last = { atMs: this.#startMs, settled, answered: 0, shed: 0, latency: new LatencyHistogram() };
  }

  /** Counts an answer. @param waitedMs since its request was due */
  onAnswer(kind: number, status: number, verdict: Verdict, waitedMs: number): void {
    this.#answered += 1;
    this.#verdicts[verdict] += 1;
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (verdict === "shed") return;
    this.#latency.add(waitedMs, 1);
    this.#latencies[kind]?.add(waitedMs, 1);
  }

  /** Notes when the last answer came. */
  onTime(nowMs: number): void {
    this.#endMs = nowMs;
  }

  /** Counts a request that was due and never sent. */
  onUnsent(waitedMs: number): void {
    this.#unsent += 1;
    this.#latencies[0]?.add(waitedMs, 1);
  }

  /** Closes the sample of the last second. */
  onSecond(): void {
    const atMs = this.#clock.steadyMs();
    const last = this.#last;
    const seconds = (atMs - last.atMs) / 1000;
    if (seconds < SAMPLE_SECONDS_MIN) return;
    const answered = this.#answered - last.answered;
    const shed = this.#verdicts.shed - last.shed;
    const { settled } = this.#source.book;
    this.#samples.push({
      ...{ endMs: this.#clock.wallMs(), seconds, settled: settled - last.settled, answered, shed },
      latencyMs: answered === shed ? null : this.#latency.since(last.latency).summary(),
    });
    this.#last = {
      ...{ atMs, settled, answered: this.#answered, shed: this.#verdicts.shed },
      latency: this.#latency.copy(),
    };
  }

  /** What was counted so far. Time runs until the last answer. */
  close(): PhaseResult {
    const { kinds, book } = this.#source;
    const latencies = kinds.map((kind, index) => [kind, this.#latencies[index]?.parts] as const);
    const micros = this.#clock.cpuMicros() - this.#startMicros;
    return {
      name: this.#name,
      seconds: (this.#endMs - this.#startMs) / 1000,
      settled: book.settled - this.#settledBefore,
      statuses: Object.fromEntries(this.#statuses),
      verdicts: { ...this.#verdicts },
      latencies: Object.fromEntries(latencies.flatMap(([kind, parts]) => (parts ? [[kind, parts]] : []))),
      samples: this.#samples,
      unsent: this.#unsent,
      generatorMicros: this.#answered === 0 ? 0 : Math.round(micros / this.#answered),
    };
  }
}
