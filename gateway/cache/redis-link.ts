// The connection to Redis: each ask is answered within the time limit, by Redis or by a reason why not.
// Owns the client, the asks that wait, their one timer and the breaker. Does not know what is asked.
//
// Invariant: an ask never rejects and never takes longer than timeLimitMs (and the process's own pauses).
// Bounded: UNDER_WAY_MAX commands are unanswered at once, the next fail; nothing is queued while Redis is away.
// Guards against: a server that hangs (breaker), a connection that is dead and does not say so (a new one after
// SILENT_MS_MAX without any answer), and a pause of our own process taken for slowness (the timer lets what has
// arrived be read before it judges).
// Probes need no timer: the next ask after probeMs sends one and is itself answered at once, with "away".

import { createClient } from "@redis/client";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { CacheClock } from "./gateway-cache.ts";
import type { RedisScript } from "./redis-scripts.ts";

/** How long in ms an ask may take. */
export const TIME_LIMIT_MS = 25;
/** Failures in a row after which Redis is not asked. */
const FAILURES_MAX = 5;
/** Pause in ms between probes. */
const PROBE_MS = 500;
/** Commands without an answer, late ones included; the next fails at once. */
const UNDER_WAY_MAX = 10_000;
/** Ms without any answer to what is under way, after which the connection is given up. */
const SILENT_MS_MAX = 5_000;
const CONNECT_MS_MAX = 1_000;
const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 1_000;

/** Where Redis is, and what may be heard about it. */
export interface RedisLinkOptions {
  /** `redis://` or `rediss://` */
  readonly url: string;
  /** Default TIME_LIMIT_MS. */
  readonly timeLimitMs?: number;
  /** Called when the breaker opens or closes; `why` is short and free of addresses and secrets. */
  readonly onBreaker?: (state: "open" | "closed", why: string) => void;
}

/** late = not in time; wrong_type = the key holds another kind of value; away = not asked; failed = anything else. */
export type RedisAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly why: "late" | "wrong_type" | "no_script" | "failed" | "away" };

interface Ask {
  readonly settle: (answer: RedisAnswer) => void;
  readonly deadlineMs: number;
}

const LATE: RedisAnswer = { ok: false, why: "late" };
const AWAY: RedisAnswer = { ok: false, why: "away" };
const FAILED: RedisAnswer = { ok: false, why: "failed" };

