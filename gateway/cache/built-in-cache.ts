// The cache of one process: wallets and outcomes (near-cache.ts), campaign counts in bounded maps. The default, and what
// RedisCache falls back to.
// Owns what this gateway remembers; knows nothing of others, so with several gateways each has counts of its own, and
// nobody hears what one has let pass.
//
// At a bound the entry used longest ago goes: a wallet or outcome becomes a miss, a campaign's counts zero. Wallets and outcomes also end with their time; the time of a wallet starts when it was known current.
// Invariant: a wallet's version never goes down while it is kept, and its age is never understated (steady clock).

import type { TenantName, WalletName } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import type { MapBounds } from "./bounded-map.ts";
import { BoundedMap } from "./bounded-map.ts";
import { CacheKeys, scopeOf } from "./cache-key.ts";
import type {
  AgedWallet,
  CacheClock,
  CachedWallet,
  CacheStats,
  Claim,
  ClaimAnswer,
  GatewayCache,
  OutcomeKey,
} from "./gateway-cache.ts";
import { assertClaim, CAMPAIGN_KEEP_MS } from "./keepable.ts";
import { NearCache } from "./near-cache.ts";

/** Bounds of each map. Bytes are estimates of what V8 takes, good to a factor of two. */
export interface BuiltInBounds {
  readonly wallets: MapBounds;
  readonly outcomes: MapBounds;
  readonly campaigns: MapBounds;
}

/** About 130 MB when everything is full. */
export const DEFAULT_BOUNDS: BuiltInBounds = {
  wallets: { entriesMax: 100_000, bytesMax: 64 * 1024 * 1024 },
  outcomes: { entriesMax: 100_000, bytesMax: 32 * 1024 * 1024 },
  campaigns: { entriesMax: 100_000, bytesMax: 32 * 1024 * 1024 },
};

const ENTRY_BYTES = 128;
const CLAIM_BYTES = 80;

interface OwnerClaims {
  readonly ids: Set<string>;
  readonly changedMs: number;
}

interface Spent {
  readonly amount: bigint;
  readonly changedMs: number;
}

/** A cache in memory. Every method is done when it returns; its promise is resolved already. */
export class BuiltInCache implements GatewayCache {
  readonly #clock: CacheClock;
  readonly #keys: CacheKeys;
  readonly near: NearCache;
  readonly isShared = false;
  readonly #claims: BoundedMap<OwnerClaims>;
  readonly #spent: BoundedMap<Spent>;

  /** @param cluster the cluster's id; a process speaks to one cluster, so it only shapes the keys */
  constructor(cluster: string, clock: CacheClock, bounds: BuiltInBounds = DEFAULT_BOUNDS) {
    this.#clock = clock;
    this.#keys = new CacheKeys(cluster);
    this.near = new NearCache(clock, bounds);
    this.#claims = new BoundedMap(bounds.campaigns);
    this.#spent = new BoundedMap(bounds.campaigns);
  }

  async wallet(tenant: TenantName, wallet: WalletName, maxAgeMs: number): Promise<AgedWallet | null> {
    const near = this.near.peekWallet(tenant, wallet, maxAgeMs);
    if (near === null) return null;
    return { wallet: near.wallet, asOf: near.asOf, ageMs: this.#clock.steadyMs() - near.knownMs };
  }

  async keepWallet(tenant: TenantName, cached: CachedWallet, ageMs: number): Promise<void> {
    this.near.putWallet(tenant, cached, ageMs);
  }

  async outcome(key: OutcomeKey): Promise<Outcome | null> {
    return this.near.outcomeOf(scopeOf(key), key.content);
  }

  async keepOutcome(key: OutcomeKey, outcome: Outcome): Promise<void> {
    this.near.putOutcome(scopeOf(key), key.content, outcome);
  }

  async spend(): Promise<null> {
    return null;
  }

  async claim(claim: Claim): Promise<ClaimAnswer> {
    assertClaim(claim);
    const ids = this.#claimed(claim);
    const spent = this.#spentBy(claim);
    if (ids.has(claim.id)) return { allowed: true, reason: null, ownerClaims: ids.size, spent };
    if (ids.size >= claim.perOwnerMax)
      return { allowed: false, reason: "owner_cap", ownerClaims: ids.size, spent };
    if (claim.budget !== null && spent + claim.amount > claim.budget)
      return { allowed: false, reason: "budget", ownerClaims: ids.size, spent };
    ids.add(claim.id);
    this.#count(claim, ids, spent + claim.amount);
    return { allowed: true, reason: null, ownerClaims: ids.size, spent: spent + claim.amount };
  }

  async unclaim(claim: Claim): Promise<void> {
    assertClaim(claim);
    const ids = this.#claimed(claim);
    if (!ids.delete(claim.id)) return;
    const spent = this.#spentBy(claim) - claim.amount;
    this.#count(claim, ids, spent > 0n ? spent : 0n);
  }

  stats(): CacheStats {
    const maps = [this.#claims, this.#spent];
    const { counts, entries, bytes } = this.near;
    return {
      kind: "built-in",
      ...counts,
      late: 0,
      refused: 0,
      failures: 0,
      entries: maps.reduce((sum, map) => sum + map.size, entries),
      bytes: maps.reduce((sum, map) => sum + map.bytes, bytes),
      breaker: "closed",
    };
  }

  async close(): Promise<void> {
    // Nothing runs on its own here.
  }

  #claimed(claim: Claim): Set<string> {
    const kept = this.#claims.get(this.#keys.claims(claim));
    return kept === undefined || this.#isCampaignOver(kept) ? new Set() : kept.ids;
  }

  #spentBy(claim: Claim): bigint {
    const kept = this.#spent.get(this.#keys.spent(claim));
    return kept === undefined || this.#isCampaignOver(kept) ? 0n : kept.amount;
  }

  #isCampaignOver({ changedMs }: { readonly changedMs: number }): boolean {
    return this.#clock.steadyMs() - changedMs > CAMPAIGN_KEEP_MS;
  }

  #count(claim: Claim, ids: Set<string>, amount: bigint): void {
    const changedMs = this.#clock.steadyMs();
    const claims = this.#keys.claims(claim);
    const spent = this.#keys.spent(claim);
    this.#claims.set(claims, { ids, changedMs }, entryBytes(claims) + CLAIM_BYTES * (ids.size + 1));
    this.#spent.set(spent, { amount, changedMs }, entryBytes(spent));
  }
}

function entryBytes(key: string): number {
  return ENTRY_BYTES + 2 * key.length;
}
