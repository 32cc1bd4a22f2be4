// All that routes need of campaigns: the store, and what is known of claims before they are sent.
// Owns the order in which these begin and end. Does not own the routes (routes/campaigns.ts), nor the cache.
// Failure it guards against: a gateway that takes claims before it knows which campaigns there are.

import type { NatsConnection } from "@nats-io/transport-node";
import type { ClientClock } from "../../client/clock.ts";
import type { GatewayCache } from "../cache/gateway-cache.ts";
import { CampaignStore } from "./campaign-store.ts";
import { ClaimGate } from "./claim-gate.ts";

/** What campaigns work with. */
export interface CampaignParts {
  readonly cache: GatewayCache;
  readonly clock: Pick<ClientClock, "wallMs" | "steadyMs">;
  /** Copies of a new bucket. */
  readonly replicas: number;
}

/** See the file header. */
export class Campaigns {
  readonly store: CampaignStore;
  readonly gate: ClaimGate;
  readonly #clock: Pick<ClientClock, "wallMs">;

  private constructor(store: CampaignStore, gate: ClaimGate, clock: Pick<ClientClock, "wallMs">) {
    this.store = store;
    this.gate = gate;
    this.#clock = clock;
  }

  /** Opens the bucket, and makes it when there is none. Errors: rejects with what NATS says. */
  static async open(nc: NatsConnection, { cache, clock, replicas }: CampaignParts): Promise<Campaigns> {
    return new Campaigns(await CampaignStore.open(nc, { replicas }), new ClaimGate(cache, clock), clock);
  }

  /** The present, ms since 1970. */
  nowMs(): number {
    return this.#clock.wallMs();
  }

  /** Follows the bucket no more. Never throws. */
  close(): void {
    this.store.close();
  }
}
