// The gateway as a child process: what it is told, and what it says.
// Does not own: restarts and ports (gateway-service.ts), the process itself (main-process.ts).

import { fileURLToPath } from "node:url";
import type { FlagSpec } from "../command.ts";
import { usageFailure } from "../failure.ts";
import type { Parsed } from "../parsed.ts";
import { COMPILE_CACHE } from "./compile-cache.ts";
import type { MainProcess } from "./main-process.ts";
import { startMain } from "./main-process.ts";
import { gatewayHeapFlags, v8Flags } from "./v8-flags.ts";

/** What the gateway's main file takes. */
export interface GatewayOrder {
  readonly natsUrl: string;
  /** Path of a credentials file. */
  readonly creds?: string;
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  /** Copies of the bucket of keys. */
  readonly replicas: number;
  /** Commands a second; see GatewayOptions. */
  readonly rates?: { readonly key?: number; readonly tenant?: number; readonly owner?: number };
  /** What it writes about requests: one of LOG_LEVELS; default `warn`. */
  readonly logLevel?: string;
  /** Address of the Redis that gateways share. */
  readonly redisUrl?: string;
}

/** The flag of commands that start a gateway. */
export const REDIS_FLAG: FlagSpec = {
  name: "--redis",
  value: "URL",
  summary: "Redis 7 that several gateways share a cache and rates in (default: none, each its own memory)",
};

/** What {@link REDIS_FLAG} says for the gateway. Errors: CliFailure `usage` for an address that is none. */
export function redisOrder(parsed: Parsed): Pick<GatewayOrder, "redisUrl"> {
  const redisUrl = parsed.text(REDIS_FLAG.name);
  if (redisUrl === null) return {};
  if (!/^rediss?:\/\/[^\s/]+/.test(redisUrl) || !URL.canParse(redisUrl))
    throw usageFailure("--redis must be redis://HOST:PORT or rediss://HOST:PORT.");
  return { redisUrl };
}

/** What the gateway says. */
export type GatewayMessage =
  | { readonly event: "ready"; readonly url: string; readonly port: number }
  | { readonly event: "notice"; readonly message: string }
  /** A line of its log: JSON. */
  | { readonly event: "log"; readonly line: string }
  | { readonly event: "failed"; readonly code: string; readonly message: string };

/** Where gateways listen when nothing else is said. */
export const HTTP_PORT = 8080;
/** Reachable from this machine alone. */
export const HTTP_HOST = "127.0.0.1";

const MAIN_FILE = fileURLToPath(new URL("../../gateway/node-main.ts", import.meta.url));

/** Starts a gateway. `onMessage` hears what it says, in order. Never throws: a failed spawn is an exit. */
export function startGateway(order: GatewayOrder, onMessage: (message: GatewayMessage) => void): MainProcess {
  const { env } = process;
  const isSource = MAIN_FILE.endsWith(".ts");
  return startMain({
    words: [
      ...gatewayHeapFlags(env.NODE_OPTIONS),
      ...process.execArgv,
      ...v8Flags(process.versions.node),
      MAIN_FILE,
      JSON.stringify(order),
    ],
    env: isSource ? { ...env, NODE_COMPILE_CACHE: env.NODE_COMPILE_CACHE || COMPILE_CACHE } : env,
    onMessage: (value) => {
      const message = gatewayMessageIn(value);
      if (message !== null) onMessage(message);
      return message?.event === "failed" ? message : null;
    },
  });
}

/** A message of the gateway, or null for anything else on the channel. Never throws. */
export function gatewayMessageIn(value: unknown): GatewayMessage | null {
  if (typeof value !== "object" || value === null) return null;
  const { event, url, port, code, message, line }: Readonly<Record<string, unknown>> = { ...value };
  if (event === "ready" && typeof url === "string" && typeof port === "number") return { event, url, port };
  if (event === "notice") return { event, message: String(message ?? "") };
  if (event === "log" && typeof line === "string") return { event, line };
  if (event !== "failed") return null;
  return { event, code: String(code ?? "gateway_failed"), message: String(message ?? "") };
}
