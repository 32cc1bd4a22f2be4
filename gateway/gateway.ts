// The gateway: HTTP in front of the engine, for one installation and all its tenants. Owns the order in which its parts
// begin and end.
//
//   start: NATS ► campaigns ► HTTP
//   stop: not ready ► streams end ► requests under way end ► clients ► campaigns ► NATS
//
// Invariant: a stop is bounded, and answers every request that had arrived: what the log has with its outcome or as
// pending, anything else as unknown.

import type { Logger } from "pino";
import type { ClientClock } from "../client/clock.ts";
import { type Connection, openConnection } from "../cluster/connection.ts";
import { type AdmissionSettings, DEFAULT_ADMISSION } from "./admission/settings.ts";
import { AdmissionGate, type AdmissionGateParts } from "./admission-gate.ts";
import type { GatewayCache } from "./cache/gateway-cache.ts";
import { Campaigns } from "./campaigns/campaigns.ts";
import { CommandDesk } from "./command-desk.ts";
import { type CommandRates, withRates } from "./command-rates.ts";
import { HttpListeners } from "./http-listeners.ts";
import { makeHttpServer } from "./http-server.ts";
import { Installation } from "./installation.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { KnownOutcomes } from "./known-outcomes.ts";
import { LiveEvents } from "./live/live-events.ts";
import type { LiveSettings } from "./live/live-settings.ts";
import { TICKET_SECRET, TicketOffice } from "./live/ticket-office.ts";
import { GatewayMetrics } from "./metrics/gateway-metrics.ts";
import { OUTCOME_CODES } from "./metrics/outcome-codes.ts";
import { cacheCounts, openCache } from "./open-cache.ts";
import { RequestIds } from "./request-ids.ts";
import { RequestLog } from "./request-log.ts";
import { openSharedSecret } from "./shared-secret.ts";
import { TenantClients } from "./tenant-clients.ts";
import { WalletReads } from "./wallet-reads.ts";

/** After this long a stop answers whoever still waits, when it is not told otherwise, ms. */
const STOP_WAIT_MS = 5_000;
/** After this much more it closes the connections that are left, ms. */
const STOP_GRACE_MS = 1_000;
/** How long the clients have for commands that nobody waits for any more, ms. */
const CLIENTS_CLOSE_MS = 1_000;

/** What a gateway is told. */
export interface GatewayOptions {
  readonly natsUrl: string;
  readonly credentials?: Uint8Array;
  /** Address to listen at, such as 127.0.0.1. */
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  /** Copies of the buckets of keys and campaigns. */
  readonly replicas: number;
  /** Address of the Redis that gateways share, `redis://…`. Default: none, a cache in the process's memory. */
  readonly redisUrl?: string;
  /** How long a stop waits for outcomes before it answers `pending` or `unknown`, ms. Default 5,000. */
  readonly stopWaitMs?: number;
  /** Commands a second that one key, tenant or owner may send; what is not named is as of DEFAULT_ADMISSION. */
  readonly rates?: CommandRates;
  /** Every other bound of admission. */
  readonly admission?: AdmissionSettings;
  /** How long a request may take to arrive, ms. Default 30,000. */
  readonly requestMs?: number;
  /** Heartbeats and bounds of live events. Default: those of live-settings.ts. */
  readonly live?: Partial<LiveSettings>;
}

/** What a gateway is given from outside itself. */
export interface GatewayParts {
  readonly clock: ClientClock;
  readonly keys: KeyDirectory;
  /** Whether the keys are the installation's; the gateway is not ready before. Default: they are. */
  readonly areKeysReady?: () => boolean;
  /** Version of this package. */
  readonly version?: string;
  /** Called with one line when something went wrong that the gateway survives. Must not throw. Default: nothing. */
  readonly onProblem?: (text: string) => void;
  /** How late the event loop lately was, ms. Default: never. */
  readonly loopDelayMs?: () => number;
  /** Takes lines about requests. Default: none. */
  readonly logger?: Logger;
  /** Whether the process, too, shows in /metrics; once a process. Default: no. */
  readonly showsProcess?: boolean;
}

/** See the file header. */
export class Gateway {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  readonly live: LiveEvents;
  readonly #listeners: HttpListeners;
  readonly #connection: Connection;
  readonly #clients: TenantClients;
  readonly #desk: CommandDesk;
  readonly #campaigns: Campaigns;
  readonly #caches: { readonly cache: GatewayCache; readonly walletReads: WalletReads };
  readonly #serving: { isOn: boolean };
  readonly #stopWaitMs: number;
  #stopping: Promise<void> | null = null;

  private constructor(parts: {
    readonly listeners: HttpListeners;
    readonly connection: Connection;
    readonly clients: TenantClients;
    readonly desk: CommandDesk;
    readonly campaigns: Campaigns;
    readonly live: LiveEvents;
    readonly caches: { readonly cache: GatewayCache; readonly walletReads: WalletReads };
    readonly serving: { isOn: boolean };
    readonly stopWaitMs: number;
  }) {
    this.url = parts.listeners.url;
    this.port = Number(new URL(this.url).port);
    this.live = parts.live;
    this.#listeners = parts.listeners;
    this.#connection = parts.connection;
    this.#clients = parts.clients;
    this.#desk = parts.desk;
    this.#campaigns = parts.campaigns;
    this.#caches = parts.caches;
    this.#serving = parts.serving;
    this.#stopWaitMs = parts.stopWaitMs;
  }

