// Calls of the `coffer` program for tests: inside this process (the whole program but its main file) or as a real
// process, and a running `coffer dev` with everything that it started.
//
// Owns: temporary directories and processes of a test; `stop` and `discard` leave nothing behind. A process is ended
// by its own pid, never by a name.

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../cli/program.ts";
import type { Sink, Surroundings } from "../../cli/surroundings.ts";
import type { ClientClock } from "../../client/clock.ts";
import { IdSource } from "../../client/id-source.ts";

const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const WAIT_MS = 60_000;
/** A program that has not ended so long after SIGTERM is killed, ms. */
const END_MS_MAX = 30_000;
const PAUSE_MS = 20;

/** The machine's own clock and randomness, as main.ts makes them. */
export const testClock: ClientClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  fillRandom: (bytes) => {
    randomFillSync(bytes);
  },
};

/** What a call printed and ended with. */
export interface CallResult {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to call. The environment is empty but for PATH and HOME unless `env` adds to it. */
export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs the program inside this process. */
export async function call(words: readonly string[], options: CallOptions = {}): Promise<CallResult> {
  const printed = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr"): Sink => ({
    isTerminal: options.isTerminal ?? false,
    isBroken: () => false,
    write: (text) => {
      printed[name] += text;
    },
  });
  const ids = new IdSource(testClock);
  const surroundings: Surroundings = {
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    env: environment(options),
    directory: options.directory ?? tmpdir(),
    clock: testClock,
    newId: () => ids.commandId(),
    interrupted: options.signal ?? new AbortController().signal,
    program: "coffer",
  };
  const exit = await runProgram(words, surroundings);
  return { exit, ...printed };
}

/** Runs the program inside this process with --json and reads its last line. */
export async function callJson(
  words: readonly string[],
  options: CallOptions = {},
): Promise<{ readonly exit: number | null; readonly json: Record<string, unknown> }> {
  const result = await call([...words, "--json"], options);
  assert.equal(result.stderr, "", "under --json nothing is on standard error");
  const line = result.stdout.trimEnd().split("\n").at(-1) ?? "";
  return { exit: result.exit, json: objectOf(line) };
}

/** Runs the program as a process of its own and waits for its end; one that does not end is killed after a minute. */
export async function callProcess(words: readonly string[], options: CallOptions = {}): Promise<CallResult> {
  const child = spawnProgram(words, options);
  const printed = capture(child);
  const killer = setTimeout(() => child.kill("SIGKILL"), WAIT_MS);
  const [exit] = await once(child, "close");
  clearTimeout(killer);
  return { exit: typeof exit === "number" ? exit : null, stdout: printed.stdout(), stderr: printed.stderr() };
}

/** A `coffer dev` that said that it is ready; gone when its scope ends. */
export interface TestDev extends AsyncDisposable {
  readonly pid: number;
  readonly dataDir: string;
  /** The first line of its standard output. */
  readonly ready: Record<string, unknown>;
  readonly url: string;
  stdout(): string;
  stderr(): string;
  /** Pids of its children as they are now. */
  childPids(): Promise<{ readonly engine: number; readonly nats: number }>;
  /** Waits for a line on standard output that has `text`. */
  line(text: string): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Closes the reading end of its standard output and error. */
  closeOutput(): void;
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>;
  /** Ends it gracefully when it runs, and removes its data when it was made for it. */
  stop(): Promise<void>;
}

/**
 * Starts `coffer dev` with these words and waits for its first line. It prints JSON, and `ready` is that line, unless
 * the first word is `--text`.
 */
export async function startDev(
  words: readonly string[] = [],
  options: CallOptions & { readonly dataDir?: string } = {},
): Promise<TestDev> {
  const isOwn = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await temporaryDirectory());
  const isText = words[0] === "--text";
  const child = spawnProgram(
    ["dev", "--data", dataDir, ...(isText ? words.slice(1) : ["--json", ...words])],
    options,
  );
  const printed = capture(child);
  const exited = once(child, "exit").then(([code]) => (typeof code === "number" ? code : null));
  const pid = child.pid ?? -1;
  const stop = async (): Promise<void> => {
    await end(child, exited);
    if (isOwn) await discard(dataDir);
  };
  const readyIn = (first: string): Record<string, unknown> => {
    const said: Record<string, unknown> = isText ? {} : objectOf(first);
    assert.ok(isText || said["ready"] === true, `dev is ready: ${first} ${printed.stderr()}`);
    return said;
  };
  const ready = await firstLine(printed, exited)
    .then(readyIn)
    .catch(async (error: unknown) => {
      await stop();
      throw error;
    });
  return {
    pid,
    dataDir,
    ready,
    url: String(ready["nats"]),
    stdout: printed.stdout,
    stderr: printed.stderr,
    childPids: () => childPids(dataDir),
    line: (text) =>
      until(`a line with ${text}`, () =>
        printed
          .stdout()
          .split("\n")
          .slice(0, -1)
          .find((each) => each.includes(text)),
      ),
    signal: (name) => void child.kill(name),
    closeOutput: () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
    exited,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Asks a program to end, and kills it when it does not. */
async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
  await exited;
  clearTimeout(killer);
}

