// What the process that makes the load is told, and what it says at the end. Both cross a process boundary as JSON.
//
// Does not own what the figures mean (http-report.ts).

import type { HistogramParts } from "../latency-histogram.ts";

/** What the requests are. */
export const LOADS = ["uniform", "hot", "single-hot", "batches"] as const;
/** See LOADS. */
export type LoadName = (typeof LOADS)[number];

/** What the process is told. */
export interface LoadPlan {
  readonly url: string;
  readonly key: string;
  readonly load: LoadName;
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Requests a second, whatever the answers do; null = each connection sends again when it is answered. */
  readonly ratePerSecond: number | null;
  /** All wallets that money moves among; the hot ones are the first. */
  readonly wallets: readonly string[];
  readonly hotWallets: number;
  readonly seed: number;
  /** 16 hex digits that no other load has: of them and the number the ids of its commands are made. */
  readonly token: string;
}

/** About one second. */
export interface LoadSample {
  readonly seconds: number;
  readonly settled: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
}

/** What was measured, the warm-up not included but where it says so. */
export interface LoadResult {
  readonly seconds: number;
  /** Requests that were answered, by HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** The same of the warm-up. */
  readonly warmUpStatuses: Readonly<Record<string, number>>;
  /** Of requests: in a batch all commands have the same. */
  readonly latency: HistogramParts;
  readonly samples: readonly LoadSample[];
  readonly commandsPerRequest: number;
  /** Change of each wallet by all that was answered as settled, the warm-up included. */
  readonly changes: readonly number[];
  /** Requests that had no answer when the load ended, the warm-up included: their fate is to be asked for. */
  readonly unanswered: readonly UnansweredRequest[];
  /** Connections that broke and requests that took too long, the warm-up included. */
  readonly errors: number;
  /** CPU of the process for one request, µs. */
  readonly generatorMicros: number;
}

/** A request whose answer nobody has seen. */
export interface UnansweredRequest {
  readonly body: string;
  /** Pairs of wallet and change. */
  readonly changes: readonly (readonly [wallet: number, change: number])[];
}
