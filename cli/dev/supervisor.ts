// Keeps one child process running: when it ends without being asked it is started again, after a pause that
// doubles, a bounded number of times; a run that was long enough earns the tries back.
//
//   start ──► running ──ended──► pause ──► start …            tries left
//                │                  └────► given up            none left, or the reason is final
//                ├─ restart() ──► start …              at once, and no try is spent
//                └─ stop() ──► stopped
//
// Does not own: what the process is. Guards against: a restart loop that burns a core and says nothing.

import type { ClientClock } from "../../client/clock.ts";
import { assert } from "../../protocol/assert.ts";

/** Why a process ended, and whether starting it again can help. */
export interface Ending {
  readonly reason: string;
  readonly isFinal: boolean;
  /** A stable code for the one that gives up. */
  readonly code: string;
}

/** One started process. */
export interface Running {
  readonly pid: number;
  /** Settles once, never rejects. */
  readonly ended: Promise<Ending>;
  stop(): Promise<unknown>;
}

/** What is supervised, and who hears of it. */
export interface Supervised {
  readonly name: string;
  /** Starts it. A rejection counts as an ending that is not final. */
  start(): Promise<Running>;
  readonly clock: Pick<ClientClock, "steadyMs">;
  /** Default RESTARTS_MAX. */
  readonly restartsMax?: number;
  /** Default PAUSE_MS. */
  readonly pauseMs?: number;
  onRestart(restart: { readonly reason: string; readonly attempt: number; readonly pauseMs: number }): void;
}

/** Restarts in a row before it is given up. */
export const RESTARTS_MAX = 5;
/** The first pause, doubled each time, ms. */
export const PAUSE_MS = 200;
/** A run of at least this length earns the restarts back, ms. */
export const HEALTHY_MS = 30_000;

/** Keeps one process running. */
export class Supervisor {
  readonly #service: Supervised;
  readonly #stopping = new AbortController();
  #running: Running | null = null;
  #life: Promise<Ending> | null = null;
  /** A restart that was asked for and has not begun yet. */
  #wanted: PromiseWithResolvers<number> | null = null;

  constructor(service: Supervised) {
    this.#service = service;
  }

  /** The pid of the process that runs now, or null between two. */
  get pid(): number | null {
    return this.#running?.pid ?? null;
  }

  /**
   * Starts the process for the first time and supervises it from then on.
   * Errors: rejects when the first start does.
   */
  async start(): Promise<void> {
    this.#running = await this.#service.start();
    this.#life = this.#supervise(this.#running, this.#service.clock.steadyMs());
  }

  /** Settles with the last ending when the process is given up or was stopped. Call it after `start`. */
  async ended(): Promise<Ending> {
    return (await this.#life) ?? { reason: "it was never started", isFinal: true, code: "not_started" };
  }

  /**
   * Ends the process, asking it to stop or killing it, and starts it again at once: nobody hears of it, no try is
   * spent. @returns the pid of the new process. Errors: rejects when that cannot be started.
   */
  async restart(how: "stop" | "kill"): Promise<number> {
    const running = this.#running;
    assert(running !== null && this.#wanted === null, "one restart at a time, of a process that runs");
    this.#wanted = Promise.withResolvers();
    const { promise } = this.#wanted;
    if (how === "kill") process.kill(running.pid, "SIGKILL");
    else await running.stop();
    return await promise;
  }

  /** Stops the process and starts it no more. Returns when it is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.stop();
    await this.#life;
  }

  async #supervise(first: Running, startedMs: number): Promise<Ending> {
    const { clock, restartsMax = RESTARTS_MAX, pauseMs: firstPauseMs = PAUSE_MS } = this.#service;
    let attempt = 0;
    let sinceMs = startedMs;
    let ending = await first.ended;
    while ((!ending.isFinal || this.#wanted !== null) && !this.#stopping.signal.aborted) {
      this.#running = null;
      if (this.#wanted !== null) {
        ending = await this.#again();
        continue;
      }
      attempt = clock.steadyMs() - sinceMs >= HEALTHY_MS ? 1 : attempt + 1;
      if (attempt > restartsMax) return { ...ending, isFinal: true };
      const pauseMs = firstPauseMs * 2 ** (attempt - 1);
      this.#service.onRestart({ reason: ending.reason, attempt, pauseMs });
      await this.#pause(pauseMs);
      if (this.#stopping.signal.aborted) return ending;
      sinceMs = clock.steadyMs();
      ending = await this.#again();
    }
    return ending;
  }

  async #again(): Promise<Ending> {
    try {
      const running = await this.#service.start();
      this.#running = running;
      this.#wanted?.resolve(running.pid);
      this.#wanted = null;
      // A stop that came while it started found nothing to stop.
      if (this.#stopping.signal.aborted) await running.stop();
      return await running.ended;
    } catch (thrown) {
      this.#wanted?.reject(thrown);
      this.#wanted = null;
      return {
        reason: thrown instanceof Error ? thrown.message : String(thrown),
        isFinal: false,
        code: "start_failed",
      };
    }
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}
