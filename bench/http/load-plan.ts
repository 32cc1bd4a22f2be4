// What the process that makes the load is told, and what it says at the end. Both cross a process boundary as JSON.
//
// A load is a row of phases, each with connections of its own; what is sent goes on from one to the next.
// Does not own what the figures mean (http-report.ts, surge-report.ts).

import type { HistogramParts } from "../latency-histogram.ts";

/** What the requests are. */
export const LOADS = [
  "uniform",
  "hot",
  "single-hot",
  "batches",
  "cross",
  "reads",
  "storm",
  "claims",
] as const;
/** See LOADS. */
export type LoadName = (typeof LOADS)[number];

/** One stretch of a load. */
export interface LoadPhase {
  readonly name: string;
  readonly seconds: number;
  readonly connections: number;
  /** Callers, each with one request at a time, who share the connections; at least as many. Of no meaning with a rate. */
  readonly clients: number;
  /** Part of the time that a client who is turned away is told to wait that he waits: 0 = he asks again in 10 ms. */
  readonly patience: number;
  /** Requests a second, whatever the answers do; null = each client sends again when it is answered. */
  readonly ratePerSecond: number | null;
}

/** What the process is told. */
export interface LoadPlan {
  readonly url: string;
  readonly key: string;
  readonly load: LoadName;
  readonly phases: readonly LoadPhase[];
  /** All wallets that money moves among; the hot ones are the first. Their names are equally long. */
  readonly wallets: readonly string[];
  readonly hotWallets: number;
  /** Of the installation: `cross` moves money between owners of different ones. */
  readonly shards: number;
  readonly seed: number;
  /** 16 hex digits that no other load has: of them and the number the ids of its commands are made. */
  readonly token: string;
}

/** What an answer says of its request. */
export const VERDICTS = ["good", "shed", "open", "wrong"] as const;
/**
 * `good`: what was asked for, or the refusal that had to come. `shed`: not taken, nothing happened. `open`: it is not
 * known yet what becomes of it. `wrong`: anything else.
 */
export type Verdict = (typeof VERDICTS)[number];

/** About one second. */
export interface LoadSample {
  /** When it ended, ms since 1970. */
  readonly endMs: number;
  readonly seconds: number;
  readonly settled: number;
  readonly answered: number;
  readonly shed: number;
  /** Of what was not shed. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
}

/** What was measured in one phase. */
export interface PhaseResult {
  readonly name: string;
  readonly seconds: number;
  /** Commands that settled; each id counts once. */
  readonly settled: number;
  /** Requests that were answered, by HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Of requests that were not shed, by their kind: in a batch all commands have the same. */
  readonly latencies: Readonly<Record<string, HistogramParts>>;
  readonly samples: readonly LoadSample[];
  /** With a rate: requests that were due and could not be sent before the end. They are in the latencies as they stand. */
  readonly unsent: number;
  /** CPU of the process for one request, µs. */
  readonly generatorMicros: number;
}

/** What was measured. */
export interface LoadResult {
  readonly phases: readonly PhaseResult[];
  /** Change of each wallet by all that was answered as settled. */
  readonly changes: readonly number[];
  /** Requests of which nobody knows what became: their fate is to be asked for. */
  readonly unanswered: readonly UnansweredRequest[];
  /** Connections that broke and requests that took too long. */
  readonly errors: number;
  /** What some of the wrong answers said. */
  readonly examples: readonly string[];
}

/** A request whose outcome nobody has seen. */
export interface UnansweredRequest {
  readonly path: string;
  readonly body: string;
  /** Status once it is settled. */
  readonly settledStatus: number;
  /** Another content was sent under the same id: one of the two is refused. */
  readonly mayConflict: boolean;
  /** Where its outcome is read, when sending it again does not tell. */
  readonly outcomePath?: string;
  /** Requests of one key are one. */
  readonly key?: number;
  /** Pairs of wallet and change. */
  readonly changes: readonly (readonly [wallet: number, change: number])[];
}

/** The phase of a name. Errors: throws when there is none. */
export function phaseNamed({ phases }: LoadResult, name: string): PhaseResult {
  const found = phases.find((phase) => phase.name === name);
  if (found === undefined) throw new Error(`the load has no phase ${name}`);
  return found;
}