/** One connection, made again whenever it breaks. */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  readonly #timeLimitMs: number;
  readonly #clock: CacheClock;
  readonly #breaker = new CircuitBreaker({ failuresMax: FAILURES_MAX, probeMs: PROBE_MS });
  /** In the order of their deadlines, since all have the same time limit. */
  readonly #waiting = new Set<Ask>();
  #client: Client;
  #timer: NodeJS.Timeout | null = null;
  #underWay = 0;
  #lastAnswerMs = 0;
  #isProbing = false;
  #isClosed = false;
  #late = 0;
  #failures = 0;

  /** Starts to connect and does not wait for it. Errors: a TypeError for a URL that is none. */
  constructor(options: RedisLinkOptions, clock: CacheClock) {
    this.#options = options;
    this.#timeLimitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
    this.#clock = clock;
    this.#client = this.#connected();
  }

  /** Whether the connection stands. */
  get isReady(): boolean {
    return this.#client.isReady;
  }

  get isBreakerOpen(): boolean {
    return this.#breaker.isOpen;
  }

  /** Asks that were answered with late, and those that failed otherwise (not asked at all ones left out). */
  get counts(): { readonly late: number; readonly failures: number } {
    return { late: this.#late, failures: this.#failures };
  }

  /** Sends one command. Resolves within the time limit; never rejects. What is late may still have happened. */
  async ask(args: readonly string[]): Promise<RedisAnswer> {
    if (this.#isClosed) return AWAY;
    if (!this.#breaker.isOpen) return await this.#send(args);
    if (this.#breaker.isProbeDue(this.#clock.steadyMs()) && !this.#isProbing) void this.#probe();
    return AWAY;
  }

  /** Runs a script by its name, and by its text where Redis does not know it (a fresh or flushed one). */
  async run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<RedisAnswer> {
    const rest = [keys.length.toString(), ...keys, ...args];
    const answer = await this.ask(["EVALSHA", script.sha, ...rest]);
    return !answer.ok && answer.why === "no_script" ? await this.ask(["EVAL", script.text, ...rest]) : answer;
  }

  /** Ends the connection; what waits is answered with away. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const ask of this.#waiting) ask.settle(AWAY);
    this.#waiting.clear();
    destroy(this.#client);
  }

  #send(args: readonly string[]): Promise<RedisAnswer> {
    const nowMs = this.#clock.steadyMs();
    if (this.#underWay >= UNDER_WAY_MAX || !this.#client.isReady) {
      this.#failures += 1;
      this.#noteFailure(this.#client.isReady ? "too many commands under way" : "no connection");
      return Promise.resolve(FAILED);
    }
    if (this.#underWay === 0) this.#lastAnswerMs = nowMs;
    this.#underWay += 1;
    return new Promise((settle) => {
      const ask: Ask = { settle, deadlineMs: nowMs + this.#timeLimitMs };
      this.#waiting.add(ask);
      this.#timer ??= setTimeout(this.#onTimer, this.#timeLimitMs);
      this.#client.sendCommand([...args]).then(
        (value: unknown) => this.#onAnswer(ask, { ok: true, value }),
        (error: unknown) => this.#onAnswer(ask, { ok: false, why: reasonOf(error) }),
      );
    });
  }

  #onAnswer(ask: Ask, answer: RedisAnswer): void {
    this.#underWay -= 1;
    this.#lastAnswerMs = this.#clock.steadyMs();
    if (!this.#waiting.delete(ask)) return;
    if (!answer.ok && answer.why === "failed") {
      this.#failures += 1;
      this.#noteFailure("an error instead of an answer");
    } else this.#breaker.succeeded();
    ask.settle(answer);
  }

  readonly #onTimer = (): void => {
    setImmediate(() => {
      this.#timer = null;
      if (!this.#isClosed) this.#settleLate();
    });
  };

  #settleLate(): void {
    const nowMs = this.#clock.steadyMs();
    for (const ask of this.#waiting) {
      if (ask.deadlineMs > nowMs) {
        this.#timer = setTimeout(this.#onTimer, ask.deadlineMs - nowMs);
        return;
      }
      this.#waiting.delete(ask);
      this.#late += 1;
      this.#noteFailure("no answer in time");
      ask.settle(LATE);
    }
  }

  #noteFailure(why: string): void {
    if (this.#breaker.failed(this.#clock.steadyMs())) this.#options.onBreaker?.("open", why);
  }

  async #probe(): Promise<void> {
    this.#isProbing = true;
    if (this.#underWay > 0 && this.#clock.steadyMs() - this.#lastAnswerMs > SILENT_MS_MAX) this.#reconnect();
    const answer = await this.#send(["PING"]);
    this.#isProbing = false;
    if (!answer.ok || this.#isClosed) return;
    this.#breaker.close();
    this.#options.onBreaker?.("closed", "a probe was answered in time");
  }

  #reconnect(): void {
    destroy(this.#client);
    this.#client = this.#connected();
  }

  #connected(): Client {
    const client = newClient(this.#options.url);
    // A connection that is refused or lost shows in the asks that fail; the client connects again by itself.
    client.on("error", () => undefined);
    client.connect().catch(() => undefined);
    return client;
  }
}

type Client = ReturnType<typeof newClient>;

/** The older form of the protocol needs no greeting and has every kind of reply that is used here. */
function newClient(url: string) {
  return createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    commandsQueueMaxLength: UNDER_WAY_MAX,
    maintNotifications: "disabled",
    socket: {
      connectTimeout: CONNECT_MS_MAX,
      reconnectStrategy: (retries: number) => Math.min(RECONNECT_MS_MIN * 2 ** retries, RECONNECT_MS_MAX),
    },
  });
}

function reasonOf(error: unknown): "wrong_type" | "no_script" | "failed" {
  const text = error instanceof Error ? error.message : "";
  if (text.startsWith("WRONGTYPE") || text.includes("WRONGTYPE ")) return "wrong_type";
  return text.startsWith("NOSCRIPT") ? "no_script" : "failed";
}

/** Ends a client in whatever state it is; the library throws for one that is closed already. */
function destroy(client: Client): void {
  if (client.isOpen) client.destroy();
}
