// Admission as HTTP needs it: which request asks for what, and who has its ticket.
//
//   headers ► enter ► ticket on the request ► body ► claim ► handOver ► the desk has the ticket ► giveBack
//                                              └─ answered before the desk: leave
//
// Rates that other gateways keep, too, are told to the cache that all share, if there is one.
// Does not own the decision (admission/admission.ts), the answer to what is shed (shed-answer.ts), nor the moment at
// which a command ends (command-desk.ts).
// Invariant: a ticket is on its request or with the desk, never with both, and whoever has it last gives it back.

import type { FastifyRequest } from "fastify";
import type { ClientClock } from "../client/clock.ts";
import { IdSource } from "../client/id-source.ts";
import type { OwnerName } from "../protocol/names.ts";
import { shardOf } from "../protocol/shard-map.ts";
import { Admission, type AdmissionState } from "./admission/admission.ts";
import type { RateSpending, SpendRate } from "./admission/rate-teller.ts";
import type { AdmissionSettings } from "./admission/settings.ts";
import type { Shed } from "./admission/shed.ts";
import { NO_TICKET, type Ticket } from "./admission/tickets.ts";
import type { GatewayCache } from "./cache/gateway-cache.ts";
import type { CommandJson } from "./command-desk.ts";
import { walletsOf } from "./command-wallets.ts";
import type { Principal } from "./principal.ts";
import type { TenantClients } from "./tenant-clients.ts";

/** What the gate works with. */
export interface AdmissionGateParts {
  readonly clock: ClientClock;
  readonly clients: TenantClients;
  /** Where gateways meet; one that is not shared is never asked. */
  readonly cache: Pick<GatewayCache, "isShared" | "spend">;
  /** How late the event loop lately was, ms. */
  readonly loopDelayMs: () => number;
  /** Hears of everything that is shed. Must not throw. */
  readonly onShed: (reason: string) => void;
}

const NO_WALLETS: readonly string[] = [];

/** See the file header. */
export class AdmissionGate {
  readonly #admission: Admission;
  readonly #clients: TenantClients;
  readonly #clock: ClientClock;
  readonly #onShed: (reason: string) => void;

  constructor(
    settings: AdmissionSettings,
    { clock, clients, cache, loopDelayMs, onShed }: AdmissionGateParts,
  ) {
    const ids = new IdSource(clock);
    this.#clock = clock;
    this.#onShed = onShed;
    this.#clients = clients;
    this.#admission = new Admission(settings, {
      steadyMs: () => clock.steadyMs(),
      random: () => ids.fraction(),
      shards: () => clients.shards,
      spend: spendingIn(cache),
      readings: {
        eventLoopDelayMs: loopDelayMs,
        shardLagMs: (shard) => clients.lagMs(shard),
        clientRoom: (tenant) => clients.roomOf(tenant),
      },
    });
  }

  /** Ms of the steady clock. */
  nowMs(): number {
    return this.#clock.steadyMs();
  }

  /** Figures as they are now. */
  state(): AdmissionState {
    return this.#admission.state();
  }

  /** How far each shard is behind, ms. */
  lagsMs(): number[] {
    return Array.from({ length: this.#clients.shards }, (_, shard) => this.#clients.lagMs(shard));
  }

  /** Judges a request by its headers; null = it goes on. One that sends commands has a ticket from then on. */
  enter(request: FastifyRequest, principal: Principal, sendsCommands: boolean): Shed | null {
    if (!sendsCommands) return this.#told(this.#admission.pass(principal));
    const admitted = this.#admission.admit(principal, bodyBytesOf(request));
    if (typeof admitted !== "number") return this.#told(admitted);
    request.ticket = admitted;
    return null;
  }

  /** Judges the command of a request whose tenant has a client; null = it goes on. A request without a ticket gets one. */
  claim(request: FastifyRequest, principal: Principal, owner: OwnerName, command: CommandJson): Shed | null {
    const late = request.ticket === NO_TICKET ? this.enter(request, principal, true) : null;
    if (late !== null) return late;
    const prefix = `${principal.tenant} `;
    const shard = shardOf(principal.tenant, owner, this.#clients.shards);
    const wallets = walletsOf(command, prefix);
    return this.#told(this.#admission.claim(request.ticket, { owner: prefix + owner, shard, wallets }));
  }

  /** Judges a batch by the number of its commands; null = it goes on. */
  charge(principal: Principal, commands: number): Shed | null {
    return this.#told(this.#admission.charge(principal, commands));
  }

  /** Judges one command of a batch; null = it goes on. Its wallets are not counted: the batch counts as one. */
  claimPart(request: FastifyRequest, { tenant }: Principal, owner: OwnerName): Shed | null {
    const shard = shardOf(tenant, owner, this.#clients.shards);
    const claim = { owner: `${tenant} ${owner}`, shard, wallets: NO_WALLETS };
    return this.#told(this.#admission.claim(request.ticket, claim));
  }

  /** Takes the ticket off a request; whoever gets it gives it back once for each of its parts. */
  handOver(request: FastifyRequest, parts = 1): Ticket {
    const { ticket } = request;
    request.ticket = NO_TICKET;
    if (parts > 1) this.#admission.split(ticket, parts);
    return ticket;
  }

  /** Gives a ticket back. */
  giveBack(ticket: Ticket, end: "answered" | "dropped"): void {
    if (ticket !== NO_TICKET) this.#admission.release(ticket, end);
  }

  /** Gives back what a request still has, for one that ends without a command. */
  leave(request: FastifyRequest): void {
    if (request.ticket !== NO_TICKET) this.giveBack(this.handOver(request), "dropped");
  }

  #told(shed: Shed | null): Shed | null {
    if (shed !== null) this.#onShed(shed.reason);
    return shed;
  }
}

function spendingIn(cache: AdmissionGateParts["cache"]): SpendRate | undefined {
  if (!cache.isShared) return undefined;
  return ({ kind, name, ...spending }) => cache.spend({ bucket: bucketOf({ kind, name }), ...spending });
}

/**
 * What a bucket is called among all gateways: `key:<id>`, `tenant:<name>`, `owner:<tenant>:<name>`. No part holds a colon,
 * and an owner's name here is its tenant's and its own with a space between, so no two buckets share a name.
 */
export function bucketOf({ kind, name }: Pick<RateSpending, "kind" | "name">): string {
  return `${kind}:${name.replace(" ", ":")}`;
}

/** How long the body will be, as the headers say. A body without a length counts as the longest. */
function bodyBytesOf({ headers }: FastifyRequest): number {
  const length = headers["content-length"];
  if (length !== undefined) return Number(length);
  return headers["transfer-encoding"] === undefined ? 0 : Number.POSITIVE_INFINITY;
}
