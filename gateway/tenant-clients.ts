// One client of the engine for each tenant that calls: opened with a request, closed when nobody has used it for long.
//
//   first request ──► opening ──► open ──idle for CLIENT_IDLE_MS, or for ROOM_IDLE_MS and its place is wanted──► closed
//
// Idle: nobody asked for it here, and it has no command without an outcome, no read under way and no open feed of events.
// Whoever got it may use it for ROOM_IDLE_MS without asking again, and for as long as it has something under way; every
// holder does so within seconds. Feeds of cached reads are on another connection. A command that came too late all the
// same is refused by the closed client unsent, and answered `busy`.
// Invariant: at most `TENANTS_MAX` clients; a tenant has one client or one that is being opened; what is closed has
// nothing under way. Failure it guards against: a connection for each request while the engine is away.

import type { ClientClock } from "../client/clock.ts";
import { type Coffer, connect } from "../client/mod.ts";
import { assert } from "../protocol/assert.ts";
import type { TenantName } from "../protocol/names.ts";
import { Problem } from "./problem.ts";

/** Tenants whose clients are open at once; requests of further ones are answered `busy` while none of these is idle. */
export const TENANTS_MAX = 256;
/** A client that was idle for so long is closed, ms. */
export const CLIENT_IDLE_MS = 600_000;
/** A client that was idle for so long is closed when another tenant needs its place, ms. Longer than any holder pauses. */
export const ROOM_IDLE_MS = 60_000;
/** How often it is looked which clients are idle, ms. */
const IDLE_LOOK_MS = 10_000;
/** How long closing an idle client may take, ms: it has nothing to wait for. */
const IDLE_CLOSE_MS = 1_000;
/** How long a request waits for its tenant's client, ms. */
const CONNECT_WAIT_MS = 5_000;
/** How long a read is tried before it is answered `busy`, ms. */
export const READ_DEADLINE_MS = 5_000;
/** How long a command is kept and sent again, ms. Longer than anybody may wait for it. */
const COMMAND_DEADLINE_MS = 35_000;
/** Commands of a tenant that may wait for room behind the window; the next is answered `busy`. */
const WAITING_MAX = 10_000;

/** Commands of a tenant that may be on the way. */
const WINDOW_COMMANDS = 20_000;

/** Where the engine is. */
export interface TenantClientsOptions {
  readonly natsUrl: string;
  readonly credentials?: Uint8Array;
  readonly onProblem: (text: string) => void;
  /** Called with the number of commands in each frame that left. Must not throw. */
  readonly onFrame: (commands: number) => void;
  /** Default TENANTS_MAX. */
  readonly tenantsMax?: number;
}

interface HeldClient {
  readonly client: Coffer;
  /** Whether anybody asked for it since it was last looked at: cheaper than the time of each use. */
  isUsed: boolean;
  /** Since when it was idle, as it is known. Never too early. */
  idleSinceMs: number;
}

/** See the file header. */
export class TenantClients {
  readonly #options: TenantClientsOptions;
  readonly #clock: ClientClock;
  readonly #open = new Map<string, HeldClient>();
  readonly #opening = new Map<TenantName, Promise<Coffer>>();
  /** Idle clients that are being closed. */
  readonly #ending = new Set<Promise<void>>();
  readonly #tenantsMax: number;
  #looking: NodeJS.Timeout | null = null;
  #isClosed = false;
  #shards = 0;

  constructor(options: TenantClientsOptions, clock: ClientClock) {
    this.#options = options;
    this.#tenantsMax = options.tenantsMax ?? TENANTS_MAX;
    this.#clock = clock;
  }

  /** A tenant's client when it is open already, else null. */
  ready(tenant: TenantName): Coffer | null {
    const held = this.#open.get(tenant);
    if (held === undefined) return null;
    held.isUsed = true;
    return held.client;
  }

