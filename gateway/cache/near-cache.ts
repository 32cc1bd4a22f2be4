// What this process remembers of wallets and outcomes, for look-ups that are answered at once, without a promise.
// Both kinds of cache have one: it is the built-in cache's memory, and what is in front of Redis.
//
// A wallet's text and tag stay beside it once they were made, so that a read of the same version makes nothing again.
// An outcome is kept as two texts, what was sent and what was answered (outcome-ring.ts).
// Invariant: a wallet's version never goes down while it is kept, and its age is never understated (steady clock): an
// event brings a younger version, never a younger age, since it does not say that no other is on its way.
// Invariant: an outcome is given for the very text of its command alone; any other spelling is the engine's to judge.

import type { TenantName, WalletName } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { outcomeFromJson } from "../../protocol/outcome-json.ts";
import { outcomeText } from "../outcome-answer.ts";
import type { MapBounds } from "./bounded-map.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { CacheClock, CachedWallet, NearSide, NearWallet, WalletChange } from "./gateway-cache.ts";
import { CACHED_AGE_MS_MAX, isKeepable, OUTCOME_KEEP_MS, WALLET_KEEP_MS } from "./keepable.ts";
import { OutcomeRing, type RingRecord } from "./outcome-ring.ts";

/** Bytes of an entry beside its texts, as V8 has them, good to a factor of two. */
const ENTRY_BYTES = 128;
const WALLET_BYTES = 1_200;

/** See the file header. No method throws. */
export class NearCache implements NearSide {
  readonly #clock: CacheClock;
  readonly #wallets: BoundedMap<NearWallet>;
  readonly #outcomes: OutcomeRing;
  #hits = 0;
  #misses = 0;

  constructor(clock: CacheClock, bounds: { readonly wallets: MapBounds; readonly outcomes: MapBounds }) {
    this.#clock = clock;
    this.#wallets = new BoundedMap(bounds.wallets);
    this.#outcomes = new OutcomeRing(bounds.outcomes);
  }

  /** Look-ups of wallets, and of outcomes whose id was known: an id that comes for the first time is none. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  get entries(): number {
    return this.#wallets.size + this.#outcomes.entries;
  }

  get bytes(): number {
    return this.#wallets.bytes + this.#outcomes.bytes;
  }

  /** The wallet if it was current at most `maxAgeMs` ago, else null. About 0.3 µs. */
  peekWallet(tenant: TenantName, wallet: WalletName, maxAgeMs: number): NearWallet | null {
    const key = walletKey(tenant, wallet);
    const kept = this.#wallets.get(key);
    const ageMs = kept === undefined ? Number.POSITIVE_INFINITY : this.#clock.steadyMs() - kept.knownMs;
    if (kept !== undefined && ageMs <= maxAgeMs && ageMs <= WALLET_KEEP_MS) {
      this.#hits += 1;
      return kept;
    }
    if (kept !== undefined && ageMs > WALLET_KEEP_MS) this.#wallets.delete(key);
    this.#misses += 1;
    return null;
  }

  /**
   * Remembers what a strong read showed, as `GatewayCache.keepWallet`.
   * @returns what was given, whether it was kept or something newer is
   */
  putWallet(tenant: TenantName, cached: CachedWallet, ageMs: number): NearWallet {
    const { wallet, asOf } = cached;
    const nowMs = this.#clock.steadyMs();
    const given: NearWallet = { wallet, asOf, knownMs: nowMs - ageMs, shown: null };
    if (ageMs > WALLET_KEEP_MS) return given;
    const key = walletKey(tenant, wallet.wallet);
    const kept = this.#wallets.look(key);
    const isKeptAlive = kept !== undefined && nowMs - kept.knownMs <= WALLET_KEEP_MS;
    if (!isKeptAlive || isNewer(given, kept)) this.#set(key, given);
    return given;
  }

  /** Whether a change of this wallet would be of use here. About 0.2 µs. */
  hasWallet(tenant: TenantName, wallet: string): boolean {
    return this.#wallets.look(walletKey(tenant, wallet)) !== undefined;
  }

  /**
   * Brings a wallet up to a change, where the change says all of it: the next version, and balances alone. Any other
   * one of a later version drops it, and so does one that is too old for any read.
   */
  changeWallet(tenant: TenantName, { balances, isOfBalances, asOf }: WalletChange): void {
    const key = walletKey(tenant, balances.wallet);
    const kept = this.#wallets.look(key);
    if (kept === undefined || balances.version <= kept.wallet.version) return;
    const isOld = this.#clock.steadyMs() - kept.knownMs > CACHED_AGE_MS_MAX;
    if (isOld || !isOfBalances || balances.version !== kept.wallet.version + 1) {
      this.#wallets.delete(key);
      return;
    }
    this.#set(key, { wallet: { ...kept.wallet, ...balances }, asOf, knownMs: kept.knownMs, shown: null });
  }

  /** The settled outcome of the same text under the same scope, `replayed` as it was kept, or null. */
  peekOutcome(scope: string, command: object): Outcome | null {
    const kept = this.#outcomes.find(scope);
    return kept === null ? null : this.#sameOutcome(kept, contentText(command));
  }

  /** As {@link peekOutcome}, for a command that is text already. */
  outcomeOf(scope: string, content: string): Outcome | null {
    const kept = this.#outcomes.find(scope);
    if (kept !== null) return this.#sameOutcome(kept, content);
    this.#misses += 1;
    return null;
  }

  /** Remembers a settled outcome; one that is not final for ever is left out. About 1 µs. */
  putOutcome(scope: string, content: string, outcome: Outcome): void {
    if (!isKeepable(outcome)) return;
    this.#outcomes.put(scope, { content, text: outcomeText(outcome), keptMs: this.#clock.steadyMs() });
  }

  #sameOutcome(kept: RingRecord, content: string): Outcome | null {
    const isOver = this.#clock.steadyMs() - kept.keptMs > OUTCOME_KEEP_MS;
    const read = isOver || kept.content !== content ? null : outcomeFromJson(JSON.parse(kept.text));
    if (read?.ok) this.#hits += 1;
    else this.#misses += 1;
    return read?.ok ? read.value : null;
  }

  #set(key: string, near: NearWallet): void {
    this.#wallets.set(
      key,
      near,
      ENTRY_BYTES + WALLET_BYTES + key.length + 4 * (near.wallet.meta?.length ?? 0),
    );
  }
}

/** The text of a command that two commands of the same content and spelling share. About 0.4 µs. */
export function contentText(command: object): string {
  return JSON.stringify(command);
}

function walletKey(tenant: TenantName, wallet: string): string {
  return `${tenant} ${wallet}`;
}

function isNewer(given: NearWallet, kept: NearWallet): boolean {
  const { version } = given.wallet;
  const { version: keptVersion } = kept.wallet;
  return version > keptVersion || (version === keptVersion && given.knownMs > kept.knownMs);
}
