// The entry of a gateway's process: `node gateway/node-main.ts '<GatewayOrder as JSON>'`. Talks to its starter over IPC
// and ends when that channel goes away; without a channel it writes JSON lines to stdout, its log among them. SIGTERM and SIGINT stop it
// gracefully: what was accepted is answered first. Exit code 0 after a stop, 1 after a failure.

import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ClientClock } from "../client/clock.ts";
import { packageVersion } from "../cluster/package-version.ts";
import type { GatewayOptions } from "./gateway.ts";
import { GatewayProcess } from "./gateway-process.ts";
import { LOG_LEVEL_DEFAULT, LOG_LEVELS, type LogLevel, makeLogger } from "./log-writer.ts";
import { LoopDelay } from "./loop-delay.ts";

/** What the process is told: the gateway's options, and a credentials file by its path. */
interface GatewayOrder extends Omit<GatewayOptions, "credentials"> {
  readonly creds?: string;
  readonly logLevel?: LogLevel;
}

type GatewayEvent =
  | { readonly event: "ready"; readonly url: string; readonly port: number }
  | { readonly event: "notice"; readonly message: string }
  /** A line of the log, as it is. */
  | { readonly event: "log"; readonly line: string }
  | { readonly event: "failed"; readonly code: string; readonly message: string };

/** What the system says, as a code of ours. */
const CODES: Readonly<Record<string, string>> = { EADDRINUSE: "port_in_use", EACCES: "port_refused" };
/** How often the event loop's delay is measured, ms. */
const LOOP_LOOK_MS = 10;
/** Notices beyond so many a second are dropped. */
const NOTICES_MAX = 10;

const clock: ClientClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  fillRandom: (bytes) => {
    randomFillSync(bytes);
  },
};
const noticed = { sinceMs: 0, count: 0 };

function emit(event: GatewayEvent): void {
  if (event.event === "failed") process.exitCode = 1;
  if (process.connected && process.send) process.send(event);
  else if (event.event === "log") process.stdout.write(`${event.line}\n`);
  else process.stdout.write(`${JSON.stringify(event)}\n`);
}

function onProblem(message: string): void {
  const nowMs = clock.steadyMs();
  if (nowMs - noticed.sinceMs > 1_000) Object.assign(noticed, { sinceMs: nowMs, count: 0 });
  noticed.count += 1;
  if (noticed.count <= NOTICES_MAX) emit({ event: "notice", message });
}

function loopDelayReader(): () => number {
  const histogram = monitorEventLoopDelay({ resolution: LOOP_LOOK_MS });
  histogram.enable();
  const delay = new LoopDelay(histogram, LOOP_LOOK_MS, clock.steadyMs);
  return () => delay.readMs();
}

function loggerOf(level: LogLevel = LOG_LEVEL_DEFAULT): ReturnType<typeof makeLogger> {
  const write = (line: string): void => emit({ event: "log", line: line.trimEnd() });
  return makeLogger(LOG_LEVELS.includes(level) ? level : LOG_LEVEL_DEFAULT, clock.wallMs, { write });
}

function leave(): void {
  if (process.connected) process.disconnect?.();
}

function fail(thrown: unknown): void {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "gateway_failed";
  emit({ event: "failed", code: CODES[code] ?? code, message });
  leave();
}

function parseOrder(text: string | undefined): GatewayOrder {
  const value: unknown = JSON.parse(text ?? "null");
  const isOrder =
    typeof value === "object" &&
    value !== null &&
    ["natsUrl", "host", "port", "replicas"].every((field) => field in value);
  if (isOrder) return value as GatewayOrder;
  throw new Error("options are missing: natsUrl, host, port and replicas are needed");
}

async function main(): Promise<void> {
  let running: GatewayProcess | null = null;
  let isStopping = false;
  const stop = (): void => {
    // Before it listens nothing can be under way.
    if (running === null) process.exit();
    if (isStopping) return;
    isStopping = true;
    running.stop().then(leave, fail);
  };
  for (const signal of ["SIGTERM", "SIGINT", "disconnect"]) process.on(signal, stop);
  const { creds, logLevel, ...order } = parseOrder(process.argv[2]);
  const options = creds === undefined ? order : { ...order, credentials: readFileSync(creds) };
  running = await GatewayProcess.start(options, {
    clock,
    version: packageVersion(),
    onProblem,
    loopDelayMs: loopDelayReader(),
    logger: loggerOf(logLevel),
    showsProcess: true,
  });
  const { url, port } = running.gateway;
  emit({ event: "ready", url, port });
}

main().catch(fail);
