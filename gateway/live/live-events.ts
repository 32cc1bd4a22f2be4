// Live events of one gateway: every stream and its place, and one timer that looks after all of them.
//
//   request ──place──► sync ──► live ──key ended, reader too slow, stop──► closed ──► place given back
//
// Invariant: a stream has a place from its request to the end of its connection, whatever happens between; the bounds of
// live-settings.ts hold; a stream outlives neither its key nor the gateway's stop.
// Does not own: feeds (tenant-feeds.ts), how a stream gets to the present (stream-sync.ts), what it shows (live-stream.ts).

import { reasonText } from "../../client/errors.ts";
import { type Coffer, CofferError } from "../../client/mod.ts";
import { assert } from "../../protocol/assert.ts";
import type { OwnerName, TenantName } from "../../protocol/names.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import type { KeyDirectory } from "../key-directory.ts";
import type { Principal } from "../principal.ts";
import { Problem } from "../problem.ts";
import type { TenantClients } from "../tenant-clients.ts";
import {
  AGAIN_MS,
  LIVE_SETTINGS,
  type LiveSettings,
  LOOK_MS,
  STREAMS_MAX,
  STREAMS_PER_KEY_MAX,
} from "./live-settings.ts";
import { LiveStream } from "./live-stream.ts";
import { Pauses } from "./pauses.ts";
import { type FeedMark, ResumePoint, whoseText } from "./resume-point.ts";
import { StreamSync, type SyncOrder } from "./stream-sync.ts";
import { type StreamAnswer, StreamWriter } from "./stream-writer.ts";
import { TenantFeeds } from "./tenant-feeds.ts";

/** What live events are made of. */
export interface LiveParts {
  readonly clients: TenantClients;
  readonly keys: KeyDirectory;
  readonly steadyMs: () => number;
  readonly onProblem: (text: string) => void;
  readonly settings?: Partial<LiveSettings> | undefined;
}

/** A request for a stream. */
export interface StreamOrder {
  readonly principal: Principal;
  /** Sorted, without repeats; all of them the principal's. */
  readonly owners: readonly OwnerName[];
  /** The id that the reader stopped at, whatever text it is; null = none. */
  readonly lastEventId: string | null;
  readonly answer: StreamAnswer;
}

const NO_MARK: FeedMark = { sequence: 0, last: [] };