/** A `coffer node` or `coffer gateway`; gone when its scope ends. */
export interface TestNode extends AsyncDisposable {
  /** Waits for a line on standard output that has `text`. */
  line(text: string): Promise<string>;
  /** Ends it as `kill` does. @returns its exit code, null after a signal */
  end(): Promise<number | null>;
}

/** Starts `coffer node --json`. */
export function startNode(dataDir: string, server: string): TestNode {
  return startForeground(["node", "--json", "--data", dataDir, "--server", server]);
}

/** Starts `coffer gateway --json` with these words. */
export function startGateway(words: readonly string[]): TestNode {
  return startForeground(["gateway", "--json", ...words]);
}

function startForeground(words: readonly string[]): TestNode {
  const child = spawnProgram(words, {});
  const printed = capture(child);
  const exited = once(child, "exit").then(([code]) => (typeof code === "number" ? code : null));
  return {
    line: (text) => lineOf(printed, text),
    end: async () => {
      await end(child, exited);
      return await exited;
    },
    [Symbol.asyncDispose]: () => end(child, exited),
  };
}

/** A directory that `discard` removes. */
export async function temporaryDirectory(): Promise<string> {
  return await mkdtemp(join(tmpdir(), "coffer-cli-"));
}

/** Removes a directory and what is in it. */
export async function discard(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** Waits until `look` finds something; fails with `what` after a minute. */
export async function until<Found>(
  what: string,
  look: () => Found | undefined | Promise<Found | undefined>,
): Promise<Found> {
  const deadline = AbortSignal.timeout(WAIT_MS);
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(!deadline.aborted, `${what} came within ${WAIT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Whether a process runs. One that has ended and only waits to be collected by its new parent does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}

/** A JSON object. */
export function objectOf(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  assert.ok(typeof value === "object" && value !== null && !Array.isArray(value), `${text} is an object`);
  return { ...value };
}

/** The object in a field of an object. */
export function fieldOf(
  object: Record<string, unknown>,
  ...path: readonly string[]
): Record<string, unknown> {
  let current = object;
  for (const name of path) current = objectOf(JSON.stringify(current[name] ?? null));
  return current;
}

function environment(options: CallOptions): Record<string, string> {
  const { PATH = "", HOME = tmpdir(), NODE_COMPILE_CACHE = "" } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE, ...options.env };
}

function spawnProgram(words: readonly string[], options: CallOptions): ChildProcess {
  return spawn(process.execPath, [MAIN, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(options),
    cwd: options.directory ?? tmpdir(),
  });
}

interface Printed {
  stdout(): string;
  stderr(): string;
}

function capture(child: ChildProcess): Printed {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return { stdout: () => stdout, stderr: () => stderr };
}

async function lineOf(printed: Printed, text: string): Promise<string> {
  const find = (): string | undefined => {
    const lines = printed.stdout().split("\n").slice(0, -1);
    return lines.find((line) => line.includes(text));
  };
  return await until(`a line with ${text}`, find);
}

async function firstLine(printed: Printed, exited: Promise<number | null>): Promise<string> {
  let hasEnded = false;
  void exited.then(() => {
    hasEnded = true;
  });
  return await until("the first line", () => {
    const [line, ...more] = printed.stdout().split("\n");
    if (more.length > 0) return line;
    assert.ok(!hasEnded, `dev ended before it was ready: ${printed.stdout()}${printed.stderr()}`);
    return undefined;
  });
}

/**
 * Pid of the gateway that a dev started: the one of its children that runs the gateway's main file. Linux only, like
 * what it reads; elsewhere it finds none.
 */
export function gatewayPid(dev: Pick<TestDev, "pid">): number | undefined {
  const pids = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  const found = pids.find((pid) => {
    const of = (file: string): string => readFileSync(`/proc/${pid}/${file}`, "latin1");
    try {
      const stat = of("stat");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return parent === dev.pid && of("cmdline").includes("gateway/node-main");
    } catch {
      return false;
    }
  });
  return found === undefined ? undefined : Number(found);
}

/** The holder of the engine's lock is the engine; nats-server writes its own pid file. */
async function childPids(dataDir: string): Promise<{ engine: number; nats: number }> {
  const lock = objectOf(await readFile(join(dataDir, "lock.json"), "utf8"));
  const nats = await readFile(join(dataDir, "nats", "nats-server.pid"), "utf8");
  return { engine: Number(lock["pid"]), nats: Number.parseInt(nats, 10) };
}
