// What the gateway counts, and its text for Prometheus. Counting is a few additions a request; names, labels and text
// are made when somebody scrapes.
//
//   started ─admission─► admitted ─frame─► sent ─log─► accepted ─turn─► settled ─reply─► replied
//
// The phases of a command are the differences of its stamps, so they add up to its total. A stamp that is missing
// (NaN), or earlier than the one before it, counts as that one: its phase took nothing.
// Invariant: label sets are bounded: routes are those of the route table, statuses three digits, codes and reasons
// those of their tables; a code that is in none is `other`.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { AdmissionState } from "../admission/admission.ts";
import { FixedHistogram } from "./fixed-histogram.ts";
import { type HistogramAbout, HistogramMetric, type HistogramSeries } from "./histogram-metric.ts";

/** Phases of a command in the gateway, in order. */
export const COMMAND_PHASES = ["admission", "frame", "log", "turn", "reply"] as const;

const MS_PER_S = 1_000;
/** Upper bounds of times, s. They lie close around the targets for answers: 60, 120, 150 and 200 ms. */
const LATENCY_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.09, 0.12, 0.15, 0.2, 0.5, 1, 5, 30];
const LATENCY_BOUNDS_MS = LATENCY_BOUNDS_S.map((bound) => bound * MS_PER_S);
/** Upper bounds of frames, commands. The gateway's own frames are full with 500, none may have more than 1,000. */
const FRAME_BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 350, 500, 1_000];
const STATUSES = 600;
const OTHER = "other";

/** When a command passed each point, ms of one steady clock. */
export interface CommandStamps {
  readonly startedMs: number;
  readonly admittedMs: number;
  readonly sentMs: number;
  readonly acceptedMs: number;
  readonly settledMs: number;
  readonly repliedMs: number;
}

/** State of other parts, read at each scrape. Must be cheap and never throw. */
export interface MetricReadings {
  admission(): AdmissionState;
  /** Age of the oldest record that each shard has not applied, ms. */
  shardLagsMs(): readonly number[];
  /** Counts of the cache since the start, by what happened. */
  cache(): Readonly<Record<string, number>>;
  /** Streams of live events that have a place. */
  eventStreams(): number;
  /** Tenants whose connection to the engine is open. */
  tenantClients(): number;
}

/** Requests of one route, by status. */
export class RouteCount {
  readonly #counts = new Float64Array(STATUSES);