/** See the file header. */
export class LiveEvents {
  readonly #parts: LiveParts;
  readonly #settings: LiveSettings;
  readonly #feeds: TenantFeeds;
  readonly #sync: StreamSync;
  readonly #pauses = new Pauses();
  readonly #streams = new Set<LiveStream>();
  readonly #syncing = new Set<LiveStream>();
  /** Streams that must be brought to the present again as soon as they are there. */
  readonly #stale = new Set<LiveStream>();
  readonly #placesOfKey = new Map<string, number>();
  #places = 0;
  #look: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#settings = { ...LIVE_SETTINGS, ...parts.settings };
    this.#feeds = new TenantFeeds({
      pauses: this.#pauses,
      steadyMs: parts.steadyMs,
      clientOf: (tenant) => parts.clients.of(tenant),
      onProblem: parts.onProblem,
      onLost: (tenant) => this.#onLost(tenant),
      onEnd: (tenant) => this.#onEnd(tenant),
    });
    this.#sync = new StreamSync(this.#feeds);
  }

  /** Places that are taken: by streams, and by requests for one. */
  get places(): number {
    return this.#places;
  }

  /** Tenants whose events are followed. */
  get feeds(): number {
    return this.#feeds.size;
  }

  /**
   * Opens a stream; resolves when its first text is written.
   * Errors: Problem `busy`, `wallet_not_found`, `too_large`; CofferError; each before anything is written.
   */
  async open(order: StreamOrder): Promise<void> {
    this.#takePlace(order);
    const { principal, lastEventId } = order;
    const client = await this.#parts.clients.of(principal.tenant);
    const stream = this.#newStream(client, order);
    const point = lastEventId === null ? null : ResumePoint.parse(lastEventId, stream.facts);
    this.#syncing.add(stream);
    try {
      await this.#sync.run(stream, client, { point, isReset: lastEventId !== null });
      if (order.answer.isHeadOnly) this.#end(stream);
    } catch (thrown) {
      this.#close(stream);
      if (!stream.writer.hasBegun) throw thrown;
      this.#parts.onProblem(`live events: ${reasonText(thrown)}`);
      stream.writer.drop();
    } finally {
      this.#onSynced(stream);
    }
  }

  /** Ends every stream, and takes no more. */
  stop(): void {
    this.#isStopped = true;
    this.#pauses.end();
    if (this.#look !== null) clearInterval(this.#look);
    this.#look = null;
    for (const stream of this.#streams) this.#end(stream);
    this.#feeds.stop();
  }

  /** A place until the connection of the request is closed. Errors: Problem `busy`. */
  #takePlace({ principal: { keyId }, answer: { raw } }: StreamOrder): void {
    const ofKey = this.#placesOfKey.get(keyId) ?? 0;
    const refusal = this.#refusal(ofKey);
    if (refusal !== null || raw.destroyed) throw new Problem("busy", { detail: refusal });
    this.#places += 1;
    this.#placesOfKey.set(keyId, ofKey + 1);
    raw.once("close", () => this.#giveBack(keyId));
    this.#look ??= setInterval(() => this.#lookAtAll(), Math.min(LOOK_MS, this.#settings.heartbeatMs));
  }

  #refusal(ofKey: number): string | null {
    if (this.#isStopped) return "the gateway is stopping";
    if (this.#places >= STREAMS_MAX) return "the gateway has as many streams as it may";
    return ofKey >= STREAMS_PER_KEY_MAX ? "the key has as many streams as it may" : null;
  }

  #giveBack(keyId: string): void {
    const left = (this.#placesOfKey.get(keyId) ?? 0) - 1;
    assert(left >= 0, "a place is given back once");
    this.#places -= 1;
    if (left === 0) this.#placesOfKey.delete(keyId);
    else this.#placesOfKey.set(keyId, left);
  }

  #newStream(client: Coffer, { principal, owners, answer }: StreamOrder): LiveStream {
    const { keyId, tenant } = principal;
    const { cluster, shards: count } = client.info();
    const shards = [...new Set(owners.map((owner) => shardOf(tenant, owner, count)))];
    const whose = whoseText({ cluster, tenant, owners });
    const writer = new StreamWriter(answer, this.#parts.steadyMs);
    const stream = new LiveStream({ keyId, tenant, owners, shards, whose }, writer);
    this.#streams.add(stream);
    answer.raw.once("close", () => this.#close(stream));
    if (answer.raw.destroyed) this.#close(stream);
    return stream;
  }

  #close(stream: LiveStream): void {
    this.#streams.delete(stream);
    this.#feeds.of(stream.facts.tenant)?.leave(stream);
  }

  /** Ends a stream that has begun; one that has not is ended as soon as it has. */
  #end({ writer }: LiveStream): void {
    if (writer.hasBegun) writer.end();
  }

  #onSynced(stream: LiveStream): void {
    this.#syncing.delete(stream);
    const isStale = this.#stale.delete(stream);
    if (!this.#streams.has(stream)) this.#close(stream);
    else if (this.#isStopped) this.#end(stream);
    else if (isStale) void this.#syncAgain(stream);
  }

  /** The streams of a tenant may have missed events: they get its present state. */
  #onLost(tenant: TenantName): void {
    for (const stream of this.#streams) {
      if (stream.facts.tenant !== tenant) continue;
      if (this.#syncing.has(stream)) this.#stale.add(stream);
      else void this.#syncAgain(stream);
    }
  }

  /** Until it works, or the stream ends. Never rejects. */
  async #syncAgain(stream: LiveStream): Promise<void> {
    const { tenant } = stream.facts;
    const order: SyncOrder = { point: null, isReset: true };
    this.#syncing.add(stream);
    for (let isDone = false; !isDone && !this.#isStopped && !stream.writer.isClosed; ) {
      this.#feeds.of(tenant)?.leave(stream);
      try {
        await this.#sync.run(stream, await this.#parts.clients.of(tenant), order);
        isDone = true;
      } catch (thrown) {
        const isPassing = thrown instanceof CofferError || thrown instanceof Problem;
        if (!isPassing) this.#parts.onProblem(`live events: ${reasonText(thrown)}`);
        if (!isPassing) stream.writer.drop();
        await this.#pauses.pause(AGAIN_MS);
      }
    }
    this.#onSynced(stream);
  }

  /** There is no feed to be had: readers come back, and are told why. */
  #onEnd(tenant: TenantName): void {
    for (const stream of this.#streams) if (stream.facts.tenant === tenant) this.#end(stream);
  }

  #lookAtAll(): void {
    for (const stream of this.#streams) if (stream.writer.hasBegun) this.#lookAt(stream);
    this.#feeds.endUnused(this.#settings.graceMs);
    if (this.#places > 0 || this.#feeds.size > 0 || this.#look === null) return;
    clearInterval(this.#look);
    this.#look = null;
  }

  #lookAt(stream: LiveStream): void {
    const { writer, facts } = stream;
    const { drainMs, heartbeatMs } = this.#settings;
    if (!this.#parts.keys.isLive(facts.keyId)) writer.end();
    else if (writer.isStuck(drainMs)) writer.drop();
    else if (writer.silentMs >= heartbeatMs)
      stream.heartbeat(this.#feeds.of(facts.tenant)?.mark(facts.shards) ?? NO_MARK);
  }
}
