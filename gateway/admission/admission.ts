// Decides of each request whether it may go on, so that a burst breaks here and not at the wallets.
//
//   headers read   admit ──► ticket        charge, claim ──► body read: how many commands; owner, shard and wallets
//                    │                       │
//                    └──► shed 429 | 503     └──► shed 429 | 503 (the ticket stays open)
//   answered, or given up                  release ──► the ticket is closed
//
// `admit` asks, in this order: rate of the key and of the tenant (429), delay of the event loop, room in the tenant's
// client, the window, fair shares of tenant and key (503). `claim`: lag and cap of the shard, the wallets' caps (503),
// rate of the owner (429). What is shed has taken nothing: no token, no place. The event loop, lag and the caps
// count for commands only while the window is crowded: a batch that keeps the loop for long, or one hot wallet alone,
// is no overload. Lag counts only for a shard with `shardMin` commands on the way, so that some always get through and
// show when it moves again.
//
// Invariants: unanswered commands never exceed the window; each ticket is released exactly once (a split one: once for
// each part), else it throws.
// Does not own: HTTP, problems, timers, where other gateways hear of what was taken. All work happens in the calls; the
// clock, randomness and readings are passed in.
// An admitted single command leaves no garbage but the ticket's number; a shed one its answer.

import assert from "node:assert/strict";
import { AdaptiveWindow } from "./adaptive-window.ts";
import { FairShares, type ShareMember } from "./fair-shares.ts";
import type { RateSharing, SpendRate } from "./rate-teller.ts";
import { type AdmissionSettings, assertSettings, type ShedRamp } from "./settings.ts";
import { SHED_REASONS, type Shed, type ShedReason, shedFor } from "./shed.ts";
import { type Ticket, type TicketRecord, Tickets } from "./tickets.ts";
import { TokenBuckets } from "./token-buckets.ts";
import { WalletCounts } from "./wallet-counts.ts";

/** How often readings are taken and shares computed anew, ms. */
const LOOK_MS = 20;

/** Who asks. */
export interface AdmissionCaller {
  readonly keyId: string;
  readonly tenant: string;
}

/** What one command touches. */
export interface AdmissionClaim {
  /** Tells owners of all tenants apart. */
  readonly owner: string;
  readonly shard: number;
  /** Tell wallets of all tenants apart; empty for the commands of a batch, which counts as one in each shard. */
  readonly wallets: readonly string[];
}

/** State of other parts that shedding follows. Each must be cheap and never throw. */
export interface AdmissionReadings {
  /** How late the event loop lately was, ms: a high percentile of the last second or so. Read every 20 ms. */
  eventLoopDelayMs(): number;
  /** Age of the oldest command that a shard has in its log and has not answered, ms. Read at most every 20 ms a shard. */
  shardLagMs(shard: number): number;
  /** Commands that the client library of a tenant still takes. */
  clientRoom(tenant: string): number;
}

/** What admission takes from outside. */
export interface AdmissionParts {
  /** Ms since some moment; never goes back. */
  readonly steadyMs: () => number;
  /** A number from 0 to below 1. */
  readonly random: () => number;
  readonly readings: AdmissionReadings;
  /** Shards of the installation; known before the first claim. */
  readonly shards: () => number;
  /** Tells other gateways what was taken, so that all keep the rates together. Default: there are none. */
  readonly spend?: SpendRate | undefined;
}

/** Figures for operators. */
export interface AdmissionState {
  readonly windowLimit: number;
  readonly inFlight: number;
  readonly p95Ms: number;
  readonly eventLoopDelayMs: number;
  readonly admitted: number;
  readonly shed: Readonly<Record<ShedReason, number>>;
}

