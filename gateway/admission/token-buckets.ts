// Token buckets, one a name: tokens come back at an even rate up to the burst, each command takes one.
// A bucket is filled lazily, when it is looked at; there are no timers.
// Invariant: 0 <= tokens <= burst. A clock that stands or goes back adds nothing.
// A forgotten bucket (see `bucketsMax`) is full when its name comes back: names are of callers who have shown a key,
// so nobody can make names up to get rid of an empty bucket.
// Source of the header fields: draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4.

import assert from "node:assert/strict";
import { NO_SLOT, RecentNames } from "./recent-names.ts";
import type { RateSettings } from "./settings.ts";

/** See the file header. Names are anything that tells callers apart. */
export class TokenBuckets {
  /** `RateLimit-Policy` of these buckets: the burst, and the seconds in which an empty bucket is full again. */
  readonly policy: string;
  readonly #label: string;
  readonly #perMs: number;
  readonly #burst: number;
  readonly #names: RecentNames;
  readonly #tokens: Float64Array;
  readonly #filledAtMs: Float64Array;

  /** @param label what the header fields call these buckets */
  constructor(label: string, { perSecond, burst, bucketsMax }: RateSettings) {
    assert.match(label, /^[a-z]+$/);
    this.#label = label;
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#names = new RecentNames(bucketsMax);
    this.#tokens = new Float64Array(bucketsMax);
    this.#filledAtMs = new Float64Array(bucketsMax);
    this.policy = `"${label}";q=${Math.floor(burst)};w=${Math.max(1, Math.ceil(burst / perSecond))}`;
  }

  /** Buckets that are kept. */
  get size(): number {
    return this.#names.size;
  }

  /** Tokens in a name's bucket now. */
  tokens(name: string, nowMs: number): number {
    return this.#tokens[this.#filled(name, nowMs)] ?? 0;
  }

  /** Ms until `take` of so many would succeed; 0 when it would now. */
  waitMs(name: string, count: number, nowMs: number): number {
    const missing = Math.min(count, this.#burst) - this.tokens(name, nowMs);
    return missing <= 0 ? 0 : missing / this.#perMs;
  }

  /** Tokens that so many commands cost: a full bucket is enough for any number. */
  priceOf(commands: number): number {
    return Math.min(commands, this.#burst);
  }

  /** Takes tokens when there are enough. More than the burst count as the burst. */
  take(name: string, count: number, nowMs: number): boolean {
    assert.ok(count >= 0, "tokens are not given");
    const slot = this.#filled(name, nowMs);
    const left = (this.#tokens[slot] ?? 0) - Math.min(count, this.#burst);
    if (left < 0) return false;
    this.#tokens[slot] = left;
    return true;
  }

  /** `RateLimit` of a bucket: tokens left, and seconds until there is room for what was asked. */
  limit(name: string, count: number, nowMs: number): string {
    const seconds = Math.ceil(this.waitMs(name, count, nowMs) / 1_000);
    return `"${this.#label}";r=${Math.floor(this.tokens(name, nowMs))};t=${seconds}`;
  }

  /** The place of a name's bucket, filled up to now. */
  #filled(name: string, nowMs: number): number {
    const known = this.#names.use(name);
    if (known === NO_SLOT) {
      const slot = this.#names.add(name);
      this.#tokens[slot] = this.#burst;
      this.#filledAtMs[slot] = nowMs;
      return slot;
    }
    const passedMs = nowMs - (this.#filledAtMs[known] ?? nowMs);
    if (passedMs <= 0) return known;
    this.#tokens[known] = Math.min(this.#burst, (this.#tokens[known] ?? 0) + passedMs * this.#perMs);
    this.#filledAtMs[known] = nowMs;
    return known;
  }
}
