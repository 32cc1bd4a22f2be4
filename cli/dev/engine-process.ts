// The engine as a child process: with which flags it runs, what it is told, and what it says.
//
// Does not own: the process itself (main-process.ts), restarts (supervisor.ts), nor what the messages mean to a start
// (commands/dev.ts).

import { fileURLToPath } from "node:url";
import type { FlagSpec } from "../command.ts";
import { COMPILE_CACHE, fillCompileCache } from "./compile-cache.ts";
import type { MainProcess } from "./main-process.ts";
import { startMain } from "./main-process.ts";
import { v8Flags } from "./v8-flags.ts";

/** What the engine's main file takes. */
export interface NodeOptions {
  readonly natsUrl: string;
  readonly dataDir: string;
  /** Path of a credentials file. */
  readonly creds?: string;
  /** Publish events; default true. */
  readonly events?: boolean;
}

/** The flag of every command that starts an engine. */
export const NO_EVENTS_FLAG: FlagSpec = {
  name: "--no-events",
  value: null,
  summary: "publish no events; what nobody follows costs nothing then",
};

/** What the engine says. Fields that a message lacks are null. */
export interface EngineMessage {
  readonly event: "streams" | "ready" | "shard" | "notice" | "failed";
  readonly shard: number | null;
  readonly state: string | null;
  readonly reason: string | null;
  readonly code: string | null;
  readonly message: string | null;
}

const MAIN_FILE = fileURLToPath(new URL("../../engine/node-main.ts", import.meta.url));

/** The words that run the engine's main file with one argument, for `process.execPath`. */
export function engineArguments(argument: string): string[] {
  return [...process.execArgv, ...v8Flags(process.versions.node), MAIN_FILE, argument];
}

/** A built package has nothing to strip. */
function engineEnvironment(): NodeJS.ProcessEnv {
  if (!MAIN_FILE.endsWith(".ts")) return process.env;
  const cache = process.env.NODE_COMPILE_CACHE || COMPILE_CACHE;
  fillCompileCache(cache, engineArguments("compile"));
  return { ...process.env, NODE_COMPILE_CACHE: cache };
}

/** Starts an engine. `onMessage` hears what it says, in order. Never throws: a failed spawn is an exit. */
export function startEngine(options: NodeOptions, onMessage: (message: EngineMessage) => void): MainProcess {
  return startMain({
    words: engineArguments(JSON.stringify(options)),
    env: engineEnvironment(),
    onMessage: (value) => {
      const message = engineMessageIn(value);
      if (message !== null) onMessage(message);
      if (message?.event !== "failed") return null;
      return { code: message.code ?? "failed", message: message.message ?? "" };
    },
  });
}

/** A message of the engine, or null for anything else on the channel. Never throws. */
export function engineMessageIn(value: unknown): EngineMessage | null {
  if (typeof value !== "object" || value === null) return null;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { event } = fields;
  if (!isEvent(event)) return null;
  const text = (name: string): string | null => (typeof fields[name] === "string" ? fields[name] : null);
  return {
    event,
    shard: typeof fields.shard === "number" ? fields.shard : null,
    state: text("state"),
    reason: text("reason"),
    code: text("code"),
    message: text("message") ?? text("detail") ?? text("text"),
  };
}

function isEvent(value: unknown): value is EngineMessage["event"] {
  return typeof value === "string" && ["streams", "ready", "shard", "notice", "failed"].includes(value);
}
