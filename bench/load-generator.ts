// The load generator: publishes frames with a bounded number in flight, counts PubAcks and outcomes, and checks that
// each command is answered once. Lean on purpose (about 1 µs a command): it shares the machine with what it measures.
//
//   next frame ► publish ► PubAck counted
//                   └────► outcomes counted ► frame complete ► next frame
//
// Does not own: resending. A bench that loses its connection or gets no answer fails; it does not paper over it.
// Invariant: at most `framesInFlight` frames wait for outcomes; every number is answered at most once, or it is an error.

import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { TenantName } from "../protocol/names.ts";
import { decodeOutcomes } from "../protocol/outcome-codec.ts";
import { frameSubject } from "../protocol/subject.ts";
import type { BenchClock } from "./bench-clock.ts";
import { BenchFailure } from "./bench-failure.ts";
import type { BenchIds } from "./bench-ids.ts";
import type { LatencyHistogram } from "./latency-histogram.ts";
import { skimOutcomes } from "./outcome-skim.ts";

/** No answer of any kind for this long ends the run, ms. */
const SILENCE_MS_MAX = 30_000;
const REPORT_MS = 500;

/** One frame, ready to be published. */
export interface SourceFrame {
  readonly shard: number;
  /** Commands in it. */
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Makes the frames of a run. */
export interface FrameSource {
  /**
   * The next frame, whose commands have the ids of `first`, `first + 1`, … at `wallMs`, and bytes of its own.
   * @returns null at the end of the run
   */
  next(first: number, wallMs: number): SourceFrame | null;
}

/** What a generator works with. */
export interface GeneratorParts {
  readonly nc: NatsConnection;
  readonly clock: BenchClock;
  readonly tenant: TenantName;
  readonly ids: BenchIds;
  /** Where the frames say that outcomes go. */
  readonly reply: string;
  /** Inbox for PubAcks. */
  readonly acks: string;
}

/** Bounds of one run. */
export interface LoadSettings {
  readonly framesInFlight: number;
  readonly latency: LatencyHistogram;
  /** Called about twice a second with the number of settled commands. */
  readonly onProgress: (settled: number) => void;
}

/** What one run came to. */
export interface LoadResult {
  readonly published: number;
  readonly accepted: number;
  readonly settled: number;
  readonly refused: number;
  /** Outcomes that came more than once. */
  readonly repeated: number;
  readonly seconds: number;
  /** Seconds until the last PubAck. */
  readonly acceptedSeconds: number;
  /** The first refusal's code, or null. */
  readonly firstRefusal: string | null;
}

interface SentFrame {
  readonly sentMs: number;
  missing: number;
}

/** See the file header. One generator may run several loads, one after the other; numbers go on. */
export class LoadGenerator {
  readonly #parts: GeneratorParts;
  /** The frame of each number that was sent, by number. */
  readonly #frameOf: (SentFrame | undefined)[] = [];
  #nextNumber = 0;
  #run: LoadRun | null = null;

  constructor(parts: GeneratorParts) {
    this.#parts = parts;
    parts.nc.subscribe(parts.reply, {
      callback: (error, message) => this.#guarded(error, () => this.#onOutcomes(message)),
    });
    parts.nc.subscribe(`${parts.acks}.*`, {
      callback: (error, message) => this.#guarded(error, () => this.#onPubAck(message)),
    });
  }

