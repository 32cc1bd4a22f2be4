// One run of `coffer dev`, from the lock to the last process that ends: what is started is stopped in the opposite
// order, whatever happens in between.
//
//   lock ► nats-server ► engine ► every shard answers ► serving (► gateway) … interrupted, a child was given up, or the store of
//   our own relaxed server could not be synced
//   ► gateway stops ► engine stops ► nats-server stops ► lock given back
//
// A sync that fails ends the run, before or after it serves. Relaxed promises one thing, that a power cut takes no more
// than the last interval, and this sync is what keeps the streams themselves from being taken. Asking the kernel again
// proves nothing: it drops the pages that it could not write, and says yes.
//
// Does not own: what is printed (commands/dev.ts hears it through DevListener).

import { setTimeout as delay } from "node:timers/promises";
import type { ClusterFile } from "../../cluster/cluster-file.ts";
import { initialise, removeRunningDev, writeRunningDev } from "../data-directory.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure, failureFrom, messageOf } from "../failure.ts";
import { withKeys } from "../key-session.ts";
import type { Session } from "../session.ts";
import { withConnection } from "../session.ts";
import type { Surroundings } from "../surroundings.ts";
import { devKey } from "./dev-key.ts";
import { lockForDev } from "./directory-lock.ts";
import type { EngineMessage } from "./engine-process.ts";
import { startEngine } from "./engine-process.ts";
import type { GatewayOrder } from "./gateway-process.ts";
import { GatewayService } from "./gateway-service.ts";
import type { HttpAccess } from "./http-steps.ts";
import { exitSentence } from "./main-process.ts";
import type { NatsService } from "./nats-service.ts";
import { checkExternalServer, startOwnServers } from "./nats-service.ts";
import { waitUntilReady } from "./readiness.ts";
import type { Ending, Running } from "./supervisor.ts";
import { Supervisor } from "./supervisor.ts";

/** Failures of the engine that starting it again cannot cure. */
const FINAL_CODES = [
  "data_locked",
  "data_invalid",
  "shards_differ",
  "unknown_version",
  "stream_invalid",
  "sqlite_too_old",
];

/** A server that runs already either answers soon or is not there, ms. */
const CONNECT_MS_MAX = 10_000;
/** How long one question for the dev's key waits for a connection, and the pause between two, ms. */
const KEY_TRY_MS = 2_000;
const KEY_PAUSE_MS = 250;

/** What a run is made of. */
export interface DevPlan {
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  /** The directory is not initialised yet: it is, once the server was found good. */
  readonly isNew: boolean;
  /** A server that runs already, or null to start one. */
  readonly server: string | null;
  readonly natsPort: number | null;
  /** Whether the engine publishes events. */
  readonly events: boolean;
  /** Of the gateway, null = 8080, or a free one when that is taken; or `none`. */
  readonly httpPort: number | null | "none";
  /** What the gateway is told of Redis. */
  readonly redis: Pick<GatewayOrder, "redisUrl">;
  readonly session: Session;
  readonly surroundings: Surroundings;
}

/** Who hears of a run. */
export interface DevListener {
  onProgress(text: string): void;
  onNats(nats: NatsService): void;
  onEngine(message: EngineMessage): void;
  /** Something went wrong that the gateway survives. */
  onGateway(notice: string): void;
  onRestart(
    name: string,
    restart: { readonly reason: string; readonly attempt: number; readonly pauseMs: number },
  ): void;
  onReadyAgain(name: string): void;
}

/** A run that serves. */
export interface DevRun {
  readonly nats: NatsService;
  /** How to reach it: the server's address and the plan's tenant. */
  readonly session: Session;
  /** Pids of the children now; one that died and is not started again yet has none. */
  pids(): { readonly engine: number | null; readonly nats: readonly number[] };
  /** Ends the engine, asking it to stop or killing it, and starts it again. @returns the pid of the new process */
  restartEngine(how: "stop" | "kill"): Promise<number>;
  /** Starts the gateway, once. @returns how to reach it, null when the plan has none. Errors: CliFailure. */
  startGateway(): Promise<HttpAccess | null>;
}

