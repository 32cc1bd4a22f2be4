// The cache that several gateways share: Redis 7, with a built-in cache behind it.
// Owns what is asked of Redis and what its answers mean. The link owns time limits and the breaker, the seal the form.
//
// Redis is asked first. Late, away, failing or full of what is not ours: the built-in cache answers. Wallets and outcomes
// are kept in both; campaign counts begin anew in the built-in one, so while Redis is away each gateway counts its own
// claims. Buckets are in Redis alone: while it is away nobody knows them.
// Bounded in Redis by times to live and VALUE_CHARS_MAX; the operator sets `maxmemory` and `maxmemory-policy allkeys-lru`.
//
// Invariant: a wallet's or outcome's bytes count only when the seal fits; what does not fit is counted, removed, a miss.
// Invariant: an age is never understated: clocks of gateways may differ by clockSkewMs, which is added to each age.
// Buckets and counts carry no seal, as Redis itself computes them: who writes to Redis changes the pace, not money.

import { assert } from "../../protocol/assert.ts";
import { hash16 } from "../../protocol/digest.ts";
import type { TenantName, WalletName } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import type { BuiltInBounds } from "./built-in-cache.ts";
import { BuiltInCache } from "./built-in-cache.ts";
import { CacheKeys, scopeOf } from "./cache-key.ts";
import type {
  AgedWallet,
  BucketSpending,
  CacheClock,
  CachedWallet,
  CacheStats,
  Claim,
  ClaimAnswer,
  GatewayCache,
  OutcomeKey,
} from "./gateway-cache.ts";
import {
  assertClaim,
  assertSpending,
  CAMPAIGN_KEEP_MS,
  isKeepable,
  OUTCOME_KEEP_MS,
  WALLET_KEEP_MS,
} from "./keepable.ts";
import type { NearCache } from "./near-cache.ts";
import type { RedisAnswer, RedisLinkOptions } from "./redis-link.ts";
import { RedisLink } from "./redis-link.ts";
import { CLAIM, DROP, KEEP_WALLET, SPEND, UNCLAIM } from "./redis-scripts.ts";
import { ValueSeal } from "./sealed-value.ts";

/** Characters of a value; a longer one is kept by this process alone. */
export const VALUE_CHARS_MAX = 64 * 1024;
/** Ms by which the clocks of two gateways may differ, when nothing is said. */
export const CLOCK_SKEW_MS = 100;

/** How to reach Redis and how to trust what is in it. */
export interface RedisCacheOptions extends RedisLinkOptions {
  /** The cluster's id: values of another cluster are never seen. */
  readonly cluster: string;
  /** The same for all gateways of the cluster, and never in Redis; at least 16 bytes. */
  readonly secret: Uint8Array;
  /** Default CLOCK_SKEW_MS. Look-ups of a lower maximum age than this miss. */
  readonly clockSkewMs?: number;
  /** Of the built-in cache behind it. */
  readonly bounds?: BuiltInBounds;
}

/** A shared cache. Starts to connect at once; until then, and whenever Redis is away, the built-in one serves. */
export class RedisCache implements GatewayCache {
  readonly isShared = true;
  readonly #clock: CacheClock;
  readonly #clockSkewMs: number;
  readonly #keys: CacheKeys;
  readonly #seal: ValueSeal;
  readonly #builtIn: BuiltInCache;
  readonly #link: RedisLink;
  /** What Redis had; the near part counts its own hits, and every miss. */
  #hits = 0;
  #refused = 0;

