// Several gateways that share one bucket, without real time: their token buckets are real, the shared side does what the
// script SPEND does in Redis, and every telling and answer is on its way for a while.
//
//   gateway: take ─► untold ─► way there ─► shared bucket ─► way back ─► gateway
//
// Counts what all of them let pass, and the most that passed beyond the rate in any span of time.

import { setImmediate as turn } from "node:timers/promises";
import type { RateSpending } from "../../../gateway/admission/rate-teller.ts";
import type { RateSettings } from "../../../gateway/admission/settings.ts";
import { TokenBuckets } from "../../../gateway/admission/token-buckets.ts";

/** One bucket as Redis keeps it. */
class SharedBucket {
  #tokens: number | null = null;
  #atMs = 0;

  spend({ spent, perSecond, burst, debtMax }: RateSpending, nowMs: number): number {
    const filled = (this.#tokens ?? burst) + ((nowMs - this.#atMs) * perSecond) / 1_000;
    this.#tokens = Math.max(-debtMax, Math.min(burst, filled) - spent);
    this.#atMs = nowMs;
    return this.#tokens;
  }

  /** It is lost, as by FLUSHALL. */
  forget(): void {
    this.#tokens = null;
  }
}

/** How a run goes. */
export interface SharedLoad {
  readonly gateways: number;
  readonly rate: RateSettings;
  /** Commands that each gateway is asked for in a ms. */
  readonly offered: (gateway: number, nowMs: number) => number;
  /** Ms that a telling, and an answer, is on its way. */
  readonly wayMs: (gateway: number) => number;
  /** Whether tellings get through; default: they do. */
  readonly isThere?: (nowMs: number) => boolean;
}

/** See the file header. */
export class SharedRate {
  readonly bucket = new SharedBucket();
  readonly #load: SharedLoad;
  readonly #gateways: readonly TokenBuckets[];
  readonly #passed: number[];
  readonly #due: { readonly atMs: number; readonly run: () => void }[] = [];
  #nowMs = 0;
  #tellings = 0;
  #most = 0;
  #least = 0;

  constructor(load: SharedLoad) {
    this.#load = load;
    const steadyMs = (): number => this.#nowMs;
    this.#gateways = Array.from({ length: load.gateways }, (_, index) => {
      const spend = (spending: RateSpending): Promise<number | null> => this.#spend(index, spending);
      return new TokenBuckets("key", load.rate, { spend, steadyMs });
    });
    this.#passed = this.#gateways.map(() => 0);
  }

  get tellings(): number {
    return this.#tellings;
  }

  /** What each gateway let pass. */
  get passed(): readonly number[] {
    return this.#passed;
  }

  /** The most that all let pass in any span of time, less what comes back in it. */
  get beyondRate(): number {
    return this.#most;
  }

  /** What a gateway believes to have. */
  believed(gateway: number): number {
    return this.#gateways[gateway]?.tokens("k", this.#nowMs) ?? 0;
  }

  /** Lets time pass, ms by ms; a gateway that starts a ms with commands is another one each time. */
  async run(forMs: number): Promise<void> {
    for (const endMs = this.#nowMs + forMs; this.#nowMs < endMs; ) {
      this.#nowMs += 1;
      await this.#deliver();
      for (let turnOf = 0; turnOf < this.#gateways.length; turnOf += 1)
        this.#askAt((turnOf + this.#nowMs) % this.#gateways.length);
      this.#look();
    }
  }

  #askAt(gateway: number): void {
    for (let left = this.#load.offered(gateway, this.#nowMs); left > 0; left -= 1) {
      if (this.#gateways[gateway]?.take("k", 1, this.#nowMs) !== true) return;
      this.#passed[gateway] = (this.#passed[gateway] ?? 0) + 1;
    }
  }

  #look(): void {
    const all = this.#passed.reduce((sum, each) => sum + each, 0);
    const beyond = all - (this.#nowMs * this.#load.rate.perSecond) / 1_000;
    this.#most = Math.max(this.#most, beyond - this.#least);
    this.#least = Math.min(this.#least, beyond);
  }

  #spend(gateway: number, spending: RateSpending): Promise<number | null> {
    this.#tellings += 1;
    if (this.#load.isThere?.(this.#nowMs) === false) return Promise.resolve(null);
    const wayMs = this.#load.wayMs(gateway);
    const answer = Promise.withResolvers<number | null>();
    this.#after(wayMs, () => {
      const left = this.bucket.spend(spending, this.#nowMs);
      this.#after(wayMs, () => answer.resolve(left));
    });
    return answer.promise;
  }

  #after(ms: number, run: () => void): void {
    this.#due.push({ atMs: this.#nowMs + ms, run });
  }

  /** Runs what is due, in order, and lets its promises be heard. */
  async #deliver(): Promise<void> {
    for (;;) {
      const index = this.#due.findIndex(({ atMs }) => atMs <= this.#nowMs);
      if (index < 0) return;
      const [next] = this.#due.splice(index, 1);
      next?.run();
      await turn();
    }
  }
}
