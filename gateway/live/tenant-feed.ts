// The one feed of a tenant's events that all streams of this gateway share, and who of them wants which owner.
//
//   opening ──► following ──lost──► opening …            stop() ──► stopped
//
// Events that nobody here listens for are passed over unread (event-scan.ts in protocol). A feed that was lost (events
// gone from the stream, one that cannot be read) begins anew at the present, and `onLost` tells to read states again.
// Invariant: an event that the feed comes to after `join` is handed to the stream, in the feed's order.

import { setImmediate as nextTurn } from "node:timers/promises";
import { reasonText } from "../../client/errors.ts";
import { type Coffer, CofferError, type EventFeed } from "../../client/mod.ts";
import type { Event } from "../../protocol/event.ts";
import { type OwnerName, ownerOf } from "../../protocol/names.ts";
import { AGAIN_MS, CHANGES_A_TURN } from "./live-settings.ts";
import type { LiveStream } from "./live-stream.ts";
import type { Pauses } from "./pauses.ts";
import type { FeedMark } from "./resume-point.ts";

/** What a feed works with. */
export interface TenantFeedParts {
  /** The tenant's client, for the first feed. */
  readonly client: Coffer;
  /** The tenant's client as it is then, for each further feed. Errors: Problem `busy`. */
  readonly clientNow: () => Promise<Coffer>;
  readonly pauses: Pauses;
  /** Called when the feed stands anew: streams may have missed events. Must not throw. */
  readonly onLost: () => void;
  /** Called when there is no feed to be had any more. Must not throw. */
  readonly onEnd: () => void;
  readonly onProblem: (text: string) => void;
}

/** See the file header. */
export class TenantFeed {
  /** When it is open for the first time. Errors: CofferError. */
  readonly ready: Promise<void>;
  readonly #parts: TenantFeedParts;
  readonly #streams = new Map<OwnerName, Set<LiveStream>>();
  readonly #members = new Set<LiveStream>();
  #feed: EventFeed;
  #isStopped = false;

  constructor(parts: TenantFeedParts) {
    this.#parts = parts;
    this.#feed = this.#newFeed(parts.client);
    this.ready = this.#feed.open();
    this.ready.then(
      () => this.#follow(),
      () => undefined,
    );
  }

  /** Streams that listen. */
  get size(): number {
    return this.#members.size;
  }

  /** Where the feed stands, as far as it concerns these shards. */
  mark(shards: readonly number[]): FeedMark {
    const feed = this.#feed;
    return { sequence: feed.sequence, last: shards.flatMap((shard) => feed.last(shard) ?? []) };
  }

  /** Hands a stream its events from now on; it holds them back. */
  join(stream: LiveStream): void {
    stream.hold();
    this.#members.add(stream);
    for (const owner of stream.facts.owners) {
      const listening = this.#streams.get(owner);
      if (listening === undefined) this.#streams.set(owner, new Set([stream]));
      else listening.add(stream);
    }
  }

  /** Hands it no more. */
  leave(stream: LiveStream): void {
    this.#members.delete(stream);
    for (const owner of stream.facts.owners) {
      const listening = this.#streams.get(owner);
      listening?.delete(stream);
      if (listening?.size === 0) this.#streams.delete(owner);
    }
  }

  /** Follows no more. */
  stop(): void {
    this.#isStopped = true;
    this.#feed.stop();
  }

  #newFeed(client: Coffer): EventFeed {
    return client.events({ isWanted: (owner) => this.#streams.has(owner) });
  }

  /** Never rejects. */
  async #follow(): Promise<void> {
    while (!this.#isStopped) {
      const isEnd = await this.#handOut().then(
        () => true,
        (thrown: unknown) => this.#isFinal(thrown),
      );
      if (this.#isStopped) return;
      if (isEnd || !(await this.#beginAnew())) {
        this.#isStopped = true;
        this.#parts.onEnd();
        return;
      }
      this.#parts.onLost();
    }
  }

  /** Hands events out until the feed ends. Errors: those of EventFeed. */
  async #handOut(): Promise<void> {
    let changes = 0;
    for await (const event of this.#feed) {
      this.#fanOut(event);
      changes += event.wallets.length;
      if (changes < CHANGES_A_TURN) continue;
      changes = 0;
      await nextTurn();
    }
  }

  #fanOut(event: Event): void {
    const touched = new Set<LiveStream>();
    for (const { wallet } of event.wallets)
      for (const stream of this.#streams.get(ownerOf(wallet)) ?? []) touched.add(stream);
    for (const stream of touched) stream.take(event, this.mark(stream.facts.shards));
  }

  /** A feed from the present on; `false` when none is to be had. Never rejects. */
  async #beginAnew(): Promise<boolean> {
    for (;;) {
      await this.#parts.pauses.pause(AGAIN_MS);
      if (this.#isStopped) return true;
      try {
        const feed = this.#newFeed(await this.#parts.clientNow());
        if (this.#isStopped) return true;
        this.#feed = feed;
        await feed.open();
        return true;
      } catch (thrown) {
        if (this.#isFinal(thrown)) return false;
      }
    }
  }

  /** Whether an error is the end: the client is closed, or another cluster answers it. */
  #isFinal(thrown: unknown): boolean {
    if (!this.#isStopped) this.#parts.onProblem(`live events: ${reasonText(thrown)}`);
    return thrown instanceof CofferError && (thrown.code === "closed" || thrown.code === "cluster_changed");
  }
}