  /** Counts an answer. A status that does not exist counts as 599. */
  add(status: number): void {
    const index = status >= 100 && status < STATUSES ? status : STATUSES - 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** Statuses that were answered, and how often. */
  *entries(): Generator<[status: number, count: number], void, undefined> {
    for (const [status, count] of this.#counts.entries()) if (count > 0) yield [status, count];
  }
}

/** See the file header. */
export class GatewayMetrics {
  readonly #registry = new Registry();
  readonly #routes = new Map<string, RouteCount>();
  readonly #outcomes: Map<string, number>;
  readonly #phases = COMMAND_PHASES.map(() => new FixedHistogram(LATENCY_BOUNDS_MS));
  readonly #total = new FixedHistogram(LATENCY_BOUNDS_MS);
  readonly #frames = new FixedHistogram(FRAME_BOUNDS);
  #batches = 0;
  #batchedCommands = 0;

  /** @param codes every code that an outcome may have, and what stands for none */
  constructor(codes: readonly string[], readings: MetricReadings) {
    this.#outcomes = new Map([...codes, OTHER].map((code) => [code, 0]));
    this.#histograms();
    this.#counters(readings);
    this.#gauges(readings);
  }

  /** The count of one route; to be asked for once, when the route is registered. */
  route(method: string, path: string): RouteCount {
    const name = `${method} ${path}`;
    const known = this.#routes.get(name) ?? new RouteCount();
    this.#routes.set(name, known);
    return known;
  }

  /** Counts one outcome. */
  onOutcome(code: string): void {
    const known = this.#outcomes.has(code) ? code : OTHER;
    this.#outcomes.set(known, (this.#outcomes.get(known) ?? 0) + 1);
  }

  /** Counts one batch of so many commands. */
  onBatch(commands: number): void {
    this.#batches += 1;
    this.#batchedCommands += commands;
  }

  /** Counts the times of one command that has been answered. */
  onReplied({ startedMs, admittedMs, sentMs, acceptedMs, settledMs, repliedMs }: CommandStamps): void {
    let beforeMs = this.#phase(0, startedMs, admittedMs);
    beforeMs = this.#phase(1, beforeMs, sentMs);
    beforeMs = this.#phase(2, beforeMs, acceptedMs);
    beforeMs = this.#phase(3, beforeMs, settledMs);
    const endMs = this.#phase(4, beforeMs, repliedMs);
    this.#total.add(endMs - startedMs);
  }

  /** Counts one frame of so many commands that left for the log. */
  onFrame(commands: number): void {
    this.#frames.add(commands);
  }

  /** Shows the process, too: CPU, memory, file descriptors, garbage collection. Starts observers: once a process. */
  showProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Everything in Prometheus's text form. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Media type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  #phase(index: number, beforeMs: number, stampMs: number): number {
    const afterMs = stampMs > beforeMs ? stampMs : beforeMs;
    this.#phases[index]?.add(afterMs - beforeMs);
    return afterMs;
  }

  #histograms(): void {
    const phases = this.#phases.map((values, index) => ({
      labels: { phase: COMMAND_PHASES[index] ?? OTHER },
      values,
    }));
    this.#histogram(
      {
        name: "coffer_gateway_command_seconds",
        help: "Time of commands by phase; total is measured by itself.",
        bounds: LATENCY_BOUNDS_S,
        scale: MS_PER_S,
      },
      [...phases, { labels: { phase: "total" }, values: this.#total }],
    );
    const help = "Commands of each frame that left for the log.";
    this.#histogram({ name: "coffer_gateway_frame_commands", help, bounds: FRAME_BOUNDS, scale: 1 }, [
      { labels: {}, values: this.#frames },
    ]);
  }

  #histogram(about: HistogramAbout, series: readonly HistogramSeries[]): void {
    this.#registry.registerMetric(new HistogramMetric(about, this.#registry, series));
  }

  #counters(readings: MetricReadings): void {
    const routes = this.#routes;
    this.#counter("requests_total", "Requests answered, by route and status.", ["route", "status"], (add) => {
      for (const [route, count] of routes)
        for (const [status, value] of count.entries()) add({ route, status: String(status) }, value);
    });
    this.#counter("outcomes_total", "Outcomes told, by code.", ["code"], (add) => {
      for (const [code, value] of this.#outcomes) add({ code }, value);
    });
    this.#counter("shed_total", "Requests shed, by reason.", ["reason"], (add) => {
      for (const [reason, value] of Object.entries(readings.admission().shed)) add({ reason }, value);
    });
    this.#counter("admitted_total", "Requests admitted.", [], (add) =>
      add({}, readings.admission().admitted),
    );
    this.#counter("batches_total", "Batches taken.", [], (add) => add({}, this.#batches));
    this.#counter("batched_commands_total", "Commands in batches.", [], (add) =>
      add({}, this.#batchedCommands),
    );
    this.#counter("cache_total", "Uses of the cache, by what happened.", ["kind"], (add) => {
      for (const [kind, value] of Object.entries(readings.cache())) add({ kind }, value);
    });
  }

  #gauges(readings: MetricReadings): void {
    const admission = (name: string, help: string, read: (state: AdmissionState) => number) =>
      this.#gauge(name, help, [], (set) => set({}, read(readings.admission())));
    admission("window_commands", "Commands that may be unanswered now.", (state) => state.windowLimit);
    admission("unanswered_commands", "Commands that are unanswered.", (state) => state.inFlight);
    admission(
      "event_loop_delay_seconds",
      "How late the event loop is.",
      (state) => state.eventLoopDelayMs / 1_000,
    );
    this.#gauge("event_streams", "Streams of live events, those that begin included.", [], (set) =>
      set({}, readings.eventStreams()),
    );
    this.#gauge("tenant_clients", "Tenants whose connection to the engine is open.", [], (set) =>
      set({}, readings.tenantClients()),
    );
    this.#gauge("shard_lag_seconds", "How far a shard is behind its log.", ["shard"], (set) => {
      for (const [shard, lagMs] of readings.shardLagsMs().entries())
        set({ shard: String(shard) }, lagMs / 1_000);
    });
  }

  #counter(name: string, help: string, labelNames: string[], read: (add: Put) => void): void {
    const counter: Counter = new Counter({
      name: `coffer_gateway_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        counter.reset();
        read((labels, value) => counter.inc(labels, value));
      },
    });
  }

  #gauge(name: string, help: string, labelNames: string[], read: (set: Put) => void): void {
    const gauge: Gauge = new Gauge({
      name: `coffer_gateway_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        gauge.reset();
        read((labels, value) => gauge.set(labels, value));
      },
    });
  }
}

type Put = (labels: Record<string, string>, value: number) => void;
