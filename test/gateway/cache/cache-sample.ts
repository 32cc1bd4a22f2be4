/**
 * What the tests of the caches share: a clock that stands still until it is moved, wallets and outcomes made to order,
 * and a Redis cache that is connected.
 */
import { randomUUID } from "node:crypto";
import type {
  BucketSpending,
  CacheClock,
  CachedWallet,
  Claim,
  OutcomeKey,
} from "../../../gateway/cache/gateway-cache.ts";
import type { RedisCacheOptions } from "../../../gateway/cache/redis-cache.ts";
import { RedisCache } from "../../../gateway/cache/redis-cache.ts";
import type { CommandId } from "../../../protocol/command-id.ts";
import type { OwnerName, TenantName, WalletName } from "../../../protocol/names.ts";
import type { Outcome, RefusalCode } from "../../../protocol/outcome.ts";
import { refusal } from "../../../protocol/outcome.ts";
import { until } from "../../support/condition.ts";

/** The tenant, owner and wallet of most tests. */
export const DEMO = "demo" as TenantName;
/** The owner of {@link ALICE_USD}. */
export const ALICE = "alice" as OwnerName;
/** A wallet. */
export const ALICE_USD = "alice:usd" as WalletName;
/** The content of a command, and another one. */
export const CONTENT = '{"op":"transfer","amount":"10"}';
/** Another content. */
export const OTHER_CONTENT = '{"op":"transfer","amount":"11"}';
/** Long enough, and in no Redis. */
export const SECRET = Buffer.alloc(32, 7);
/** Real time. */
export const REAL_CLOCK: CacheClock = { wallMs: () => Date.now(), steadyMs: () => performance.now() };

/** A clock that a test moves. */
export interface StillClock extends CacheClock {
  advance(ms: number): void;
}

/** Starts at some moment and stays there. */
export function stillClock(): StillClock {
  let passedMs = 0;
  return {
    wallMs: () => 1_700_000_000_000 + passedMs,
    steadyMs: () => 5_000_000 + passedMs,
    advance: (ms) => {
      passedMs += ms;
    },
  };
}

/** Ages, stamps and seals by a clock that stands, deadlines by real time: what a test of Redis wants. */
export function stillWall(clock: StillClock): CacheClock {
  return { wallMs: clock.wallMs, steadyMs: REAL_CLOCK.steadyMs };
}

/** A wallet with 100 times its version posted, so that a mixture shows. */
export function walletAt(version: number, wallet = ALICE_USD): CachedWallet {
  const posted = BigInt(version) * 100n;
  return {
    wallet: {
      wallet,
      asset: "USD/2",
      posted,
      held: 0n,
      incoming: 0n,
      available: posted,
      min: 0n,
      max: "unlimited",
      status: "open",
      version,
      meta: '{"a":"ü"}',
    },
    asOf: { shard: 1, position: version, timeMs: 1_700_000_000_000 },
  };
}

/** Where an outcome belongs; a fresh id when none is given. */
export function outcomeKey(id = randomUUID() as CommandId, content = CONTENT): OutcomeKey {
  return { tenant: DEMO, owner: ALICE, id, content };
}

/** A settled outcome of that key: posted, or refused with a code. */
export function outcomeOf({ id }: OutcomeKey, code?: RefusalCode): Outcome {
  return {
    id,
    op: "transfer",
    status: code === undefined ? "posted" : "refused",
    refusal: code === undefined ? null : refusal(code, "alice:usd"),
    replayed: false,
    shard: 1,
    position: 17,
    timeMs: 1_700_000_000_000,
    balances:
      code === undefined
        ? [{ wallet: ALICE_USD, posted: 5n, held: 0n, incoming: 0n, available: 5n, version: 3 }]
        : null,
  };
}

/** A claim of 10 by alice with a fresh id, at most 2 an owner, out of 100. */
export function claimOf(changes: Partial<Claim> = {}): Claim {
  const id = randomUUID() as CommandId;
  return {
    tenant: DEMO,
    campaign: "spring",
    owner: ALICE,
    id,
    amount: 10n,
    perOwnerMax: 2,
    budget: 100n,
    ...changes,
  };
}

/** One of a thousand tokens; they come back so slowly that a test sees none. */
export function spendingOf(changes: Partial<BucketSpending> = {}): BucketSpending {
  return { bucket: "b", spent: 1, perSecond: 1e-6, burst: 1_000, debtMax: 1_000, ...changes };
}

/** A cache on a running server, connected; time limit 10 s unless a test says otherwise, so that a busy machine is no fault. */
export async function connectedCache(
  url: string,
  clock: CacheClock,
  changes: Partial<RedisCacheOptions> = {},
): Promise<RedisCache> {
  const options = { url, cluster: "test", secret: SECRET, clockSkewMs: 0, timeLimitMs: 10_000, ...changes };
  const cache = new RedisCache(options, clock);
  await until("the cache is connected", () => cache.isConnected);
  return cache;
}
