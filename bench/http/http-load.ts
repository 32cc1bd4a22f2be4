// A stretch of a load by autocannon: phases over the same connections, which stay open; requests judged by their lanes,
// counted phase by phase (phase-tally.ts), with latencies of our own.
//
// autocannon's own latencies are not used: at a fixed rate it fills in for delayed requests as if one were due every
// millisecond, which makes percentiles too small. Here every request counts from the moment at which it was due, and
// those that were due and never sent count as long as they had waited at the end (turn-law.ts).
// A warm-up shares its connections with what follows: a busy server takes a while until it has taken in new ones.
// Invariant: of every request it is known what became of it: answered and judged, or handed on to be asked for.

import autocannon from "autocannon";
import { type ConnectionKeeper, LoadConnection } from "./load-connection.ts";
import type { LoadPhase, PhaseResult } from "./load-plan.ts";
import { type LoadClock, PhaseTally } from "./phase-tally.ts";
import type { RequestSource } from "./request-lane.ts";
import type { ResponseSkim } from "./response-skim.ts";
import { ClientTurns, PacedTurns, type TurnLaw } from "./turn-law.ts";

/**
 * How much longer than a stretch autocannon waits for anything to be sent on a connection: it takes one that has nothing
 * to send for one that is not answered. What has no answer at the end is asked for then.
 */
const TIMEOUT_SECONDS = 60;
/** How often autocannon looks whether it is to stop, ms. By default each ms. */
const LOOK_MS = 100;
/** The queue of free connections is moved to its front when so many have left it. */
const FREE_SHIFTED = 4_096;

/** Where, and with what clock. */
export interface LoadBounds {
  readonly url: string;
  readonly clock: LoadClock;
}

/** What came of a stretch. */
export interface StretchResult {
  readonly phases: readonly PhaseResult[];
  /** Connections that broke and requests that took too long. */
  readonly errors: number;
}

/** Phases that follow one another and differ in nothing but name and length. */
export function stretchesOf(phases: readonly LoadPhase[]): LoadPhase[][] {
  const stretches: LoadPhase[][] = [];
  for (const phase of phases) {
    const last = stretches.at(-1);
    const before = last?.at(-1);
    if (last !== undefined && before !== undefined && isLike(phase, before)) last.push(phase);
    else stretches.push([phase]);
  }
  return stretches;
}

function isLike(one: LoadPhase, other: LoadPhase): boolean {
  const names = ["connections", "clients", "patience", "ratePerSecond"] as const;
  return names.every((name) => one[name] === other[name]);
}

/** Runs one stretch to its end. Errors: those of autocannon before it begins. */
export async function runStretch(
  source: RequestSource,
  phases: readonly LoadPhase[],
  { url, clock }: LoadBounds,
): Promise<StretchResult> {
  const keeper = new StretchKeeper(source, phases, clock);
  const seconds = phases.reduce((sum, phase) => sum + phase.seconds, 0);
  const options: autocannon.Options = {
    ...{ url, connections: phases[0]?.connections ?? 1, duration: seconds, sampleInt: LOOK_MS },
    ...{ timeout: seconds + TIMEOUT_SECONDS, skipAggregateResult: true },
    setupClient: (client) => keeper.connect(client),
  };
  const errors = await new Promise<number>((resolve, reject) => {
    const instance = autocannon(options, (error: Error | null, result: autocannon.Result) => {
      if (error) reject(error);
      else resolve(result.errors + result.timeouts);
    });
    instance.on("tick", () => keeper.onSecond());
  });
  return { phases: keeper.close(), errors };
}

/** Gives turns to connections and has counted what is answered. */
class StretchKeeper implements ConnectionKeeper {
  readonly steadyMs: () => number;
  readonly #source: RequestSource;
  readonly #phases: readonly LoadPhase[];
  readonly #clock: LoadClock;
  readonly #law: TurnLaw;
  readonly #patience: number;
  readonly #ticker: NodeJS.Timeout;
  readonly #connections: LoadConnection[] = [];
  readonly #done: PhaseResult[] = [];
  #tally: PhaseTally;
  /** When the phase that is counted ends; the last one ends with the load. */
  #untilMs: number;
  /** Connections without a request, those that have been so for longest first from `#freeFrom` on. */
  #free: LoadConnection[] = [];
  #freeFrom = 0;

  constructor(source: RequestSource, phases: readonly LoadPhase[], clock: LoadClock) {
    this.#source = source;
    this.#phases = phases;
    this.#clock = clock;
    this.steadyMs = clock.steadyMs;
    const startMs = this.steadyMs();
    const { ratePerSecond = null, clients = 1, patience = 1, name = "", seconds = 0 } = phases[0] ?? {};
    this.#patience = patience;
    this.#law =
      ratePerSecond === null ? new ClientTurns(startMs, clients) : new PacedTurns(startMs, ratePerSecond);
    this.#ticker = setInterval(() => this.#tick(), this.#law.tickMs);
    this.#tally = new PhaseTally(name, source, clock);
    this.#untilMs = startMs + seconds * 1_000;
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
    const { kind } = lane;
    if (nowMs >= this.#untilMs && this.#done.length + 1 < this.#phases.length) this.#nextPhase();
    const verdict = lane.onAnswer(answer, nowMs);
    this.#tally.onAnswer(kind, answer.status, verdict, nowMs - dueMs);
    this.#tally.onTime(nowMs);
    if (verdict !== "shed") {
      this.#law.back(nowMs, null);
      return;
    }
    const seconds = Math.max(1, Number(answer.header("retry-after") ?? 1) || 1);
    this.#law.back(nowMs, seconds * this.#patience);
  }

  onSecond(): void {
    this.#tally.onSecond();
  }

  close(): readonly PhaseResult[] {
    clearInterval(this.#ticker);
    for (const connection of this.#connections) connection.end();
    for (const waitedMs of this.#law.overdue(this.steadyMs())) this.#tally.onUnsent(waitedMs);
    while (this.#done.length < this.#phases.length) this.#nextPhase();
    return this.#done;
  }

  #nextPhase(): void {
    this.#tally.onSecond();
    this.#done.push(this.#tally.close());
    const next = this.#phases[this.#done.length];
    this.#untilMs += (next?.seconds ?? 0) * 1_000;
    this.#tally = new PhaseTally(next?.name ?? "", this.#source, this.#clock);
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