  /**
   * Publishes all frames of a source and waits for their outcomes.
   * Errors: BenchFailure when a frame is refused, the connection ends, or nothing comes for 30 s.
   */
  async run(source: FrameSource, settings: LoadSettings): Promise<LoadResult> {
    const { clock, nc } = this.#parts;
    const run = new LoadRun(source, settings, clock.steadyMs());
    this.#run = run;
    const watching = setInterval(() => this.#watch(run), REPORT_MS);
    nc.closed()
      .then(() => run.fail("the connection to NATS ended"))
      .catch(() => undefined);
    try {
      this.#fill(run);
      await run.done;
      return run.result();
    } finally {
      clearInterval(watching);
      this.#run = null;
      this.#frameOf.length = 0;
    }
  }

  #watch(run: LoadRun): void {
    if (this.#parts.clock.steadyMs() - run.lastMs > SILENCE_MS_MAX) run.fail("no answer for 30 s");
    run.settings.onProgress(run.settled);
  }

  #fill(run: LoadRun): void {
    const { nc, clock, tenant, acks } = this.#parts;
    while (!run.isAtEnd && run.inFlight < run.settings.framesInFlight) {
      const frame = run.source.next(this.#nextNumber, clock.wallMs());
      if (frame === null) {
        run.end();
        return;
      }
      const { shard, count, bytes } = frame;
      const sent: SentFrame = { sentMs: clock.steadyMs(), missing: count };
      this.#nextNumber += count;
      for (let index = 0; index < count; index += 1) this.#frameOf.push(sent);
      run.base = this.#nextNumber - this.#frameOf.length;
      run.inFlight += 1;
      run.published += count;
      nc.publish(frameSubject(shard, tenant), bytes, { reply: `${acks}.${count}` });
    }
  }

  #onPubAck(message: Msg): void {
    const run = this.#run;
    if (run === null) return;
    const text = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length).toString(
      "latin1",
    );
    if (!text.includes('"seq":') || text.includes('"error"')) {
      run.fail(`a frame was refused by the log: ${text === "" ? "no responders" : text}`);
      return;
    }
    run.accepted += Number(message.subject.slice(this.#parts.acks.length + 1));
    run.acceptedMs = this.#parts.clock.steadyMs();
    run.endIfDone();
  }

  #onOutcomes(message: Msg): void {
    const run = this.#run;
    if (run === null) return;
    const nowMs = this.#parts.clock.steadyMs();
    run.lastMs = nowMs;
    const skimmed = skimOutcomes(message.data, (tail, isDone, isReplayed) => {
      this.#settle(run, this.#parts.ids.numberOf(tail), nowMs);
      if (!isDone) run.refused += 1;
      if (isReplayed) run.replayed += 1;
    });
    if (skimmed === null) run.fail("an answer could not be read");
    if (run.refused > 0 && run.firstRefusal === null) run.firstRefusal = refusalIn(message.data);
    this.#fill(run);
  }

  #settle(run: LoadRun, number: number, nowMs: number): void {
    const index = number - run.base;
    const frame = this.#frameOf[index];
    if (frame === undefined) {
      run.repeated += 1;
      return;
    }
    this.#frameOf[index] = undefined;
    run.settled += 1;
    frame.missing -= 1;
    run.countLatency(frame.sentMs, nowMs);
    if (frame.missing === 0) run.frameDone();
  }

  #guarded(error: Error | null, act: () => void): void {
    try {
      if (error !== null) throw error;
      act();
    } catch (thrown) {
      this.#run?.fail(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
}

/** The counters of one run. */
class LoadRun {
  readonly source: FrameSource;
  readonly settings: LoadSettings;
  readonly done: Promise<void>;
  readonly #startMs: number;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  /** The number of the first entry in the generator's table. */
  base = 0;
  inFlight = 0;
  published = 0;
  accepted = 0;
  acceptedMs: number;
  settled = 0;
  refused = 0;
  replayed = 0;
  repeated = 0;
  firstRefusal: string | null = null;
  lastMs: number;
  isAtEnd = false;

  constructor(source: FrameSource, settings: LoadSettings, startMs: number) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.source = source;
    this.settings = settings;
    this.#startMs = startMs;
    this.lastMs = startMs;
    this.acceptedMs = startMs;
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  countLatency(sentMs: number, nowMs: number): void {
    this.settings.latency.add(nowMs - sentMs, 1);
  }

  frameDone(): void {
    this.inFlight -= 1;
    this.endIfDone();
  }

  end(): void {
    this.isAtEnd = true;
    this.endIfDone();
  }

  endIfDone(): void {
    if (this.isAtEnd && this.inFlight === 0 && this.accepted >= this.published) this.#resolve();
  }

  fail(why: string): void {
    this.isAtEnd = true;
    this.#reject(new BenchFailure(why));
  }

  result(): LoadResult {
    const { published, accepted, settled, refused, firstRefusal } = this;
    return {
      published,
      accepted,
      settled,
      refused,
      repeated: this.repeated + this.replayed,
      seconds: (this.lastMs - this.#startMs) / 1000,
      acceptedSeconds: (this.acceptedMs - this.#startMs) / 1000,
      firstRefusal,
    };
  }
}

function refusalIn(data: Uint8Array): string | null {
  const decoded = decodeOutcomes(data);
  if (!decoded.ok) return null;
  const refused = decoded.value.find((outcome) => outcome.refusal !== null)?.refusal;
  return refused ? `${refused.code}${refused.detail === null ? "" : ` (${refused.detail})`}` : null;
}
