// One client of the engine for each tenant that calls, opened with its first request, kept until the gateway stops.
//
// Invariant: at most `TENANTS_MAX` clients; a tenant has one client or one that is being opened.
// Failure it guards against: a connection for each request while the engine is away (requests share the one dial).

import type { ClientClock } from "../client/clock.ts";
import { type Coffer, connect } from "../client/mod.ts";
import type { TenantName } from "../protocol/names.ts";
import { Problem } from "./problem.ts";

/** Tenants that one gateway serves; requests of further ones are answered `busy`. */
export const TENANTS_MAX = 256;
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
}

/** See the file header. */
export class TenantClients {
  readonly #options: TenantClientsOptions;
  readonly #clock: ClientClock;
  readonly #open = new Map<string, Coffer>();
  readonly #opening = new Map<TenantName, Promise<Coffer>>();
  #isClosed = false;
  #shards = 0;

  constructor(options: TenantClientsOptions, clock: ClientClock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** A tenant's client when it is open already, else null. */
  ready(tenant: TenantName): Coffer | null {
    return this.#open.get(tenant) ?? null;
  }

  /** Clients that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Commands that a tenant's client still takes without a wait. */
  roomOf(tenant: string): number {
    return WINDOW_COMMANDS - (this.#open.get(tenant)?.unsettled ?? 0);
  }

  /** Shards of the installation; 0 while no client is open. */
  get shards(): number {
    return this.#shards;
  }

  /** How far a shard is behind, as the client sees it that waits longest, ms. */
  lagMs(shard: number): number {
    let lagMs = 0;
    for (const client of this.#open.values())
      if (client.unsettled > 0) lagMs = Math.max(lagMs, client.lagMs(shard));
    return lagMs;
  }

  /** A tenant's client, opened when it is the first time. Errors: Problem `busy`. */
  async of(tenant: TenantName): Promise<Coffer> {
    const ready = this.#open.get(tenant);
    if (ready !== undefined) return ready;
    let opening = this.#opening.get(tenant);
    if (opening === undefined) {
      if (this.#isClosed) throw new Problem("busy", { detail: "the gateway is stopping" });
      if (this.#open.size + this.#opening.size >= TENANTS_MAX)
        throw new Problem("busy", { detail: "this gateway serves as many tenants as it may" });
      opening = this.#connect(tenant).finally(() => this.#opening.delete(tenant));
      this.#opening.set(tenant, opening);
    }
    return await opening;
  }

  /** Closes every client, each with up to `deadlineMs` for its commands under way. Never rejects. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#opening.values());
    await Promise.all([...this.#open.values()].map((client) => client.close({ deadlineMs })));
    this.#open.clear();
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
      this.#open.set(tenant, client);
      return client;
    } catch (thrown) {
      onProblem(`tenant ${tenant}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      throw new Problem("busy", { detail: "the engine does not answer" });
    }
  }
}
