// What the gateway remembers between requests, as one interface with two kinds behind it: BuiltInCache (this process
// alone) and RedisCache (shared by several gateways).
//
// Invariant: a cache is never the truth. It may forget everything at any moment, and every caller must be right with a
// cache that answers null to each look-up and spending and allows each claim: the engine decides about money.
// Invariant: a look-up never gives a wallet older than asked for, nor an outcome of another content.
// Guards against: money that depends on a process that can be flushed, cut off, slowed down or written to by others.

import type { CommandId } from "../../protocol/command-id.ts";
import type { WalletView } from "../../protocol/entry.ts";
import type { OwnerName, TenantName, WalletName } from "../../protocol/names.ts";
import type { Balances, Outcome } from "../../protocol/outcome.ts";
import type { AsOf } from "../../protocol/read-answer.ts";

/** Claims of one owner that a campaign counts at most; a campaign's cap must not lie above it. */
export const CLAIMS_PER_OWNER_MAX = 1000;

/** Source of time; made in a main file. */
export interface CacheClock {
  /** Ms since 1970; may jump. Stamps what other processes read. */
  wallMs(): number;
  /** Ms since some moment; never goes back. Ages and deadlines of this process. */
  steadyMs(): number;
}

/** A wallet as a strong read showed it. */
export interface CachedWallet {
  readonly wallet: WalletView;
  readonly asOf: AsOf;
}

/** A wallet as answers show it: its JSON, the strong tag of that, and the instant that it shows. */
export interface ShownWallet {
  readonly json: string;
  readonly tag: string;
  readonly instant: string;
}

/** A wallet that this process has. */
export interface NearWallet extends CachedWallet {
  /** Steady time at which it was current. */
  readonly knownMs: number;
  /** Set by the first who shows it. */
  shown: ShownWallet | null;
}

/** A change that an event tells of: balances after it, and whether nothing else of the wallet changed. */
export interface WalletChange {
  readonly balances: Balances;
  readonly isOfBalances: boolean;
  readonly asOf: AsOf;
}

/** A wallet with its age in ms: it was current so long ago, or later. */
export interface AgedWallet extends CachedWallet {
  readonly ageMs: number;
}

/**
 * Which command an outcome belongs to. `content` = its text (`contentText`): equal texts are equal commands; another
 * spelling of the same command is another text, and a miss.
 */
export interface OutcomeKey {
  readonly tenant: TenantName;
  readonly owner: OwnerName;
  readonly id: CommandId;
  readonly content: string;
}

/** Tokens that a gateway has let pass. All numbers are finite and above 0; tokens come back up to `burst`. */
export interface BucketSpending {
  /** 1..128 of `[A-Za-z0-9_.:-]`, such as a kind and a name of that kind. */
  readonly bucket: string;
  readonly spent: number;
  readonly perSecond: number;
  readonly burst: number;
  /** The bucket goes no further below nothing, so that no value in it can stop callers for longer than that takes. */
  readonly debtMax: number;
}

/** A claim that is about to be sent. The same command id counts once, however often it is claimed. */
export interface Claim {
  readonly tenant: TenantName;
  /** 1..64 of `[A-Za-z0-9_.-]` */
  readonly campaign: string;
  readonly owner: OwnerName;
  readonly id: CommandId;
  /** Minor units, 1..2^63-1. */
  readonly amount: bigint;
  /** Claims that an owner may have, 1..CLAIMS_PER_OWNER_MAX. */
  readonly perOwnerMax: number;
  /** Minor units that the campaign may give, or null for no bound. */
  readonly budget: bigint | null;
}

/** Whether a claim is worth sending. `ownerClaims` and `spent` count this one when it is allowed. */
export interface ClaimAnswer {
  readonly allowed: boolean;
  readonly reason: "owner_cap" | "budget" | null;
  readonly ownerClaims: number;
  readonly spent: bigint;
}

/**
 * Counters since the start. hits and misses: look-ups of wallets and outcomes; late: no answer in time; refused: values
 * that were not ours (wrong seal, format, kind or stamp); failures: errors and a connection that is away or full.
 */
export interface CacheStats {
  readonly kind: "built-in" | "redis";
  readonly hits: number;
  readonly misses: number;
  readonly late: number;
  readonly refused: number;
  readonly failures: number;
  /** What this process holds itself. */
  readonly entries: number;
  readonly bytes: number;
  /** `open` = the shared cache is not asked now, the built-in one serves alone. */
  readonly breaker: "closed" | "open";
}

/** What is answered at once. No method throws. */
export interface NearSide {
  /** The wallet if it was current at most `maxAgeMs` ago, else null. */
  peekWallet(tenant: TenantName, wallet: WalletName, maxAgeMs: number): NearWallet | null;
  /** As `keepWallet`. @returns what was given, whether it was kept or something newer is */
  putWallet(tenant: TenantName, cached: CachedWallet, ageMs: number): NearWallet;
  /** Whether a change of this wallet would be of use. */
  hasWallet(tenant: TenantName, wallet: string): boolean;
  /** Brings a wallet up to a change that says all of it, or drops it. */
  changeWallet(tenant: TenantName, change: WalletChange): void;
  /** The settled outcome of the same command, spelled alike, under the same `scopeOf`; `replayed` as it was kept. */
  peekOutcome(scope: string, command: object): Outcome | null;
  /** Remembers a settled outcome; one that is not final for ever is left out. @param content as of `contentText` */
  putOutcome(scope: string, content: string, outcome: Outcome): void;
}

/** The cache. No method rejects but for wrong arguments (assertions); all may be called at once. */
export interface GatewayCache {
  /** What this process itself has, for look-ups that are answered at once. */
  readonly near: NearSide;
  /** Whether there is more behind the near part: what other gateways keep. */
  readonly isShared: boolean;
  /** The wallet if it was current at most `maxAgeMs` ago, else null. */
  wallet(tenant: TenantName, wallet: WalletName, maxAgeMs: number): Promise<AgedWallet | null>;
  /**
   * Remembers what a strong read showed. A lower version never replaces a higher one; an equal one makes it younger.
   * @param ageMs steady time since the read was sent, so that the age is never understated
   */
  keepWallet(tenant: TenantName, cached: CachedWallet, ageMs: number): Promise<void>;
  /** The settled outcome of the same content, `replayed` as it was kept, or null. */
  outcome(key: OutcomeKey): Promise<Outcome | null>;
  /** Remembers a settled outcome; one that is not final for ever (`isKeepable`) is left out. */
  keepOutcome(key: OutcomeKey, outcome: Outcome): Promise<void>;
  /**
   * Takes what was spent from the bucket of all gateways. Lost state is a full bucket.
   * @returns tokens left, -debtMax..burst, fractions too; null = nobody else knows
   */
  spend(spending: BucketSpending): Promise<number | null>;
  /** Counts a claim, or says why it need not be sent. Lost state counts from zero again. */
  claim(claim: Claim): Promise<ClaimAnswer>;
  /** Gives a counted claim back (the engine refused it); nothing happens for one that is not counted. */
  unclaim(claim: Claim): Promise<void>;
  stats(): CacheStats;
  /** Ends timers and connections. Calls that still run are answered. */
  close(): Promise<void>;
}
