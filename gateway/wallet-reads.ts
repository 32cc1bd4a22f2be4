// Reads of one wallet: strong ones, and those that may have an age.
//
//   cached read ──near copy young enough──► answered at once
//        └─ else joins a read of the same wallet under way, if that was sent within the age asked for
//             └─ else asks the shared cache, then the engine; the answer is kept
//
// Owns: which strong reads are shared and kept, and what events do to kept wallets.
// Invariant: nobody gets a wallet that was current longer ago than he allows; its time is that at which the strong read
// was sent. What an event of the wallet has overtaken is not kept, nor taken from the shared cache.
// Bounded: READS_MAX shared reads under way; further ones are not shared.

import type { ClientClock } from "../client/clock.ts";
import type { Event } from "../protocol/event.ts";
import type { TenantName, WalletName } from "../protocol/names.ts";
import { type BalanceFeedParts, BalanceFeeds, type FeedListener } from "./balance-feed.ts";
import { BoundedMap } from "./cache/bounded-map.ts";
import type { CachedWallet, GatewayCache, NearWallet } from "./cache/gateway-cache.ts";
import { READ_DEADLINE_MS, type TenantClients } from "./tenant-clients.ts";

/** Reads under way that others may join. */
const READS_MAX = 10_000;
/** Wallets whose latest version, as an event told it, is remembered. */
const TOLD_MAX = 10_000;
/** What changes nothing of a wallet but its balances. */
const OPS_OF_BALANCES: ReadonlySet<string> = new Set(["transfer", "capture", "release", "reverse", "expire"]);

/** A wallet and how long ago it was known to be current, ms; 0 = it answers a strong read. */
export interface FoundWallet {
  readonly near: NearWallet;
  readonly ageMs: number;
}

/** What reads work with. */
export interface WalletReadsParts extends Omit<BalanceFeedParts, "listener"> {
  readonly cache: GatewayCache;
  readonly clients: TenantClients;
  readonly clock: ClientClock;
}

/** A read under way. */
interface Flight {
  readonly sentMs: number;
  /** Null = there is no such wallet. */
  found: Promise<FoundWallet | null>;
}

/** See the file header. */
export class WalletReads {
  readonly #parts: WalletReadsParts;
  readonly #feeds: BalanceFeeds;
  readonly #flights = new Map<string, Flight>();
  /** The latest versions that events told of. */
  readonly #told = new BoundedMap<number>({ entriesMax: TOLD_MAX, bytesMax: TOLD_MAX * 100 });

  constructor(parts: WalletReadsParts) {
    this.#parts = parts;
    const listener: FeedListener = {
      isWanted: (tenant, wallet) =>
        parts.cache.near.hasWallet(tenant, wallet) || this.#flights.has(walletKey(tenant, wallet)),
      onEvent: (tenant, event) => this.#onEvent(tenant, event),
    };
    this.#feeds = new BalanceFeeds({ ...parts, listener });
  }

  /** The near copy if it is at most `maxAgeMs` old, else null. Never throws; about 0.5 µs. */
  peek(tenant: TenantName, wallet: WalletName, maxAgeMs: number): FoundWallet | null {
    this.#feeds.use(tenant);
    const near = this.#parts.cache.near.peekWallet(tenant, wallet, maxAgeMs);
    return near === null ? null : { near, ageMs: this.#ageOf(near) };
  }

  /** The wallet, at most `maxAgeMs` old; null when there is none. Errors: as `strong`. */
  async cached(tenant: TenantName, wallet: WalletName, maxAgeMs: number): Promise<FoundWallet | null> {
    const key = walletKey(tenant, wallet);
    const nowMs = this.#parts.clock.steadyMs();
    const joined = this.#flights.get(key);
    if (joined !== undefined && nowMs - joined.sentMs <= maxAgeMs) {
      const found = await joined.found;
      if (found === null) return null;
      const ageMs = this.#ageOf(found.near);
      return ageMs <= maxAgeMs ? { near: found.near, ageMs } : await this.strong(tenant, wallet);
    }
    const flight: Flight = { sentMs: nowMs, found: Promise.resolve(null) };
    if (this.#flights.size < READS_MAX) this.#flights.set(key, flight);
    flight.found = this.#fetch(tenant, wallet, maxAgeMs);
    try {
      return await flight.found;
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    }
  }

  /** The wallet as it is; null when there is none. Errors: CofferError, Problem `busy`. */
  async strong(tenant: TenantName, wallet: WalletName): Promise<FoundWallet | null> {
    return await this.#strong(tenant, wallet, this.#feeds.isFollowed(tenant) ? "near" : "not kept");
  }

  /** Ms since 1970. */
  wallMs(): number {
    return this.#parts.clock.wallMs();
  }

  /** Follows no events any more. */
  close(): void {
    this.#feeds.close();
  }

  async #fetch(tenant: TenantName, name: WalletName, maxAgeMs: number): Promise<FoundWallet | null> {
    const { cache } = this.#parts;
    const shared = cache.isShared ? await cache.wallet(tenant, name, maxAgeMs) : null;
    if (shared === null || this.#isOvertaken(tenant, shared))
      return await this.#strong(tenant, name, "shared");
    const { ageMs, ...cached } = shared;
    return { near: cache.near.putWallet(tenant, cached, ageMs), ageMs };
  }

  /** @param kept not where no wallets are read from the cache: one more would only push others out */
  async #strong(
    tenant: TenantName,
    name: WalletName,
    kept: "not kept" | "near" | "shared",
  ): Promise<FoundWallet | null> {
    const { clients, clock, cache } = this.#parts;
    const client = clients.ready(tenant) ?? (await clients.of(tenant));
    const sentMs = clock.steadyMs();
    const answer = await client.wallet(name, { deadlineMs: READ_DEADLINE_MS });
    if (answer === null) return null;
    const { asOf, ...wallet } = answer;
    const cached: CachedWallet = { wallet, asOf };
    const ageMs = clock.steadyMs() - sentMs;
    if (kept === "not kept" || this.#isOvertaken(tenant, cached))
      return { near: { ...cached, knownMs: sentMs, shown: null }, ageMs: 0 };
    if (cache.isShared && kept === "shared") void cache.keepWallet(tenant, cached, ageMs);
    return { near: cache.near.putWallet(tenant, cached, ageMs), ageMs: 0 };
  }

  /** Whether an event has told of a later version. */
  #isOvertaken(tenant: TenantName, { wallet }: CachedWallet): boolean {
    return (this.#told.look(walletKey(tenant, wallet.wallet)) ?? 0) > wallet.version;
  }

  #onEvent(tenant: TenantName, { id, op, wallets, timeMs }: Event): void {
    const isOfBalances = OPS_OF_BALANCES.has(op);
    const asOf = { shard: id.shard, position: id.position, timeMs };
    for (const balances of wallets) {
      this.#parts.cache.near.changeWallet(tenant, { balances, isOfBalances, asOf });
      const key = walletKey(tenant, balances.wallet);
      if ((this.#told.look(key) ?? 0) < balances.version) this.#told.set(key, balances.version, key.length);
    }
  }

  #ageOf({ knownMs }: NearWallet): number {
    return Math.max(0, this.#parts.clock.steadyMs() - knownMs);
  }
}

function walletKey(tenant: TenantName, wallet: string): string {
  return `${tenant} ${wallet}`;
}