  /**
   * Connects and listens.
   * Errors: ClusterError `nats_unreachable`; what the system says when it cannot listen.
   */
  static async start(options: GatewayOptions, parts: GatewayParts): Promise<Gateway> {
    const { natsUrl, credentials, host, port, replicas, redisUrl } = options;
    const { stopWaitMs = STOP_WAIT_MS, requestMs } = options;
    const { clock, keys, version = "unknown" } = parts;
    const { areKeysReady = () => true, onProblem = () => undefined } = parts;
    const login = credentials === undefined ? {} : { credentials };
    const connection = await openConnection({ servers: natsUrl, name: "coffer-gateway", ...login });
    let campaigns: Campaigns | null = null;
    let cache: GatewayCache | null = null;
    try {
      const steadyMs = (): number => clock.steadyMs();
      const serving = { isOn: true };
      const installation = new Installation(connection, steadyMs, () => serving.isOn && areKeysReady());
      const onFrame = (commands: number): void => metrics.onFrame(commands);
      const clients = new TenantClients({ natsUrl, onProblem, onFrame, ...login }, clock);
      const opened = await openCache(connection.nc, { redisUrl, replicas, clock, onProblem });
      cache = opened;
      const log = parts.logger === undefined ? null : new RequestLog(parts.logger);
      const admission = admissionOf(options, parts, { clients, cache: opened, log });
      const live = new LiveEvents({ clients, keys, steadyMs, onProblem, settings: options.live });
      const metrics = metricsOf({ admission, cache: opened, live, clients });
      if (parts.showsProcess === true) metrics.showProcess();
      const tickets = await ticketsOf(connection, options, parts);
      const known = new KnownOutcomes(opened, clock);
      const desk = new CommandDesk(steadyMs, (ticket, end) => admission.giveBack(ticket, end), known);
      campaigns = await Campaigns.open(connection.nc, { cache: opened, clock, replicas });
      const walletReads = new WalletReads({ cache: opened, clients, connection, clock, onProblem });
      const caches = { cache: opened, walletReads };
      const app = await makeHttpServer({
        context: {
          desk,
          clients,
          installation,
          campaigns,
          admission,
          metrics,
          live,
          tickets,
          version,
          ...caches,
        },
        keys,
        requestIds: new RequestIds(clock),
        log,
        onProblem,
        requestMs,
      });
      const listeners = await HttpListeners.open(app, { host, port });
      return new Gateway({
        listeners,
        connection,
        clients,
        desk,
        campaigns,
        live,
        caches,
        serving,
        stopWaitMs,
      });
    } catch (thrown) {
      campaigns?.close();
      await cache?.close();
      await connection.close();
      throw thrown;
    }
  }

  /** Ends it; see the file header. Calling it again waits for the same. Never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#serving.isOn = false;
    this.#desk.hurry(this.#stopWaitMs);
    this.live.stop();
    await this.#listeners.close(this.#stopWaitMs + STOP_GRACE_MS);
    await this.#clients.close(CLIENTS_CLOSE_MS);
    this.#desk.close();
    this.#campaigns.close();
    this.#caches.walletReads.close();
    await this.#caches.cache.close();
    await this.#connection.close();
  }
}

function admissionOf(
  options: GatewayOptions,
  { clock, loopDelayMs = () => 0 }: GatewayParts,
  {
    clients,
    cache,
    log,
  }: Pick<AdmissionGateParts, "clients" | "cache"> & { readonly log: RequestLog | null },
): AdmissionGate {
  const settings = withRates(options.admission ?? DEFAULT_ADMISSION, options.rates ?? {});
  const onShed = (reason: string): void => log?.onShed(reason, clock.steadyMs());
  return new AdmissionGate(settings, { clock, clients, cache, loopDelayMs, onShed });
}

function metricsOf({
  admission,
  cache,
  live,
  clients,
}: {
  readonly admission: AdmissionGate;
  readonly cache: GatewayCache;
  readonly live: LiveEvents;
  readonly clients: TenantClients;
}): GatewayMetrics {
  return new GatewayMetrics(OUTCOME_CODES, {
    admission: () => admission.state(),
    shardLagsMs: () => admission.lagsMs(),
    cache: () => cacheCounts(cache),
    eventStreams: () => live.places,
    tenantClients: () => clients.size,
  });
}

async function ticketsOf(
  { nc }: Connection,
  { replicas }: GatewayOptions,
  { keys, clock }: GatewayParts,
): Promise<TicketOffice> {
  const { fillRandom } = clock;
  return new TicketOffice(
    await openSharedSecret(nc, { name: TICKET_SECRET, replicas, fillRandom }),
    keys,
    clock,
  );
}
