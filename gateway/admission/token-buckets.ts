// Token buckets, one a name: tokens come back at an even rate up to the burst, each command takes one.
// A bucket is filled lazily, when it is looked at; there are no timers.
//
// With other gateways to tell, a bucket is what this one believes of a bucket that all share. It decides at once and by
// itself; what it takes is counted, told by the lot (rate-teller.ts), and the answer lowers what it believes:
//
//   take: tokens - n, untold + n      untold = a lot: told, untold = 0      heard: tokens = min(tokens, left - untold)
//
// Invariants: tokens <= burst; only what is heard brings them below 0, never below the debt of LOTS lots. A clock that
// stands or goes back adds nothing. A bucket that hears nothing is one of this gateway alone.
// A forgotten bucket (see `bucketsMax`) is full when its name comes back: names are of callers who have shown a key,
// so nobody can make names up to get rid of an empty bucket.
// Source of the header fields: draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4.

import assert from "node:assert/strict";
import { type RateSharing, RateTeller } from "./rate-teller.ts";
import { NO_SLOT, RecentNames } from "./recent-names.ts";
import type { RateSettings } from "./settings.ts";

/** A lot is so large a part of the burst, and at least one token; and so many lots are the deepest debt. */
export const LOTS = 64;

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
  /** Tokens that were taken since the last telling. */
  readonly #untold: Float64Array;
  /** Tokens that are told at once; Infinity = there is nobody to tell. */
  readonly #lot: number;
  readonly #debtMax: number;
  readonly #teller: RateTeller | null;

  /** @param label what the header fields call these buckets, and their kind for those who share them */
  constructor(label: string, settings: RateSettings, sharing: RateSharing | null = null) {
    assert.match(label, /^[a-z]+$/);
    const { perSecond, burst, bucketsMax } = settings;
    const lot = Math.max(1, burst / LOTS);
    this.#label = label;
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#names = new RecentNames(bucketsMax);
    this.#tokens = new Float64Array(bucketsMax);
    this.#filledAtMs = new Float64Array(bucketsMax);
    this.#untold = new Float64Array(bucketsMax);
    this.#lot = sharing === null ? Number.POSITIVE_INFINITY : lot;
    this.#debtMax = lot * LOTS;
    const bucket = { kind: label, perSecond, burst, debtMax: this.#debtMax };
    this.#teller = sharing === null ? null : new RateTeller(sharing, bucket);
    this.policy = `"${label}";q=${Math.floor(burst)};w=${Math.max(1, Math.ceil(burst / perSecond))}`;
  }

  /** Buckets that are kept. */
  get size(): number {
    return this.#names.size;
  }

  /** Tokens in a name's bucket now; below 0 when other gateways took what this one believed to have. */
  tokens(name: string, nowMs: number): number {
    return this.#tokens[this.#filled(name, nowMs)] ?? 0;
  }

  /** Ms until `take` of so many would succeed; 0 when it would now, as it always does for none. */
  waitMs(name: string, count: number, nowMs: number): number {
    const missing = Math.min(count, this.#burst) - this.tokens(name, nowMs);
    return missing <= 0 || count === 0 ? 0 : missing / this.#perMs;
  }

  /** Tokens that so many commands cost: a full bucket is enough for any number. */
  priceOf(commands: number): number {
    return Math.min(commands, this.#burst);
  }

  /** Takes tokens when there are enough. More than the burst count as the burst. */
  take(name: string, count: number, nowMs: number): boolean {
    assert.ok(count >= 0, "tokens are not given");
    if (count === 0) return true;
    const price = Math.min(count, this.#burst);
    const slot = this.#filled(name, nowMs);
    const left = (this.#tokens[slot] ?? 0) - price;
    if (left < 0) return false;
    this.#tokens[slot] = left;
    const untold = (this.#untold[slot] ?? 0) + price;
    this.#untold[slot] = untold;
    if (untold >= this.#lot) this.#tell(name, slot, nowMs);
    return true;
  }

  /** `RateLimit` of a bucket: tokens left, and seconds until there is room for what was asked. */
  limit(name: string, count: number, nowMs: number): string {
    const seconds = Math.ceil(this.waitMs(name, count, nowMs) / 1_000);
    const left = Math.max(0, Math.floor(this.tokens(name, nowMs)));
    return `"${this.#label}";r=${left};t=${seconds}`;
  }

  /** Tells what was taken. A bucket has never lost more than it holds: what is beyond has come back meanwhile. */
  #tell(name: string, slot: number, nowMs: number): void {
    const spent = Math.min(this.#untold[slot] ?? 0, this.#burst);
    if (this.#teller?.tell(name, spent, nowMs, this.#onLeft) === true) this.#untold[slot] = 0;
  }

  /** Believes what is left for all, less what was taken here since it was told. A name that was forgotten stays so. */
  readonly #onLeft = (name: string, left: number, nowMs: number): void => {
    if (this.#names.use(name) === NO_SLOT) return;
    const slot = this.#filled(name, nowMs);
    const untold = this.#untold[slot] ?? 0;
    const believed = Math.min(this.#tokens[slot] ?? 0, left - untold);
    this.#tokens[slot] = Math.max(-this.#debtMax, believed);
    if (untold >= this.#lot) this.#tell(name, slot, nowMs);
  };

  /** The place of a name's bucket, filled up to now. */
  #filled(name: string, nowMs: number): number {
    const known = this.#names.use(name);
    if (known === NO_SLOT) {
      const slot = this.#names.add(name);
      this.#tokens[slot] = this.#burst;
      this.#filledAtMs[slot] = nowMs;
      this.#untold[slot] = 0;
      return slot;
    }
    const passedMs = nowMs - (this.#filledAtMs[known] ?? nowMs);
    if (passedMs <= 0) return known;
    this.#tokens[known] = Math.min(this.#burst, (this.#tokens[known] ?? 0) + passedMs * this.#perMs);
    this.#filledAtMs[known] = nowMs;
    return known;
  }
}
