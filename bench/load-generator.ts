// The load generator: publishes messages with a bounded number in flight or on a fixed schedule, counts PubAcks and
// outcomes, and checks that each command is answered once. Lean on purpose (about 1 µs a command): it shares the
// machine with what it measures. No promise, closure or object for a command.
//
//   next message ► publish ► PubAck counted
//                     └────► outcomes counted ► message complete ► next message
//
// Does not own: resending. A bench that loses its connection or gets no answer fails; it does not paper over it.
// Invariant: at most `inFlight` messages wait for outcomes; every number is answered at most once, or it is an error.

import type { Msg, MsgHdrs, NatsConnection, PublishOptions } from "@nats-io/transport-node";
import { headers } from "@nats-io/transport-node";
import { STATUSES } from "../protocol/outcome.ts";
import { REPLY_HEADER } from "../protocol/subject.ts";
import type { BenchClock } from "./bench-clock.ts";
import type { BenchIds } from "./bench-ids.ts";
import { InFlight } from "./in-flight.ts";
import { type LoadResult, LoadRun, type LoadSettings } from "./load-run.ts";
import type { MessageSource } from "./message-source.ts";
import { skimJsonOutcomes } from "./outcome-json-skim.ts";
import { type SkimmedOutcome, skimOutcomes } from "./outcome-skim.ts";
import type { LoadCounters } from "./samples.ts";

/** No answer of any kind for this long ends the run, ms. */
const SILENCE_MS_MAX = 30_000;
const REPORT_MS = 500;
const SCHEDULE_TICK_MS = 1;
const REFUSED = STATUSES.indexOf("refused");
const OPENING_BRACKET = 0x5b;
/** Third byte of `{"stream":…}`, with which every PubAck begins that is no error. */
const STREAM_S = 0x73;
const NO_COUNTERS: LoadCounters = { published: 0, accepted: 0, settled: 0, refused: 0, inFlight: 0 };

/** What a generator works with. */
export interface GeneratorParts {
  readonly nc: NatsConnection;
  readonly clock: BenchClock;
  readonly ids: BenchIds;
  /** Where outcomes go. */
  readonly reply: string;
  /** Inbox for PubAcks. */
  readonly acks: string;
}

/** See the file header. One generator may run several loads, one after the other; numbers go on. */
export class LoadGenerator {
  readonly #parts: GeneratorParts;
  readonly #open = new InFlight();
  /** How a message of so many commands is published. */
  readonly #options = { json: new Map<number, PublishOptions>(), frame: new Map<number, PublishOptions>() };
  readonly #onOutcome: SkimmedOutcome;
  #run: LoadRun | null = null;
  #strays = 0;
  /** Of the answer that is being read: when it came, and outcomes in a row that have one sending time. */
  #nowMs = 0;
  #sentMs = 0;
  #alike = 0;

  constructor(parts: GeneratorParts) {
    this.#parts = parts;
    this.#onOutcome = (idTail, status, isReplayed, code) => this.#settle(idTail, status, isReplayed, code);
    const { nc, reply, acks } = parts;
    nc.subscribe(reply, {
      callback: (error, message) => this.#guarded(error, () => this.#onOutcomes(message)),
    });
    nc.subscribe(`${acks}.1`, {
      callback: (error, message) => this.#guarded(error, () => this.#onPubAck(message, 1)),
    });
    nc.subscribe(`${acks}.many.*`, {
      callback: (error, message) => this.#guarded(error, () => this.#onPubAckOfMany(message)),
    });
  }

  /** Outcomes that came while no load ran: after each command had its own, so they are second ones. */
  get strays(): number {
    return this.#strays;
  }

  /** The counters of the load that runs. */
  counters(): LoadCounters {
    return this.#run?.counters() ?? NO_COUNTERS;
  }

  /**
   * Publishes the messages of a source and waits for their outcomes.
   * Errors: BenchFailure when a message is refused, the connection ends, or nothing comes for 30 s.
   */
  async run(source: MessageSource, settings: LoadSettings): Promise<LoadResult> {
    const { clock, nc } = this.#parts;
    const run = new LoadRun(source, settings, this.#open, clock.steadyMs());
    this.#run = run;
    const watching = setInterval(() => this.#guarded(null, () => this.#watch(run)), REPORT_MS);
    const fill = (): void => this.#guarded(null, () => this.#fill(run));
    const ticking = run.schedule === null ? null : setInterval(fill, SCHEDULE_TICK_MS);
    nc.closed()
      .then(() => run.fail("the connection to NATS ended"))
      .catch(() => undefined);
    try {
      this.#fill(run);
      await run.done;
      return run.result();
    } finally {
      clearInterval(watching);
      if (ticking !== null) clearInterval(ticking);
      this.#run = null;
    }
  }

  #watch(run: LoadRun): void {
    const nowMs = this.#parts.clock.steadyMs();
    const lastMs = Math.max(run.settledMs, run.acceptedMs, run.busySinceMs);
    if (run.isWaiting && nowMs - lastMs > SILENCE_MS_MAX)
      run.fail(`no answer for ${SILENCE_MS_MAX / 1000} s`);
    run.settings.onProgress(run.settled);
    if (!run.isAtEnd) this.#fill(run);
  }

  #fill(run: LoadRun): void {
    const { clock } = this.#parts;
    while (!run.isAtEnd && run.open.messages < run.settings.inFlight) {
      const nowMs = clock.steadyMs();
      if (!run.mayPublish(nowMs)) {
        run.end();
        return;
      }
      const intendedMs = run.schedule?.intendedMs(run.published) ?? nowMs;
      if (intendedMs > nowMs) return;
      if (!this.#publish(run, intendedMs, nowMs)) {
        if (run.open.messages === 0) run.end();
        return;
      }
    }
  }

