// One phase of a load by autocannon: requests over connections that stay open, judged by their lanes, counted by status,
// with histograms of our own.
//
// autocannon's own latencies are not used: at a fixed rate it fills in for delayed requests as if one were due every
// millisecond, which makes percentiles too small. Here every request counts from the moment at which it was due, and
// those that were due and never sent count as long as they had waited at the end (turn-law.ts).
// Invariant: of every request it is known what became of it: answered and judged, or handed on to be asked for.

import autocannon from "autocannon";
import type { BenchClock } from "../bench-clock.ts";
import { LatencyHistogram } from "../latency-histogram.ts";
import { type ConnectionKeeper, LoadConnection } from "./load-connection.ts";
import type { LoadPhase, LoadSample, PhaseResult, Verdict } from "./load-plan.ts";
import type { RequestSource } from "./request-lane.ts";
import type { ResponseSkim } from "./response-skim.ts";
import { ClientTurns, PacedTurns, type TurnLaw } from "./turn-law.ts";

/**
 * How much longer than a phase autocannon waits for anything to be sent on a connection: it takes one that has nothing to
 * send for one that is not answered. What has no answer at the end is asked for then.
 */
const TIMEOUT_SECONDS = 60;
/** How often autocannon looks whether it is to stop, ms. By default each ms. */
const LOOK_MS = 100;
/** Samples shorter than this are left to the next one, s. */
const SAMPLE_SECONDS_MIN = 0.5;

/** The queue of free connections is moved to its front when so many have left it. */
const FREE_SHIFTED = 4_096;

/** Where and with what clock. */
export interface LoadBounds {
  readonly url: string;
  readonly phase: LoadPhase;
  readonly clock: Pick<BenchClock, "steadyMs" | "wallMs">;
}

/** What came of a phase, but for what the process knows of itself. */
export interface PhaseOutcome {
  readonly result: Omit<PhaseResult, "generatorMicros">;
  /** Connections that broke and requests that took too long. */
  readonly errors: number;
}

/** Runs one phase to its end. Errors: those of autocannon before it begins. */
export async function runPhase(source: RequestSource, bounds: LoadBounds): Promise<PhaseOutcome> {
  const keeper = new PhaseKeeper(source, bounds);
  const { url, phase } = bounds;
  const options: autocannon.Options = {
    ...{ url, connections: phase.connections, duration: phase.seconds },
    ...{ timeout: phase.seconds + TIMEOUT_SECONDS, sampleInt: LOOK_MS, skipAggregateResult: true },
    setupClient: (client) => keeper.connect(client),
  };
  const errors = await new Promise<number>((resolve, reject) => {
    const instance = autocannon(options, (error: Error | null, result: autocannon.Result) => {
      if (error) reject(error);
      else resolve(result.errors + result.timeouts);
    });
    instance.on("tick", () => keeper.onSecond());
  });
  return { result: keeper.close(), errors };
}

/** Gives turns to connections and counts what is answered. */
class PhaseKeeper implements ConnectionKeeper {
  readonly steadyMs: () => number;
  readonly #source: RequestSource;
  readonly #bounds: LoadBounds;
  readonly #law: TurnLaw;
  readonly #ticker: NodeJS.Timeout;
  readonly #connections: LoadConnection[] = [];
  /** Connections without a request, those that have been so for longest first from `#freeFrom` on. */
  #free: LoadConnection[] = [];
  #freeFrom = 0;
  readonly #statuses = new Map<number, number>();
  readonly #verdicts: Record<Verdict, number> = { good: 0, shed: 0, open: 0, wrong: 0 };
  /** Of all requests that were not shed, and by kind. */
  readonly #latency = new LatencyHistogram();
  readonly #latencies: readonly LatencyHistogram[];
  readonly #samples: LoadSample[] = [];
  readonly #startMs: number;
  readonly #settledBefore: number;
  #answered = 0;
  #endMs: number;
  #last: { atMs: number; settled: number; answered: number; shed: number; latency: LatencyHistogram };