  /** Errors: a TypeError for a URL that is none; assertions for the rest. */
  constructor(options: RedisCacheOptions, clock: CacheClock) {
    this.#clock = clock;
    this.#clockSkewMs = options.clockSkewMs ?? CLOCK_SKEW_MS;
    assert(this.#clockSkewMs >= 0, "a difference of clocks is not negative");
    this.#keys = new CacheKeys(options.cluster);
    this.#seal = new ValueSeal(options.secret);
    this.#builtIn = new BuiltInCache(options.cluster, clock, options.bounds);
    this.#link = new RedisLink(options, clock);
  }

  get near(): NearCache {
    return this.#builtIn.near;
  }

  /** Whether the connection to Redis stands. */
  get isConnected(): boolean {
    return this.#link.isReady;
  }

  async wallet(tenant: TenantName, wallet: WalletName, maxAgeMs: number): Promise<AgedWallet | null> {
    const key = this.#keys.wallet(tenant, wallet);
    const text = await this.#get(key);
    const shared = text === null ? null : await this.#opened(key, text);
    // So that this gateway does not go back to an older version when Redis goes away.
    if (shared !== null) await this.#builtIn.keepWallet(tenant, shared, shared.ageMs);
    if (shared !== null && shared.ageMs <= Math.min(maxAgeMs, WALLET_KEEP_MS)) return this.#found(shared);
    return await this.#builtIn.wallet(tenant, wallet, maxAgeMs);
  }

  async keepWallet(tenant: TenantName, cached: CachedWallet, ageMs: number): Promise<void> {
    await this.#builtIn.keepWallet(tenant, cached, ageMs);
    const liveMs = Math.floor(WALLET_KEEP_MS - ageMs);
    if (liveMs < 1) return;
    const key = this.#keys.wallet(tenant, cached.wallet.wallet);
    const knownMs = Math.floor(this.#clock.wallMs() - ageMs);
    const text = this.#seal.sealWallet(key, cached, knownMs);
    if (text.length > VALUE_CHARS_MAX) return;
    await this.#healed([key], await this.#link.run(KEEP_WALLET, [key], [text, liveMs.toString()]));
  }

  async outcome(key: OutcomeKey): Promise<Outcome | null> {
    const near = this.near.outcomeOf(scopeOf(key), key.content);
    if (near !== null) return near;
    const name = this.#keys.outcome(key);
    const text = await this.#get(name);
    if (text === null) return null;
    const opened = this.#seal.openOutcome(name, text);
    if (opened === null) await this.#refuse(name, text);
    return opened?.contentHash === contentHash(key.content) ? this.#found(opened.outcome) : null;
  }

  async keepOutcome(key: OutcomeKey, outcome: Outcome): Promise<void> {
    if (!isKeepable(outcome)) return;
    this.near.putOutcome(scopeOf(key), key.content, outcome);
    const name = this.#keys.outcome(key);
    const text = this.#seal.sealOutcome(name, contentHash(key.content), outcome);
    if (text.length > VALUE_CHARS_MAX) return;
    await this.#link.ask(["SET", name, text, "PX", OUTCOME_KEEP_MS.toString()]);
  }

  async spend(spending: BucketSpending): Promise<number | null> {
    assertSpending(spending);
    const { bucket, spent, perSecond, burst, debtMax } = spending;
    const key = this.#keys.bucket(bucket);
    const args = [spent, perSecond, burst, debtMax].map((value) => value.toString());
    return this.#read(await this.#healed([key], await this.#link.run(SPEND, [key], args)), readLeft);
  }

  async claim(claim: Claim): Promise<ClaimAnswer> {
    assertClaim(claim);
    const keys = [this.#keys.claims(claim), this.#keys.spent(claim)];
    const { id, amount, perOwnerMax, budget } = claim;
    const args = [id, amount, perOwnerMax, budget ?? "", CAMPAIGN_KEEP_MS].map((value) => value.toString());
    const answer = await this.#healed(keys, await this.#link.run(CLAIM, keys, args));
    return this.#read(answer, readClaimAnswer) ?? (await this.#builtIn.claim(claim));
  }

  async unclaim(claim: Claim): Promise<void> {
    await this.#builtIn.unclaim(claim);
    const keys = [this.#keys.claims(claim), this.#keys.spent(claim)];
    await this.#healed(keys, await this.#link.run(UNCLAIM, keys, [claim.id, claim.amount.toString()]));
  }

  stats(): CacheStats {
    const { late, failures } = this.#link.counts;
    const { hits, misses, entries, bytes } = this.#builtIn.stats();
    return {
      kind: "redis",
      hits: this.#hits + hits,
      misses,
      late,
      refused: this.#refused,
      failures,
      entries,
      bytes,
      breaker: this.#link.isBreakerOpen ? "open" : "closed",
    };
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  /** The text under a key, or null: absent, or no answer. */
  async #get(key: string): Promise<string | null> {
    const answer = await this.#healed([key], await this.#link.ask(["GET", key]));
    return answer.ok && typeof answer.value === "string" ? answer.value : null;
  }

  async #opened(key: string, text: string): Promise<AgedWallet | null> {
    const opened = this.#seal.openWallet(key, text);
    const elapsedMs = opened === null ? 0 : this.#clock.wallMs() - opened.knownMs;
    if (opened === null || elapsedMs < -this.#clockSkewMs) {
      await this.#refuse(key, text);
      return null;
    }
    return { ...opened.cached, ageMs: elapsedMs + this.#clockSkewMs };
  }

  /** Counts a value that is not ours and removes it, so that it cannot stand in the way of a good one. */
  async #refuse(key: string, text: string): Promise<void> {
    this.#refused += 1;
    await this.#link.run(DROP, [key], [text]);
  }

  /** Passes the answer on; keys that hold another kind of value are removed first. */
  async #healed(keys: readonly string[], answer: RedisAnswer): Promise<RedisAnswer> {
    if (answer.ok || answer.why !== "wrong_type") return answer;
    this.#refused += 1;
    await this.#link.ask(["DEL", ...keys]);
    return answer;
  }

  #read<Value>(answer: RedisAnswer, read: (reply: readonly unknown[]) => Value | null): Value | null {
    if (!answer.ok) return null;
    const value = Array.isArray(answer.value) ? read(answer.value) : null;
    if (value === null) this.#refused += 1;
    return value;
  }

  #found<Found>(found: Found): Found {
    this.#hits += 1;
    return found;
  }
}

/** 32 hex digits: what Redis is told of a command's content. About 1 µs. */
export function contentHash(content: string): string {
  return Buffer.from(hash16(Buffer.from(content))).toString("hex");
}

/** Tokens left, as text: Redis cuts numbers to whole ones. */
function readLeft([left]: readonly unknown[]): number | null {
  const tokens = typeof left === "string" ? Number.parseFloat(left) : Number.NaN;
  return Number.isFinite(tokens) ? tokens : null;
}

function readClaimAnswer(reply: readonly unknown[]): ClaimAnswer | null {
  const [why, ownerClaims, spent] = reply;
  if (typeof ownerClaims !== "number" || typeof spent !== "string" || !/^\d+$/.test(spent)) return null;
  const reason = why === "owner_cap" || why === "budget" ? why : null;
  return { allowed: reason === null, reason, ownerClaims, spent: BigInt(spent) };
}
