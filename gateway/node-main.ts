// The entry of a gateway's process: `node gateway/node-main.ts '<GatewayOrder as JSON>'`. Talks to its starter over IPC
// and ends when that channel goes away; without a channel it writes JSON lines to stdout. SIGTERM and SIGINT stop it
// gracefully: what was accepted is answered first. Exit code 0 after a stop, 1 after a failure.

import { randomBytes, randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ClientClock } from "../client/clock.ts";
import type { GatewayOptions } from "./gateway.ts";
import { Gateway } from "./gateway.ts";

/** What the process is told: the gateway's options, and a credentials file by its path. */
interface GatewayOrder extends Omit<GatewayOptions, "credentials"> {
  readonly creds?: string;
}

type GatewayEvent =
  | { readonly event: "ready"; readonly url: string; readonly port: number }
  | { readonly event: "failed"; readonly code: string; readonly message: string };

const clock: ClientClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  fillRandom: (bytes) => {
    randomFillSync(bytes);
  },
};

function emit(event: GatewayEvent): void {
  if (event.event === "failed") process.exitCode = 1;
  if (process.connected && process.send) process.send(event);
  else process.stdout.write(`${JSON.stringify(event)}\n`);
}

function leave(): void {
  if (process.connected) process.disconnect?.();
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

/** What stands in the way, as a code to branch on and a sentence. */
function failureOf(thrown: unknown): GatewayEvent {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "gateway_failed";
  return { event: "failed", code: CODES[code] ?? code, message };
}

const CODES: Readonly<Record<string, string>> = { EADDRINUSE: "port_in_use", EACCES: "port_refused" };

function fail(thrown: unknown): void {
  emit(failureOf(thrown));
  leave();
}

async function main(): Promise<void> {
  let gateway: Gateway | null = null;
  let isStopping = false;
  const stop = (): void => {
    // Before it listens nothing can be under way.
    if (gateway === null) process.exit();
    if (isStopping) return;
    isStopping = true;
    gateway.stop().then(leave, fail);
  };
  for (const signal of ["SIGTERM", "SIGINT", "disconnect"]) process.on(signal, stop);
  const { creds, ...order } = parseOrder(process.argv[2]);
  const options = creds === undefined ? order : { ...order, credentials: readFileSync(creds) };
  gateway = await Gateway.start(options, { clock, randomBytes });
  emit({ event: "ready", url: gateway.url, port: gateway.port });
}

main().catch(fail);