  /** @returns false when the source has nothing to send now */
  #publish(run: LoadRun, intendedMs: number, nowMs: number): boolean {
    const { nc, clock } = this.#parts;
    const { source, open } = run;
    const message = source.next(open.next, clock.wallMs());
    if (message === null) return false;
    const { count } = message;
    if (open.messages === 0) run.busySinceMs = nowMs;
    open.add(count, intendedMs);
    run.published += count;
    run.publishedMs = nowMs;
    run.schedule?.note(intendedMs, nowMs);
    nc.publish(message.subject, message.bytes, this.#optionsFor(source.encoding, count));
    return true;
  }

  #optionsFor(encoding: MessageSource["encoding"], count: number): PublishOptions {
    const known = this.#options[encoding].get(count);
    if (known !== undefined) return known;
    const reply = count === 1 ? `${this.#parts.acks}.1` : `${this.#parts.acks}.many.${count}`;
    const made = encoding === "json" ? { reply, headers: replyHeader(this.#parts.reply) } : { reply };
    this.#options[encoding].set(count, made);
    return made;
  }

  #onPubAckOfMany(message: Msg): void {
    this.#onPubAck(message, Number(message.subject.slice(message.subject.lastIndexOf(".") + 1)));
  }

  #onPubAck(message: Msg, count: number): void {
    const run = this.#run;
    if (run === null) return;
    if (message.data[2] !== STREAM_S) {
      const text = message.string();
      run.fail(`a message was refused by the log: ${text === "" ? "no responders" : text}`);
      return;
    }
    run.accepted += count;
    run.acceptedMs = this.#parts.clock.steadyMs();
    if (run.isAtEnd) run.endIfDone();
  }

  #onOutcomes({ data }: Msg): void {
    const run = this.#run;
    const skim = data[0] === OPENING_BRACKET ? skimJsonOutcomes : skimOutcomes;
    if (run === null) {
      this.#strays += skim(data, () => undefined) ?? 1;
      return;
    }
    this.#nowMs = this.#parts.clock.steadyMs();
    this.#alike = 0;
    const count = skim(data, this.#onOutcome);
    this.#countAlike(run);
    run.noteOutcomes(this.#nowMs);
    if (count === null) run.fail("an answer could not be read");
    this.#fill(run);
    run.endIfDone();
  }

  #settle(idTail: number, status: number, isReplayed: boolean, code: string | null): void {
    const run = this.#run;
    if (run === null) return;
    const { ids } = this.#parts;
    const number = ids.numberOf(idTail);
    const slot = run.open.settle(number);
    if (slot < 0 || isReplayed) run.repeated += 1;
    if (slot < 0) return;
    run.settled += 1;
    if (status === REFUSED) run.refused += 1;
    const { source } = run;
    if (!(source.onOutcome?.(number, status, code) ?? status !== REFUSED))
      this.#notExpected(run, status, code);
    const sentMs = run.open.sentMs(slot);
    if (sentMs !== this.#sentMs) this.#countAlike(run);
    this.#sentMs = sentMs;
    this.#alike += 1;
  }

  #countAlike(run: LoadRun): void {
    if (this.#alike > 0) run.settings.latency.add(this.#nowMs - this.#sentMs, this.#alike);
    this.#alike = 0;
  }

  #notExpected(run: LoadRun, status: number, code: string | null): void {
    run.unexpected += 1;
    run.firstUnexpected ??= code ?? STATUSES[status] ?? `status ${status}`;
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

/** The header that names where outcomes go, encoded once: the library would encode it for each message. */
function replyHeader(reply: string): MsgHdrs {
  const made = headers();
  made.set(REPLY_HEADER, reply);
  const bytes = Buffer.from(`NATS/1.0\r\n${REPLY_HEADER}: ${reply}\r\n\r\n`);
  return Object.assign(made, { encode: () => bytes });
}