/**
 * Starts everything, calls `serve` once every shard answers, and stops everything when it returns or throws.
 * Errors: CliFailure (`data_locked`, `port_in_use`, `not_ready`, …), ClusterError, what `serve` throws.
 */
export async function runDev(
  plan: DevPlan,
  listener: DevListener,
  serve: (run: DevRun, givenUp: Promise<Ending>) => Promise<void>,
): Promise<void> {
  const lock = lockForDev(plan.dataDir);
  let nats: NatsService | null = null;
  let engine: Supervisor | null = null;
  let gateway: GatewayService | null = null;
  const over = new AbortController();
  try {
    nats = await startNats(plan, listener);
    listener.onNats(nats);
    if (plan.isNew) initialise(plan.dataDir, plan.cluster);
    const session: Session = { ...plan.session, server: nats.url, tenant: plan.cluster.tenant };
    const unsynced = Promise.withResolvers<Ending>();
    const onUnsynced = (thrown: unknown): void => unsynced.resolve(unsyncedEnding(thrown));
    engine = engineSupervisor({ plan, listener, nats, session, onUnsynced });
    await engine.start();
    const { supervisors } = nats;
    const children = [engine, ...supervisors].map((child) => child.ended());
    const endings = [unsynced.promise, ...children];
    const unserved = Promise.withResolvers<Ending>();
    const givenUp = Promise.race([...endings, unserved.promise]);
    await untilReady(plan, session, givenUp);
    writeRunningDev(plan.dataDir, { pid: process.pid, nats: nats.url, tenant: plan.cluster.tenant });
    const running = engine;
    const pids = (): ReturnType<DevRun["pids"]> => ({
      engine: running.pid,
      nats: supervisors.flatMap(({ pid }) => pid ?? []),
    });
    const restartEngine = (how: "stop" | "kill"): Promise<number> => running.restart(how);
    const service = gatewayOf(plan, listener, session);
    gateway = service;
    const parts = { plan, session, nats, onUnsynced, over: over.signal };
    const startGateway = async (): Promise<HttpAccess | null> => {
      if (service === null) return null;
      const access = await startHttp(service, parts);
      service.ended().then(unserved.resolve, unserved.reject);
      return access;
    };
    await serve({ nats, session, pids, restartEngine, startGateway }, givenUp);
  } finally {
    over.abort();
    removeRunningDev(plan.dataDir);
    await gateway?.stop();
    await engine?.stop();
    await Promise.all(nats?.supervisors.map((supervisor) => supervisor.stop()) ?? []);
    lock.release();
  }
}

async function startNats(plan: DevPlan, listener: DevListener): Promise<NatsService> {
  const { server: url, session, cluster, surroundings } = plan;
  if (url !== null) {
    const { credentials } = session;
    const waitMs = Math.min(session.timeoutMs, CONNECT_MS_MAX);
    return await checkExternalServer({ url, credentials, waitMs }, cluster);
  }
  return await startOwnServers({
    dataDir: plan.dataDir,
    cluster,
    port: plan.natsPort,
    surroundings,
    onProgress: (line) => listener.onProgress(line),
    onRestart: (name, restart) => listener.onRestart(name, restart),
  });
}

interface EngineParts {
  readonly plan: DevPlan;
  readonly listener: DevListener;
  readonly nats: NatsService;
  readonly session: Session;
  /** The store could not be synced. */
  readonly onUnsynced: (thrown: unknown) => void;
}

