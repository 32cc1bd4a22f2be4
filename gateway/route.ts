// What a route is: where it lies, what access it asks for, what is published about it, and who answers.
// The server registers exactly the routes of route-table.ts; a handler answers by `reply`, now or later.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { TSchema } from "typebox";
import type { Ticket } from "./admission/tickets.ts";
import type { AdmissionGate } from "./admission-gate.ts";
import type { Access } from "./authorize.ts";
import type { GatewayCache } from "./cache/gateway-cache.ts";
import type { Campaigns } from "./campaigns/campaigns.ts";
import type { CommandDesk } from "./command-desk.ts";
import type { Installation } from "./installation.ts";
import type { LiveEvents } from "./live/live-events.ts";
import type { TicketOffice } from "./live/ticket-office.ts";
import type { GatewayMetrics, RouteCount } from "./metrics/gateway-metrics.ts";
import type { Principal } from "./principal.ts";
import { Problem } from "./problem.ts";
import type { TenantClients } from "./tenant-clients.ts";
import type { WalletReads } from "./wallet-reads.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls; null on public routes and before the key was looked at. */
    principal: Principal | null;
    /** Its place in admission while nobody else has it: NO_TICKET for reads, and from the desk on. */
    ticket: Ticket;
    /** When its headers were read, ms of the steady clock. */
    startedMs: number;
    /** The command that it sends, and the code of the problem that answers it; for the log. */
    commandId: string | null;
    problemCode: string | null;
    /** Counts the answers of its route. */
    routeCount: RouteCount | null;
  }
}

/** What handlers work with. */
export interface RouteContext {
  readonly desk: CommandDesk;
  readonly clients: TenantClients;
  readonly installation: Installation;
  readonly admission: AdmissionGate;
  readonly metrics: GatewayMetrics;
  readonly campaigns: Campaigns;
  readonly live: LiveEvents;
  readonly tickets: TicketOffice;
  readonly cache: GatewayCache;
  readonly walletReads: WalletReads;
  /** Version of this gateway. */
  readonly version: string;
  /** The OpenAPI document, as JSON. */
  document(): string;
}

/** What is published about a route, and its query and path are checked against. Bodies are judged by the engine's own rules. */
export interface RouteSchema {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  readonly response: Readonly<Record<string, object>>;
}

/** See the file header. */
export interface Route {
  readonly method: "GET" | "POST" | "PATCH";
  /** With `:name` for parameters. */
  readonly path: string;
  readonly access: Access;
  /** Its requests take a place before their body is read, which its handler passes on (command-call.ts). */
  readonly sendsCommands?: true;
  readonly schema: RouteSchema;
  /** Who calls without an Authorization header; null and by default nobody. Never throws. */
  readonly guest?: (context: RouteContext, request: FastifyRequest) => Principal | null;
  /** Answers by `reply`, also after it returned. Errors: Problem, CofferError. */
  readonly handler: (
    context: RouteContext,
    request: FastifyRequest,
    reply: FastifyReply,
  ) => void | Promise<void>;
}

/** Who calls a route that is not public. Errors: Problem `unauthorized`. */
export function callerOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Problem("unauthorized");
  return request.principal;
}

/** A parameter of the path or the query, when it is there. */
export function parameterOf(values: unknown, name: string): string | undefined {
  if (typeof values !== "object" || values === null || !Object.hasOwn(values, name)) return undefined;
  const value: unknown = Reflect.get(values, name);
  return typeof value === "string" ? value : undefined;
}

/** The path of a request, without its query. */
export function pathOf({ url }: FastifyRequest): string {
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}

/** Sends text that is JSON already. */
export function sendJson(reply: FastifyReply, status: number, json: string): void {
  reply.code(status).header("content-type", "application/json; charset=utf-8").send(json);
}