/** See the file header. */
export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #parts: AdmissionParts;
  readonly #window: AdaptiveWindow;
  readonly #tenants: FairShares;
  readonly #tickets: Tickets;
  readonly #wallets = new WalletCounts();
  readonly #keyRates: TokenBuckets;
  readonly #tenantRates: TokenBuckets;
  readonly #ownerRates: TokenBuckets;
  readonly #policy: string;
  readonly #shed: Record<ShedReason, number>;
  /** Unanswered commands of each shard. */
  #shards = new Int32Array(0);
  /** The last reading of each shard's lag, and when it was taken. */
  #lagsMs = new Float64Array(0);
  #laggedAtMs = new Float64Array(0);
  #admitted = 0;
  #eventLoopDelayMs = 0;
  #lookAtMs = 0;

  constructor(settings: AdmissionSettings, parts: AdmissionParts) {
    assertSettings(settings);
    this.#settings = settings;
    this.#parts = parts;
    this.#window = new AdaptiveWindow(settings.window);
    this.#tenants = new FairShares(settings, settings.window.initial, parts.steadyMs());
    this.#tickets = new Tickets(settings.window.max);
    const { spend, steadyMs } = parts;
    const sharing: RateSharing | null = spend === undefined ? null : { spend, steadyMs };
    this.#keyRates = new TokenBuckets("key", settings.key, sharing);
    this.#tenantRates = new TokenBuckets("tenant", settings.tenant, sharing);
    this.#ownerRates = new TokenBuckets("owner", settings.owner, sharing);
    this.#policy = [this.#keyRates, this.#tenantRates, this.#ownerRates]
      .map(({ policy }) => policy)
      .join(", ");
    this.#shed = shedCounts();
  }

  /**
   * Asks for the place of one request: one for each `placeBytes` of its body that are begun, and one token.
   * @param bodyBytes what the headers say; Infinity when they do not: then it counts as the largest
   * @returns a ticket, to be given to `release` exactly once; or why not. Never throws for what a caller did.
   */
  admit(caller: AdmissionCaller, bodyBytes = 0): Ticket | Shed {
    const nowMs = this.#now();
    const { placeBytes, placesMax } = this.#settings;
    const places = Math.min(placesMax, 1 + Math.floor(bodyBytes / placeBytes));
    const shed =
      this.#overRate(caller, 1, nowMs) ??
      (this.#isCrowdedBy(places) ? this.#overLoop() : null) ??
      this.#overClient(caller, 1);
    if (shed !== null) return shed;
    const tenant = this.#tenants.member(caller.tenant, nowMs);
    tenant.parts ??= new FairShares(this.#settings, this.#tenants.ceiling(tenant, this.#window.limit), nowMs);
    const key = tenant.parts.member(caller.keyId, nowMs);
    const full = this.#fullFor(tenant, key, places);
    tenant.group.onAsked(tenant, places, full !== null);
    key.group.onAsked(key, places, full !== null);
    if (full !== null) return this.#refuseBusy(full);
    this.#takeTokens(caller, 1, nowMs);
    return this.#open(tenant, key, places, nowMs);
  }

  /**
   * Asks for all commands of an admitted batch, whose number is known now: rates, and room in the tenant's client. The
   * token that `admit` took counts. Null when they may go on.
   */
  charge(caller: AdmissionCaller, commands: number): Shed | null {
    assert.ok(commands >= 1);
    const nowMs = this.#now();
    const shed = this.#overRate(caller, commands, nowMs, 1) ?? this.#overClient(caller, commands);
    if (shed === null) this.#takeTokens(caller, commands, nowMs, 1);
    return shed;
  }

  /** Asks for a request that sends no command (a read): rates and the event loop only. Null when it may go on. */
  pass(caller: AdmissionCaller): Shed | null {
    const nowMs = this.#now();
    const shed = this.#overRate(caller, 1, nowMs) ?? this.#overLoop();
    if (shed === null) this.#takeTokens(caller, 1, nowMs);
    return shed;
  }

  /** Counts one command of an admitted request against its owner, shard and wallets. Null when it may be sent. */
  claim(ticket: Ticket, { owner, shard, wallets }: AdmissionClaim): Shed | null {
    const nowMs = this.#now();
    const record = this.#tickets.record(ticket);
    assert.ok(shard >= 0 && shard < this.#parts.shards(), "the shard exists");
    if (shard >= this.#shards.length) this.#widen(this.#parts.shards());
    const full = this.#isCrowdedBy(0) ? this.#capFor(shard, wallets, nowMs) : null;
    if (full !== null) return this.#refuseBusy(full);
    if (!this.#ownerRates.take(owner, 1, nowMs))
      return this.#refuseRate("owner_rate", this.#ownerRates, owner, 1, nowMs);
    record.startMs = nowMs;
    if (!isHeld(record, ~shard)) {
      this.#shards[shard] = (this.#shards[shard] ?? 0) + 1;
      hold(record, ~shard);
    }
    for (const wallet of wallets) {
      const place = this.#wallets.placeOf(wallet);
      if (isHeld(record, place)) continue;
      this.#wallets.take(place);
      hold(record, place);
    }
    return null;
  }

  /** Makes a ticket end with its last part: it is to be released so many times. For the commands of a batch. */
  split(ticket: Ticket, parts: number): void {
    assert.ok(parts >= 1);
    this.#tickets.record(ticket).parts = parts;
  }

  /**
   * Ends a ticket. `answered`: its commands have their answers, and how long that took steers the window; `dropped`:
   * they were never sent, or nobody knows. Errors: throws when the ticket is not open.
   */
  release(ticket: Ticket, end: "answered" | "dropped"): void {
    const record = this.#tickets.record(ticket);
    record.parts -= 1;
    if (record.parts > 0) return;
    const { tenant, key, commands, startMs } = record;
    assert.ok(tenant !== null && key !== null, "an open ticket has its members");
    tenant.group.change(tenant, -commands);
    key.group.change(key, -commands);
    this.#window.giveBack(commands);
    if (end === "answered") this.#window.onAnswered(startMs, this.#parts.steadyMs());
    this.#letGo(record);
    this.#tickets.close(ticket);
  }

  /** Whether caps count, with so many more: below it there is room for everybody. */
  #isCrowdedBy(places: number): boolean {
    return this.#window.inFlight + places > this.#settings.calm;
  }

  #capFor(shard: number, wallets: readonly string[], nowMs: number): ShedReason | null {
    const { shardMin, shardLag } = this.#settings;
    const inShard = this.#shards[shard] ?? 0;
    if (inShard >= shardMin && this.#isShed(shardLag, this.#lagMs(shard, nowMs))) return "shard_lag";
    if (inShard >= this.#shardCap) return "shard_share";
    return this.#isAnyHot(wallets) ? "wallet" : null;
  }

  #isAnyHot(wallets: readonly string[]): boolean {
    const cap = this.#walletCap;
    for (const wallet of wallets) if (this.#wallets.count(this.#wallets.placeOf(wallet)) >= cap) return true;
    return false;
  }

  #lagMs(shard: number, nowMs: number): number {
    if (nowMs - (this.#laggedAtMs[shard] ?? 0) >= LOOK_MS) {
      this.#laggedAtMs[shard] = nowMs;
      this.#lagsMs[shard] = this.#parts.readings.shardLagMs(shard);
    }
    return this.#lagsMs[shard] ?? 0;
  }

  #widen(shards: number): void {
    const counts = new Int32Array(shards);
    counts.set(this.#shards);
    this.#shards = counts;
    this.#lagsMs = new Float64Array(shards);
    this.#laggedAtMs = new Float64Array(shards).fill(Number.NEGATIVE_INFINITY);
  }

  /** Commands of one wallet that may be unanswered now. */
  get #walletCap(): number {
    const { walletMin, walletPart } = this.#settings;
    return Math.max(walletMin, Math.floor(this.#window.limit * walletPart));
  }

  /** Commands of one shard that may be unanswered now. */
  get #shardCap(): number {
    const { shardSkew, shardMin } = this.#settings;
    const part = Math.min(1, shardSkew / this.#shards.length);
    return Math.max(shardMin, Math.floor(this.#window.limit * part));
  }

  /** Figures as they are now. */
  state(): AdmissionState {
    const { limit, inFlight, p95Ms } = this.#window;
    return {
      windowLimit: limit,
      inFlight,
      p95Ms,
      eventLoopDelayMs: this.#eventLoopDelayMs,
      admitted: this.#admitted,
      shed: { ...this.#shed },
    };
  }

  /** The time; what is due every few ms is done first. */
  #now(): number {
    const nowMs = this.#parts.steadyMs();
    if (nowMs < this.#lookAtMs) return nowMs;
    this.#lookAtMs = nowMs + LOOK_MS;
    this.#eventLoopDelayMs = this.#parts.readings.eventLoopDelayMs();
    this.#window.look(nowMs);
    this.#tenants.refresh(this.#window.limit, nowMs);
    return nowMs;
  }

  /** @param paid tokens of these that were taken before */
  #overRate({ keyId, tenant }: AdmissionCaller, commands: number, nowMs: number, paid = 0): Shed | null {
    const ofKey = this.#keyRates.priceOf(commands) - paid;
    if (this.#keyRates.waitMs(keyId, ofKey, nowMs) > 0)
      return this.#refuseRate("key_rate", this.#keyRates, keyId, ofKey, nowMs);
    const ofTenant = this.#tenantRates.priceOf(commands) - paid;
    if (this.#tenantRates.waitMs(tenant, ofTenant, nowMs) > 0)
      return this.#refuseRate("tenant_rate", this.#tenantRates, tenant, ofTenant, nowMs);
    return null;
  }

  #overClient({ tenant }: AdmissionCaller, commands: number): Shed | null {
    return this.#parts.readings.clientRoom(tenant) < commands ? this.#refuseBusy("client_window") : null;
  }

  #overLoop(): Shed | null {
    return this.#isShed(this.#settings.eventLoop, this.#eventLoopDelayMs)
      ? this.#refuseBusy("event_loop")
      : null;
  }

  #fullFor(tenant: ShareMember, key: ShareMember, places: number): ShedReason | null {
    const { limit } = this.#window;
    if (this.#window.inFlight + places > limit) return "window";
    if (!tenant.group.fits(tenant, places, limit)) return "tenant_share";
    const room = Math.max(tenant.group.ceiling(tenant, limit), tenant.inFlight + places);
    return key.group.fits(key, places, room) ? null : "key_share";
  }

  #takeTokens({ keyId, tenant }: AdmissionCaller, commands: number, nowMs: number, paid = 0): void {
    this.#keyRates.take(keyId, this.#keyRates.priceOf(commands) - paid, nowMs);
    this.#tenantRates.take(tenant, this.#tenantRates.priceOf(commands) - paid, nowMs);
  }

  #open(tenant: ShareMember, key: ShareMember, places: number, nowMs: number): Ticket {
    this.#window.take(places);
    tenant.group.change(tenant, places);
    key.group.change(key, places);
    const ticket = this.#tickets.take();
    const record = this.#tickets.record(ticket);
    record.startMs = nowMs;
    record.commands = places;
    record.tenant = tenant;
    record.key = key;
    this.#admitted += 1;
    return ticket;
  }

  #letGo({ held, heldCount }: TicketRecord): void {
    for (let index = 0; index < heldCount; index += 1) {
      const place = held[index];
      assert.ok(place !== undefined, "what is held has its place");
      if (place >= 0) this.#wallets.giveBack(place);
      else this.#shards[~place] = (this.#shards[~place] ?? 0) - 1;
    }
  }

  #isShed({ fromMs, allMs }: ShedRamp, readingMs: number): boolean {
    if (readingMs <= fromMs) return false;
    return this.#parts.random() < (readingMs - fromMs) / (allMs - fromMs);
  }

  #refuseBusy(reason: ShedReason): Shed {
    assert.equal(SHED_REASONS[reason].status, 503);
    this.#shed[reason] += 1;
    if (reason === "window" || reason.endsWith("_share") || reason === "wallet") this.#window.onFilled();
    const { retryBusySeconds } = this.#settings;
    return shedFor(reason, 1 + Math.floor(this.#parts.random() * retryBusySeconds), null);
  }

  #refuseRate(reason: ShedReason, buckets: TokenBuckets, name: string, count: number, nowMs: number): Shed {
    assert.equal(SHED_REASONS[reason].status, 429);
    this.#shed[reason] += 1;
    const waitSeconds = (buckets.waitMs(name, count, nowMs) / 1_000) * (1 + this.#parts.random());
    const seconds = Math.min(this.#settings.retryRateSeconds, Math.max(1, Math.ceil(waitSeconds)));
    const rateLimit = buckets.limit(name, count, nowMs);
    return shedFor(reason, seconds, { rateLimit, rateLimitPolicy: this.#policy });
  }
}

function isHeld({ held, heldCount }: TicketRecord, place: number): boolean {
  for (let index = 0; index < heldCount; index += 1) if (held[index] === place) return true;
  return false;
}

function hold(record: TicketRecord, place: number): void {
  record.held[record.heldCount] = place;
  record.heldCount += 1;
}

function shedCounts(): Record<ShedReason, number> {
  const counts = Object.fromEntries(Object.keys(SHED_REASONS).map((reason) => [reason, 0]));
  return counts as Record<ShedReason, number>;
}
