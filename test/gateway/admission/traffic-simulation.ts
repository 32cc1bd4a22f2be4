// A discrete-event simulation of load behind admission: arrivals by chance (Poisson) that never wait for answers and
// never slow down, shards that serve one command after the other with service times by chance (exponential), and a
// fixed way there and back. No real time passes; the same seed gives the same run.
//
//   stream ──arrival──► admission ──► its shard's queue ──► service ──► way back ──► answered
//                           └──► shed (the worst client: it does not retry, but others come at the same rate)

import assert from "node:assert/strict";
import { Admission, type AdmissionReadings } from "../../../gateway/admission/admission.ts";
import { type AdmissionSettings, DEFAULT_ADMISSION } from "../../../gateway/admission/settings.ts";
import type { Ticket } from "../../../gateway/admission/tickets.ts";
import { Seeded } from "../../actors/seeded.ts";

/** The way there and back without any queue, ms. */
const WAY_MS = 8;
/** How often a stream without arrivals looks whether it has some, ms. */
const IDLE_MS = 10;

/** Where load comes from. */
export interface Stream {
  readonly tenant: string;
  readonly key?: string;
  /** Commands a second at a time. */
  readonly rate: (nowMs: number) => number;
  /** Default: a wallet of its own for each command. */
  readonly wallet?: string;
  /** Default: one by chance. */
  readonly shard?: number;
}

/** What became of a stream's commands since the last look. */
export interface Tally {
  readonly offered: number;
  readonly answered: number;
  readonly p95Ms: number;
}

/** An engine to be protected. */
export interface Service {
  readonly shards: number;
  /** Commands a second, of all shards together, at a time. */
  readonly rate: (nowMs: number) => number;
}

interface Event {
  readonly atMs: number;
  readonly run: () => void;
}

interface Count {
  offered: number;
  answered: number;
  latenciesMs: number[];
}

/** Rates far above any load, and a window that follows slow engines, too: what is tested is the window. */
export const UNLIMITED: AdmissionSettings = {
  ...DEFAULT_ADMISSION,
  key: { perSecond: 1e9, burst: 1e9, bucketsMax: 1_000 },
  tenant: { perSecond: 1e9, burst: 1e9, bucketsMax: 1_000 },
  owner: { perSecond: 1e9, burst: 1e9, bucketsMax: 1_000 },
  window: { ...DEFAULT_ADMISSION.window, min: 32, initial: 256 },
  calm: 0,
};

const CALM: AdmissionReadings = {
  eventLoopDelayMs: () => 0,
  shardLagMs: () => 0,
  clientRoom: () => Number.POSITIVE_INFINITY,
};

/** See the file header. */
export class TrafficSimulation {
  readonly admission: Admission;
  readonly #random: Seeded;
  readonly #service: Service;
  readonly #freeAtMs: number[];
  readonly #events: Event[] = [];
  readonly #counts: Count[];
  readonly #names: number[];
  #nowMs = 0;

  constructor(seed: number, service: Service, streams: readonly Stream[], settings = UNLIMITED) {
    this.#random = new Seeded(seed);
    this.#service = service;
    this.#freeAtMs = Array.from({ length: service.shards }, () => 0);
    const random = () => this.#random.below(1_000_000) / 1_000_000;
    const steadyMs = () => this.#nowMs;
    this.admission = new Admission(settings, {
      steadyMs,
      random,
      readings: CALM,
      shards: () => service.shards,
    });
    this.#counts = streams.map(() => ({ offered: 0, answered: 0, latenciesMs: [] }));
    this.#names = streams.map(() => 0);
    for (const [index, stream] of streams.entries()) this.#plan(stream, index);
  }

  /** Lets time pass. @returns what each stream got meanwhile */
  run(forMs: number): Tally[] {
    const endMs = this.#nowMs + forMs;
    for (let next = this.#events[0]; next !== undefined && next.atMs <= endMs; next = this.#events[0]) {
      this.#nowMs = next.atMs;
      this.#pop();
      next.run();
    }
    this.#nowMs = endMs;
    return this.#counts.map((count) => tallyOf(count));
  }

  /** A shard serves nothing more for so long. */
  stop(shard: number, forMs: number): void {
    this.#freeAtMs[shard] = this.#nowMs + forMs;
  }

  #plan(stream: Stream, index: number): void {
    const rate = stream.rate(this.#nowMs);
    const waitMs = rate === 0 ? IDLE_MS : this.#exponential(1_000 / rate);
    this.#at(this.#nowMs + waitMs, () => {
      if (rate > 0) this.#arrive(stream, index);
      this.#plan(stream, index);
    });
  }

  #arrive(stream: Stream, index: number): void {
    const count = this.#counts[index];
    assert.ok(count !== undefined);
    count.offered += 1;
    const ticket = this.admission.admit({ keyId: stream.key ?? "k", tenant: stream.tenant });
    if (typeof ticket !== "number") return;
    const shard = stream.shard ?? this.#random.below(this.#service.shards);
    const number = (this.#names[index] ?? 0) + 1;
    this.#names[index] = number;
    const wallets = [stream.wallet ?? `${index}/${number}`];
    if (this.admission.claim(ticket, { owner: "o", shard, wallets }) === null)
      this.#serve(ticket, shard, count);
    else this.admission.release(ticket, "dropped");
  }

  #serve(ticket: Ticket, shard: number, count: Count): void {
    const startMs = this.#nowMs;
    const eachMs = (1_000 * this.#service.shards) / this.#service.rate(startMs);
    const doneAtMs = Math.max(this.#freeAtMs[shard] ?? 0, startMs) + this.#exponential(eachMs);
    this.#freeAtMs[shard] = doneAtMs;
    this.#at(doneAtMs + WAY_MS, () => {
      this.admission.release(ticket, "answered");
      count.answered += 1;
      count.latenciesMs.push(this.#nowMs - startMs);
    });
  }

  #exponential(meanMs: number): number {
    return -Math.log(1 - this.#random.below(1_000_000) / 1_000_000) * meanMs;
  }

  /** Adds an event to the heap. */
  #at(atMs: number, run: () => void): void {
    const events = this.#events;
    let place = events.length;
    const event = { atMs, run };
    events.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = events[parent];
      if (above === undefined || above.atMs <= atMs) break;
      events[place] = above;
      place = parent;
    }
    events[place] = event;
  }

  /** Takes the first event off the heap. */
  #pop(): void {
    const events = this.#events;
    const last = events.pop();
    if (last === undefined || events.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if ((events[child + 1]?.atMs ?? Number.POSITIVE_INFINITY) < (events[child]?.atMs ?? 0)) child += 1;
      const below = events[child];
      if (below === undefined || below.atMs >= last.atMs) break;
      events[place] = below;
      place = child;
    }
    events[place] = last;
  }
}

function tallyOf(count: Count): Tally {
  const sorted = Float64Array.from(count.latenciesMs).sort();
  const p95Ms = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
  const { offered, answered } = count;
  Object.assign(count, { offered: 0, answered: 0, latenciesMs: [] });
  return { offered, answered, p95Ms };
}
