// Follows the events of tenants whose wallets are read from the cache, so that a change shows within milliseconds and not
// after the declared age.
//
//   first cached read ──► following ──no cached read for FEED_IDLE_MS──► closed
//                            └─ refused ──after FEED_PAUSE_MS, with the next cached read──► following
//
// A plain subscription, not a reader of the stream: an event that is lost here costs freshness alone, since each wallet
// has its age, and the next event of the wallet shows the gap. About 2 µs for an event of wallets that nobody reads, so
// nothing is followed while nobody does.
// Bounded: FEEDS_MAX tenants; wallets of further ones are as old as their age says.

import type { Subscription } from "@nats-io/transport-node";
import type { ClientClock } from "../client/clock.ts";
import type { Connection } from "../cluster/connection.ts";
import { type Event, pickEvents } from "../protocol/event.ts";
import type { TenantName } from "../protocol/names.ts";
import { eventSubjectsOf } from "../protocol/subject.ts";

/** Tenants that are followed at once. */
export const FEEDS_MAX = 64;
/** Without a cached read for so long a tenant is followed no more, ms. */
const FEED_IDLE_MS = 300_000;
/** How often that is looked for, ms. */
const FEED_LOOK_MS = 30_000;
/** Pause after a subscription was refused, ms. */
const FEED_PAUSE_MS = 10_000;

/** Who hears of changes. Neither method may throw. */
export interface FeedListener {
  /** Whether a change of the wallet would be of use. Called for each wallet of each event. */
  isWanted(tenant: TenantName, wallet: string): boolean;
  onEvent(tenant: TenantName, event: Event): void;
}

interface Feed {
  /** Null while it is refused. */
  subscription: Subscription | null;
  usedMs: number;
  againAtMs: number;
}

/** What feeds work with. */
export interface BalanceFeedParts {
  readonly connection: Connection;
  readonly listener: FeedListener;
  readonly clock: Pick<ClientClock, "steadyMs">;
  readonly onProblem: (text: string) => void;
}

/** See the file header. No method throws. */
export class BalanceFeeds {
  readonly #parts: BalanceFeedParts;
  readonly #feeds = new Map<TenantName, Feed>();
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(parts: BalanceFeedParts) {
    this.#parts = parts;
  }

  /** Whether a tenant's events arrive here. */
  isFollowed(tenant: TenantName): boolean {
    return this.#feeds.has(tenant);
  }

  /** Notes a cached read of a tenant, and follows it from the first on. */
  use(tenant: TenantName): void {
    const nowMs = this.#parts.clock.steadyMs();
    const feed = this.#feeds.get(tenant);
    if (feed !== undefined) feed.usedMs = nowMs;
    if (feed !== undefined && (feed.subscription !== null || nowMs < feed.againAtMs)) return;
    if (feed === undefined && (this.#isClosed || this.#feeds.size >= FEEDS_MAX)) return;
    this.#open(tenant, feed ?? { subscription: null, usedMs: nowMs, againAtMs: 0 }, nowMs);
  }

  /** Ends all of them, and begins no more. */
  close(): void {
    this.#isClosed = true;
    this.#closeUnused(Number.POSITIVE_INFINITY);
  }

  #open(tenant: TenantName, feed: Feed, nowMs: number): void {
    feed.againAtMs = nowMs + FEED_PAUSE_MS;
    this.#feeds.set(tenant, feed);
    this.#timer ??= setInterval(
      () => this.#closeUnused(this.#parts.clock.steadyMs() - FEED_IDLE_MS),
      FEED_LOOK_MS,
    ).unref();
    try {
      feed.subscription = this.#parts.connection.nc.subscribe(eventSubjectsOf(tenant), {
        callback: (error, message) => {
          if (error === null) this.#onMessage(tenant, message.data);
          else this.#refused(tenant, feed, error);
        },
      });
    } catch (thrown) {
      this.#refused(tenant, feed, thrown);
    }
  }

  #onMessage(tenant: TenantName, data: Uint8Array): void {
    const { listener, onProblem } = this.#parts;
    const events = pickEvents(data, (wallet) => listener.isWanted(tenant, wallet));
    if (!events.ok) onProblem(`an event of tenant ${tenant} could not be read: ${events.error}`);
    else for (const event of events.value) listener.onEvent(tenant, event);
  }

  #refused(tenant: TenantName, feed: Feed, thrown: unknown): void {
    feed.subscription?.unsubscribe();
    feed.subscription = null;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    this.#parts.onProblem(`events of tenant ${tenant} cannot be followed, cached reads go by age: ${reason}`);
  }

  #closeUnused(sinceMs: number): void {
    for (const [tenant, feed] of this.#feeds) {
      if (feed.usedMs >= sinceMs) continue;
      feed.subscription?.unsubscribe();
      this.#feeds.delete(tenant);
    }
    if (this.#feeds.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
