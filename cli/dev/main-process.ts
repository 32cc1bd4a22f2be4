// One of our main files as a child process: started with the same runtime flags as this one, told what to do by one
// JSON argument, heard over its IPC channel. It ends by itself when that channel closes, so it cannot outlive us. It has
// a process group of its own: a Ctrl-C in the terminal reaches us alone, and we stop it when nothing needs it any more.
//
// Does not own: restarts (supervisor.ts) nor what the messages mean (engine-process.ts, gateway-process.ts).

import { spawn } from "node:child_process";
import { stopChild } from "../../cluster/child-stop.ts";

/** How a process ended. `failure` is what it said itself before, `errorOutput` the end of its standard error. */
export interface MainExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly errorOutput: string;
}

/** A running process. */
export interface MainProcess {
  readonly pid: number;
  /** Settles once, never rejects. */
  readonly exited: Promise<MainExit>;
  /** TERM, and KILL after STOP_WAIT_MS. Returns when it is gone. */
  stop(): Promise<MainExit>;
}

/** What is started. */
export interface MainCommand {
  /** For `process.execPath`. */
  readonly words: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Hears each message, in order, and takes from it what says that the process failed. */
  onMessage(value: unknown): MainExit["failure"];
}

/** How long a graceful stop may take before the process is killed, ms. What was committed is safe either way. */
const STOP_WAIT_MS = 10_000;
const ERROR_OUTPUT_KEPT = 4096;

/** Starts it. Never throws: a failed spawn is an exit. */
export function startMain({ words, env, onMessage }: MainCommand): MainProcess {
  const child = spawn(process.execPath, words, {
    env,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  let errorOutput = "";
  let failure: MainExit["failure"] = null;
  const keep = (text: string): void => {
    errorOutput = (errorOutput + text).slice(-ERROR_OUTPUT_KEPT);
  };
  child.stdout?.resume();
  child.stderr?.setEncoding("utf8").on("data", keep);
  child.on("message", (value) => {
    failure = onMessage(value) ?? failure;
  });
  const exited = new Promise<MainExit>((resolve) => {
    child.once("error", (error) => {
      keep(error.message);
      resolve({ code: null, signal: null, failure, errorOutput: errorOutput.trim() });
    });
    child.once("close", (code, signal) =>
      resolve({ code, signal, failure, errorOutput: errorOutput.trim() }),
    );
  });
  return { pid: child.pid ?? 0, exited, stop: () => stopChild(child, exited, STOP_WAIT_MS) };
}

/** One sentence about how a process ended. */
export function exitSentence(exit: MainExit): string {
  if (exit.failure !== null) return `${exit.failure.message} (${exit.failure.code})`;
  const how = exit.signal === null ? `exit code ${exit.code ?? "unknown"}` : `signal ${exit.signal}`;
  const tail = exit.errorOutput === "" ? "" : `: ${exit.errorOutput}`;
  return `it ended with ${how}${tail}`;
}
