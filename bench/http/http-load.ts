// One load by autocannon: requests over connections that stay open, counted by status, with a histogram of our own.
//
// autocannon's own latencies are not used: at a fixed rate it fills in for delayed requests as if one were due every
// millisecond, which makes percentiles too small. Here the same is done with the interval that the rate means (Gil
// Tene's correction for coordinated omission). Without a rate the load is closed: latency is that of requests sent.
// Invariant: of every request it is known what became of it: answered with a status, or handed on as unanswered.

import autocannon from "autocannon";
import type { BenchClock } from "../bench-clock.ts";
import { LatencyHistogram } from "../latency-histogram.ts";
import type { LoadPlan, LoadSample } from "./load-plan.ts";
import type { RequestSource, SourceRequest } from "./request-source.ts";

/** A request without an answer for so long counts as failed; autocannon connects anew then. */
const TIMEOUT_SECONDS = 30;
/** How often autocannon looks whether it is to stop, ms. By default each ms. */
const LOOK_MS = 100;

/** What came of a load. */
export interface LoadOutcome {
  readonly seconds: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly latency: LatencyHistogram;
  readonly samples: readonly LoadSample[];
  readonly unanswered: readonly SourceRequest[];
  readonly errors: number;
}

/** Where and how long. */
export interface LoadBounds {
  readonly plan: LoadPlan;
  readonly seconds: number;
  readonly clock: Pick<BenchClock, "steadyMs">;
}

/** Runs one load to its end. Errors: those of autocannon before it begins. */
export async function runHttpLoad(source: RequestSource, bounds: LoadBounds): Promise<LoadOutcome> {
  const book = new ResponseBook(source, bounds);
  const { plan, seconds } = bounds;
  const options: autocannon.Options = {
    url: plan.url,
    connections: plan.connections,
    duration: seconds,
    timeout: TIMEOUT_SECONDS,
    sampleInt: LOOK_MS,
    skipAggregateResult: true,
    setupClient: (client) => book.connect(client),
    ...(plan.ratePerSecond === null ? {} : { overallRate: plan.ratePerSecond }),
  };
  const errors = await new Promise<number>((resolve, reject) => {
    const instance = autocannon(options, (error: Error | null, result: autocannon.Result) => {
      if (error) reject(error);
      else resolve(result.errors + result.timeouts);
    });
    instance.on("tick", () => book.onSecond());
  });
  return book.close(errors);
}

/**
 * A request whose bytes we write ourselves. autocannon sends what stands in `requestBuffer` and puts its own rendering
 * there once, at the start; rendering each request by `setupRequest` instead takes 10 µs more, a fifth of what the
 * whole request costs the load.
 */
class WrittenRequest {
  readonly method = "POST";
  headers = {};
  readonly #next: () => string;

  /** @param next all of the next request, in ASCII; called once for each that is sent */
  constructor(next: () => string) {
    this.#next = next;
  }

  get requestBuffer(): string {
    return this.#next();
  }

  set requestBuffer(_rendered: unknown) {
    // Ours is made when it is sent.
  }
}

/** A request up to the value of its content-length, which is its last header. */
function requestHead(path: string, host: string, key: string): string {
  const lines = [
    ...[`POST ${path} HTTP/1.1`, `host: ${host}`, `authorization: Bearer ${key}`],
    ...["content-type: application/json", "connection: keep-alive", "content-length: "],
  ];
  return lines.join("\r\n");
}

/** Counts what is answered. */
class ResponseBook {
  readonly #source: RequestSource;
  readonly #bounds: LoadBounds;
  readonly #statuses = new Map<number, number>();
  readonly #latency = new LatencyHistogram();
  readonly #samples: LoadSample[] = [];
  readonly #unanswered = new Set<SourceRequest>();
  readonly #intervalMs: number | null;
  readonly #startMs: number;
  #settled = 0;
  #endMs: number;
  #last: { atMs: number; settled: number; latency: LatencyHistogram };

  constructor(source: RequestSource, bounds: LoadBounds) {
    this.#source = source;
    this.#bounds = bounds;
    const { ratePerSecond, connections } = bounds.plan;
    this.#intervalMs = ratePerSecond === null ? null : (1000 * connections) / ratePerSecond;
    this.#startMs = bounds.clock.steadyMs();
    this.#endMs = this.#startMs;
    this.#last = { atMs: this.#startMs, settled: 0, latency: new LatencyHistogram() };
  }

  /** Gives a connection its requests: the next is made when the last one is answered. */
  connect(client: autocannon.Client): void {
    const { url, key } = this.#bounds.plan;
    const head = requestHead(this.#source.path, new URL(url).host, key);
    let current: SourceRequest | null = null;
    const next = (): string => {
      current = this.#source.next();
      this.#unanswered.add(current);
      const { body } = current;
      return `${head}${body.length}\r\n\r\n${body}`;
    };
    client.setRequests([new WrittenRequest(next)]);
    client.on("response", (status, _bytes, responseMs) => {
      if (current !== null) this.#onResponse(current, status, responseMs);
    });
  }

  /** Closes the sample of the last second. */
  onSecond(): void {
    const atMs = this.#bounds.clock.steadyMs();
    const { settled } = this.#last;
    const seconds = (atMs - this.#last.atMs) / 1000;
    const grown = this.#latency.since(this.#last.latency);
    if (seconds < 0.5) return;
    this.#samples.push({
      seconds,
      settled: this.#settled - settled,
      latencyMs: this.#settled === settled ? null : grown.summary(),
    });
    this.#last = { atMs, settled: this.#settled, latency: this.#latency.copy() };
  }

  /** What was counted. A request counts in the time until the last answer. */
  close(errors: number): LoadOutcome {
    return {
      seconds: (this.#endMs - this.#startMs) / 1000,
      statuses: Object.fromEntries(this.#statuses),
      latency: this.#latency,
      samples: this.#samples,
      unanswered: [...this.#unanswered],
      errors,
    };
  }

  #onResponse(request: SourceRequest, status: number, responseMs: number): void {
    this.#unanswered.delete(request);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    this.#latency.add(responseMs, 1);
    const intervalMs = this.#intervalMs;
    if (intervalMs !== null)
      for (let missedMs = responseMs - intervalMs; missedMs >= intervalMs; missedMs -= intervalMs)
        this.#latency.add(missedMs, 1);
    this.#endMs = this.#bounds.clock.steadyMs();
    if (status !== this.#source.settledStatus) return;
    this.#settled += this.#source.commandsPerRequest;
    this.#source.onSettled(request);
  }
}
