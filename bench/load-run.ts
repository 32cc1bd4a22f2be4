// The counters of one load, its bounds, and how it ends.
//
//   publishing ──► at its end (time, count, or nothing more to send) ──► every outcome and PubAck came: done
//        └───────────────┴──► failed
//
// Does not own: publishing and reading (load-generator.ts).

import { BenchFailure } from "./bench-failure.ts";
import type { InFlight } from "./in-flight.ts";
import type { LatencyHistogram } from "./latency-histogram.ts";
import type { MessageSource } from "./message-source.ts";
import type { LoadCounters } from "./samples.ts";
import { Schedule } from "./schedule.ts";

/** Bounds of one load. */
export interface LoadSettings {
  /** Messages without all outcomes at once. */
  readonly inFlight: number;
  readonly latency: LatencyHistogram;
  /** Publishing ends so many ms after the start; null = when the source or the count ends. */
  readonly durationMs: number | null;
  /** Publishing ends with the message that reaches so many commands; null = no bound. */
  readonly commandsMax: number | null;
  /** Commands per second on a fixed schedule; null = whenever there is room. */
  readonly ratePerSecond: number | null;
  /** Called about twice a second with the number of settled commands. */
  readonly onProgress: (settled: number) => void;
}

/** What one load came to. Seconds count from the first publication. */
export interface LoadResult {
  readonly published: number;
  readonly accepted: number;
  readonly settled: number;
  readonly refused: number;
  /** Outcomes that came more than once, or as replays. */
  readonly repeated: number;
  /** Outcomes that are not what the source expects. */
  readonly unexpected: number;
  /** The first of them, as text; null when there is none. */
  readonly firstUnexpected: string | null;
  readonly crossed: number;
  /** To the last outcome. */
  readonly seconds: number;
  /** To the last PubAck. */
  readonly acceptedSeconds: number;
  /** To the last publication. */
  readonly publishedSeconds: number;
  readonly scheduleLagMs: number;
  /** The longest time without any outcome while messages waited for theirs, ms. */
  readonly pauseMs: number;
}

/** See the file header. */
export class LoadRun {
  readonly source: MessageSource;
  readonly settings: LoadSettings;
  readonly open: InFlight;
  readonly schedule: Schedule | null;
  readonly done: Promise<void>;
  readonly startMs: number;
  /** What the source had sent over two shards before this load. */
  readonly #crossedBefore: number;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  published = 0;
  accepted = 0;
  settled = 0;
  refused = 0;
  repeated = 0;
  unexpected = 0;
  firstUnexpected: string | null = null;
  publishedMs: number;
  acceptedMs: number;
  settledMs: number;
  /** When the first of the messages was sent that now wait, none having waited before. */
  busySinceMs: number;
  pauseMs = 0;
  isAtEnd = false;

  constructor(source: MessageSource, settings: LoadSettings, open: InFlight, startMs: number) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.source = source;
    this.settings = settings;
    this.open = open;
    this.startMs = startMs;
    this.#crossedBefore = source.crossed;
    this.publishedMs = startMs;
    this.acceptedMs = startMs;
    this.settledMs = startMs;
    this.busySinceMs = startMs;
    const { ratePerSecond } = settings;
    this.schedule = ratePerSecond === null ? null : new Schedule(startMs, ratePerSecond);
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    promise.catch(() => undefined);
  }

  /** The counters as they stand. */
  counters(): LoadCounters {
    const { published, accepted, settled, refused } = this;
    return { published, accepted, settled, refused, inFlight: this.open.messages };
  }

  /** Whether time and count allow another message at `nowMs`. */
  mayPublish(nowMs: number): boolean {
    const { durationMs, commandsMax } = this.settings;
    if (durationMs !== null && nowMs - this.startMs >= durationMs) return false;
    return commandsMax === null || this.published < commandsMax;
  }

  /** Outcomes came. */
  noteOutcomes(nowMs: number): void {
    this.pauseMs = Math.max(this.pauseMs, nowMs - Math.max(this.settledMs, this.busySinceMs));
    this.settledMs = nowMs;
  }

  /** No further message. */
  end(): void {
    this.isAtEnd = true;
    this.endIfDone();
  }

  /** Whether an outcome or a PubAck is missing. */
  get isWaiting(): boolean {
    return this.open.messages > 0 || this.accepted < this.published;
  }

  endIfDone(): void {
    if (this.isAtEnd && !this.isWaiting) this.#resolve();
  }

  fail(why: string): void {
    this.isAtEnd = true;
    this.#reject(new BenchFailure(why));
  }

  result(): LoadResult {
    const secondsTo = (ms: number): number => (ms - this.startMs) / 1000;
    return {
      published: this.published,
      accepted: this.accepted,
      settled: this.settled,
      refused: this.refused,
      repeated: this.repeated,
      unexpected: this.unexpected,
      firstUnexpected: this.firstUnexpected,
      crossed: this.source.crossed - this.#crossedBefore,
      seconds: secondsTo(this.settledMs),
      acceptedSeconds: secondsTo(this.acceptedMs),
      publishedSeconds: secondsTo(this.publishedMs),
      scheduleLagMs: this.schedule?.lagMsMax ?? 0,
      pauseMs: this.pauseMs,
    };
  }
}