  /** Clients that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Commands that a tenant's client still takes without a wait. */
  roomOf(tenant: string): number {
    return WINDOW_COMMANDS - (this.#open.get(tenant)?.client.unsettled ?? 0);
  }

  /** Shards of the installation; 0 while no client is open. */
  get shards(): number {
    return this.#shards;
  }

  /** How far a shard is behind, as the client sees it that waits longest, ms. */
  lagMs(shard: number): number {
    let lagMs = 0;
    for (const { client } of this.#open.values())
      if (client.unsettled > 0) lagMs = Math.max(lagMs, client.lagMs(shard));
    return lagMs;
  }

  /** A tenant's client, opened when it has none. Do not keep it: see the file header. Errors: Problem `busy`. */
  async of(tenant: TenantName): Promise<Coffer> {
    const ready = this.ready(tenant);
    if (ready !== null) return ready;
    let opening = this.#opening.get(tenant);
    if (opening === undefined) {
      if (this.#isClosed) throw new Problem("busy", { detail: "the gateway is stopping" });
      if (this.#open.size + this.#opening.size >= this.#tenantsMax && !this.#makeRoom())
        throw new Problem("busy", { detail: "this gateway serves as many tenants as it may" });
      opening = this.#connect(tenant).finally(() => this.#opening.delete(tenant));
      this.#opening.set(tenant, opening);
    }
    return await opening;
  }

  /** Looks which clients are idle and closes those that were for CLIENT_IDLE_MS. Called every 10 s while one is open. */
  lookForIdle(): void {
    const nowMs = this.#clock.steadyMs();
    this.#noteUses(nowMs);
    for (const [tenant, held] of this.#open)
      if (nowMs - held.idleSinceMs >= CLIENT_IDLE_MS) this.#endIdle(tenant, held);
    if (this.#open.size === 0) this.#lookNoMore();
  }

  /** Closes every client, each with up to `deadlineMs` for its commands under way. Never rejects. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#opening.values());
    this.#lookNoMore();
    const ends = [...this.#open.values()].map(({ client }) => client.close({ deadlineMs }));
    await Promise.all([...ends, ...this.#ending]);
    this.#open.clear();
  }

  #noteUses(nowMs: number): void {
    for (const held of this.#open.values()) {
      if (!held.isUsed && held.client.underWay === 0) continue;
      held.isUsed = false;
      held.idleSinceMs = nowMs;
    }
  }

  /** Closes the client that was idle for longest; `false` when none was for ROOM_IDLE_MS. */
  #makeRoom(): boolean {
    const nowMs = this.#clock.steadyMs();
    this.#noteUses(nowMs);
    let longest: readonly [tenant: string, held: HeldClient] | null = null;
    for (const each of this.#open)
      if (longest === null || each[1].idleSinceMs < longest[1].idleSinceMs) longest = each;
    if (longest === null || nowMs - longest[1].idleSinceMs < ROOM_IDLE_MS) return false;
    this.#endIdle(...longest);
    return true;
  }

  #endIdle(tenant: string, { client }: HeldClient): void {
    assert(client.underWay === 0, "a client that is closed has nothing under way");
    this.#open.delete(tenant);
    const ending = client.close({ deadlineMs: IDLE_CLOSE_MS });
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  #lookNoMore(): void {
    if (this.#looking !== null) clearInterval(this.#looking);
    this.#looking = null;
  }

  #hold(tenant: TenantName, client: Coffer): void {
    this.#open.set(tenant, { client, isUsed: true, idleSinceMs: this.#clock.steadyMs() });
    this.#looking ??= setInterval(() => this.lookForIdle(), IDLE_LOOK_MS).unref();
  }

  async #connect(tenant: TenantName): Promise<Coffer> {
    const { natsUrl, credentials, onProblem, onFrame } = this.#options;
    try {
      const client = await connect(
        {
          servers: natsUrl,
          tenant,
          name: `coffer-gateway-${tenant}`,
          connectWaitMs: CONNECT_WAIT_MS,
          deadlineMs: COMMAND_DEADLINE_MS,
          windowCommands: WINDOW_COMMANDS,
          waitingMax: WAITING_MAX,
          onProblem,
          onFrame,
          ...(credentials === undefined ? {} : { credentials }),
        },
        this.#clock,
      );
      this.#shards = client.info().shards;
      this.#hold(tenant, client);
      return client;
    } catch (thrown) {
      onProblem(`tenant ${tenant}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      throw new Problem("busy", { detail: "the engine does not answer" });
    }
  }
}
