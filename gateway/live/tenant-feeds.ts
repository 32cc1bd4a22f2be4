// The feeds of all tenants that have streams here: opened with the first stream, closed some time after the last.
// Invariant: a tenant has one feed at most; one that nobody listens to any more goes.

import type { Coffer } from "../../client/mod.ts";
import type { TenantName } from "../../protocol/names.ts";
import { Problem } from "../problem.ts";
import { SYNC_WAIT_MS } from "./live-settings.ts";
import { TenantFeed, type TenantFeedParts } from "./tenant-feed.ts";

/** What feeds work with. */
export interface TenantFeedsParts extends Pick<TenantFeedParts, "pauses" | "onProblem"> {
  readonly steadyMs: () => number;
  /** A tenant's client. Errors: Problem `busy`. */
  readonly clientOf: (tenant: TenantName) => Promise<Coffer>;
  /** Called when the streams of a tenant may have missed events. Must not throw. */
  readonly onLost: (tenant: TenantName) => void;
  /** Called when a tenant's feed is gone for good. Must not throw. */
  readonly onEnd: (tenant: TenantName) => void;
}

interface HeldFeed {
  readonly feed: TenantFeed;
  /** Since when nobody listens; Infinity before the first one could. */
  emptySinceMs: number;
}

/** See the file header. */
export class TenantFeeds {
  readonly #parts: TenantFeedsParts;
  readonly #held = new Map<TenantName, HeldFeed>();

  constructor(parts: TenantFeedsParts) {
    this.#parts = parts;
  }

  /** Tenants whose events are followed. */
  get size(): number {
    return this.#held.size;
  }

  /** A tenant's feed when it has one. */
  of(tenant: TenantName): TenantFeed | null {
    return this.#held.get(tenant)?.feed ?? null;
  }

  /** A tenant's feed, open. Errors: CofferError, Problem `busy`. */
  async opened(tenant: TenantName, client: Coffer): Promise<TenantFeed> {
    const held = this.#held.get(tenant) ?? this.#begin(tenant, client);
    const late = Promise.withResolvers<never>();
    const bound = setTimeout(
      () => late.reject(new Problem("busy", { detail: "no events now" })),
      SYNC_WAIT_MS,
    );
    try {
      await Promise.race([held.feed.ready, late.promise]);
    } catch (thrown) {
      this.#end(tenant, held.feed);
      throw thrown;
    } finally {
      clearTimeout(bound);
    }
    if (held.feed.size === 0) held.emptySinceMs = this.#parts.steadyMs();
    return held.feed;
  }

  /** Ends feeds that nobody has listened to for `graceMs`. */
  endUnused(graceMs: number): void {
    const nowMs = this.#parts.steadyMs();
    for (const [tenant, held] of this.#held) {
      if (held.feed.size > 0) held.emptySinceMs = nowMs;
      else if (nowMs - held.emptySinceMs >= graceMs) this.#end(tenant, held.feed);
    }
  }

  /** Ends them all. */
  stop(): void {
    for (const [tenant, { feed }] of this.#held) this.#end(tenant, feed);
  }

  #begin(tenant: TenantName, client: Coffer): HeldFeed {
    const { clientOf, pauses, onProblem, onLost, onEnd } = this.#parts;
    const feed = new TenantFeed({
      client,
      clientNow: () => clientOf(tenant),
      pauses,
      onProblem,
      onLost: () => onLost(tenant),
      onEnd: () => {
        this.#end(tenant, feed);
        onEnd(tenant);
      },
    });
    const held = { feed, emptySinceMs: Number.POSITIVE_INFINITY };
    this.#held.set(tenant, held);
    return held;
  }

  #end(tenant: TenantName, feed: TenantFeed): void {
    feed.stop();
    if (this.#held.get(tenant)?.feed === feed) this.#held.delete(tenant);
  }
}