function engineSupervisor({ plan, listener, nats, session, onUnsynced }: EngineParts): Supervisor {
  let starts = 0;
  const creds = plan.session.credentialsFile === null ? {} : { creds: plan.session.credentialsFile };
  const start = (): Promise<Running> => {
    starts += 1;
    const isAgain = starts > 1;
    const { dataDir, events } = plan;
    const engine = startEngine({ natsUrl: session.server, dataDir, events, ...creds }, (message) => {
      // With a sync interval the server never syncs a new stream's own files; without this a power cut takes the stream.
      if (message.event === "streams" && plan.cluster.durability === "relaxed")
        nats.syncStore().catch(onUnsynced);
      listener.onEngine(message);
      if (message.event === "ready" && isAgain) listener.onReadyAgain("engine");
    });
    const ended = engine.exited.then((exit): Ending => {
      const code = exit.failure?.code ?? "engine_ended";
      return { reason: exitSentence(exit), code, isFinal: FINAL_CODES.includes(code) };
    });
    return Promise.resolve({ pid: engine.pid, ended, stop: () => engine.stop() });
  };
  return new Supervisor({
    name: "engine",
    start,
    clock: plan.surroundings.clock,
    onRestart: (restart) => listener.onRestart("engine", restart),
  });
}

function gatewayOf(plan: DevPlan, listener: DevListener, session: Session): GatewayService | null {
  const { httpPort: port, cluster, surroundings } = plan;
  if (port === "none") return null;
  const creds = session.credentialsFile === null ? {} : { creds: session.credentialsFile };
  return new GatewayService({
    order: { natsUrl: session.server, replicas: cluster.replicas, ...creds, ...plan.redis },
    port,
    clock: surroundings.clock,
    onNotice: (text) => listener.onGateway(text),
    onRestart: (restart) => listener.onRestart("gateway", restart),
    onReadyAgain: () => listener.onReadyAgain("gateway"),
  });
}

/** Makes sure of the dev's key and starts the gateway. */
async function startHttp(
  service: GatewayService,
  { plan, session, nats, onUnsynced, over }: Omit<EngineParts, "listener"> & { readonly over: AbortSignal },
): Promise<HttpAccess> {
  const { cluster } = plan;
  const key = await keyOfDev(plan, session, over);
  // A gateway that came after the others were stopped would be left behind.
  over.throwIfAborted();
  // The bucket of keys is a new stream like those of the engine.
  if (cluster.durability === "relaxed") nats.syncStore().catch(onUnsynced);
  return { url: await service.start(), key };
}

/**
 * The dev's key, asked for again while nobody answers: a server that died just now must not end the dev. A dev that is
 * over asks no more.
 */
async function keyOfDev(
  { dataDir, cluster, surroundings }: DevPlan,
  session: Session,
  over: AbortSignal,
): Promise<string> {
  const { clock } = surroundings;
  const endMs = clock.steadyMs() + session.timeoutMs;
  const attempt = { ...session, timeoutMs: Math.min(KEY_TRY_MS, session.timeoutMs) };
  for (;;) {
    try {
      return await withKeys(attempt, surroundings, (admin) => devKey(admin, dataDir, cluster.tenant));
    } catch (thrown) {
      if (failureFrom(thrown).exit !== EXIT.unreachable || clock.steadyMs() >= endMs) throw thrown;
      await delay(KEY_PAUSE_MS, undefined, { signal: over });
    }
  }
}

async function untilReady(plan: DevPlan, session: Session, givenUp: Promise<Ending>): Promise<void> {
  const { cluster, surroundings } = plan;
  const ready = withConnection(session, async ({ nc }) => {
    await waitUntilReady({
      nc,
      tenant: cluster.tenant,
      shards: cluster.shards,
      token: surroundings.newId(),
      waitMs: session.timeoutMs,
      signal: surroundings.interrupted,
    });
    return null;
  });
  const ending = await Promise.race([ready, givenUp]);
  if (ending === null) return;
  ready.catch(() => undefined);
  throw endingFailure(ending);
}

/** What a run that cannot go on means to the user. */
export function endingFailure({ code, reason }: Ending): CliFailure {
  return new CliFailure(code, `dev cannot go on: ${reason}`);
}

function unsyncedEnding(thrown: unknown): Ending {
  const reason = `The disk did not take what nats-server stores (${messageOf(thrown)}): a power cut could take whole streams. Check the disk, then start again.`;
  return { reason, code: "store_not_synced", isFinal: true };
}