  constructor(source: RequestSource, bounds: LoadBounds) {
    this.#source = source;
    this.#bounds = bounds;
    this.steadyMs = bounds.clock.steadyMs;
    const { ratePerSecond, clients } = bounds.phase;
    this.#startMs = this.steadyMs();
    this.#endMs = this.#startMs;
    this.#law =
      ratePerSecond === null
        ? new ClientTurns(this.#startMs, clients)
        : new PacedTurns(this.#startMs, ratePerSecond);
    this.#ticker = setInterval(() => this.#tick(), this.#law.tickMs);
    this.#latencies = source.kinds.map(() => new LatencyHistogram());
    this.#settledBefore = source.book.settled;
    const { settled } = source.book;
    this.#last = { atMs: this.#startMs, settled, answered: 0, shed: 0, latency: new LatencyHistogram() };
  }

  connect(client: autocannon.Client): void {
    this.#connections.push(new LoadConnection(client, this.#source.lane(), this));
  }

  turnFor(connection: LoadConnection): number | null {
    const dueMs = this.#law.take(this.steadyMs());
    if (dueMs === null) this.#free.push(connection);
    return dueMs;
  }

  onAnswer({ lane }: LoadConnection, answer: ResponseSkim, dueMs: number): void {
    const nowMs = this.steadyMs();
    const { status } = answer;
    const { kind } = lane;
    const verdict = lane.onAnswer(answer, nowMs);
    this.#endMs = nowMs;
    this.#answered += 1;
    this.#verdicts[verdict] += 1;
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (verdict === "shed") {
      const seconds = Math.max(1, Number(answer.header("retry-after") ?? 1) || 1);
      this.#law.back(nowMs, seconds * this.#bounds.phase.patience);
      return;
    }
    this.#latency.add(nowMs - dueMs, 1);
    this.#latencies[kind]?.add(nowMs - dueMs, 1);
    this.#law.back(nowMs, null);
  }

  /** Closes the sample of the last second. */
  onSecond(): void {
    const { clock } = this.#bounds;
    const atMs = clock.steadyMs();
    const last = this.#last;
    const seconds = (atMs - last.atMs) / 1000;
    if (seconds < SAMPLE_SECONDS_MIN) return;
    const answered = this.#answered - last.answered;
    const shed = this.#verdicts.shed - last.shed;
    const { settled } = this.#source.book;
    this.#samples.push({
      ...{ endMs: clock.wallMs(), seconds, settled: settled - last.settled, answered, shed },
      latencyMs: answered === shed ? null : this.#latency.since(last.latency).summary(),
    });
    this.#last = {
      ...{ atMs, settled, answered: this.#answered, shed: this.#verdicts.shed },
      latency: this.#latency.copy(),
    };
  }

  /** What was counted. A request counts in the time until the last answer. */
  close(): PhaseOutcome["result"] {
    clearInterval(this.#ticker);
    for (const connection of this.#connections) connection.end();
    const overdue = this.#law.overdue(this.steadyMs());
    for (const waitedMs of overdue) this.#latencies[0]?.add(waitedMs, 1);
    const { kinds, book } = this.#source;
    const latencies = kinds.map((kind, index) => [kind, this.#latencies[index]?.parts] as const);
    return {
      name: this.#bounds.phase.name,
      seconds: (this.#endMs - this.#startMs) / 1000,
      settled: book.settled - this.#settledBefore,
      statuses: Object.fromEntries(this.#statuses),
      verdicts: { ...this.#verdicts },
      latencies: Object.fromEntries(latencies.flatMap(([kind, parts]) => (parts ? [[kind, parts]] : []))),
      samples: this.#samples,
      unsent: overdue.length,
    };
  }

  #tick(): void {
    const nowMs = this.steadyMs();
    this.#law.tick(nowMs);
    if (this.#freeFrom >= FREE_SHIFTED) {
      this.#free = this.#free.slice(this.#freeFrom);
      this.#freeFrom = 0;
    }
    while (this.#freeFrom < this.#free.length) {
      const dueMs = this.#law.take(nowMs);
      if (dueMs === null) return;
      const connection = this.#free[this.#freeFrom];
      this.#freeFrom += 1;
      connection?.go(dueMs);
    }
    this.#free = [];
    this.#freeFrom = 0;
  }
}
