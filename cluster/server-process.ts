/**
 * Runs nats-server as a child that cannot outlive its parent, and ends servers that an earlier parent left behind.
 *
 * How: the child starts as a POSIX shell in a session of its own, so a Ctrl-C at the terminal does not reach it. The
 * shell leaves a watcher behind and becomes the server (exec), so the child's pid is the server's. The watcher blocks
 * in `read` on the pipe whose other end only the parent holds: no polling.
 *
 *   parent ends in any way ──► pipe closes ──► read fails ──► TERM, one second later KILL
 *   server ends first      ──► parent writes a line ──► read succeeds ──► watcher ends, nobody is signalled
 *
 * Invariant: a pid is signalled only while it is known to be our server: by the watcher while it is still its parent,
 * by the take-over while its command line names our configuration file.
 */
import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { stopChild } from "./child-stop.ts";
import { ClusterError } from "./cluster-error.ts";

const run = promisify(execFile);

/** How long a server may take to end after TERM before it is killed, ms. */
const STOP_WAIT_MS = 5_000;
/** How often a pid that is not our child is looked at while it ends, ms. */
const GONE_CHECK_MS = 20;
const STDERR_BYTES_KEPT = 8_192;

/** The parent of a watcher changes when the server has ended: only then could its pid belong to somebody else. */
const WATCHER = `
if read -r line; then exit 0; fi
is_parent() {
  if [ -r "/proc/$$/stat" ]; then read -r pid name state parent rest < "/proc/$$/stat"; else parent=$(ps -o ppid= -p $$ | tr -d ' '); fi
  [ "$parent" = "$0" ]
}
is_parent && kill -TERM "$0"
sleep 1
is_parent && kill -KILL "$0"
`;
const LAUNCHER = `
exec 3<&0 0</dev/null
echo $$ > "$COFFER_PID_FILE" || exit 1
/bin/sh -c "$COFFER_WATCHER" $$ <&3 >/dev/null 2>&1 &
unset COFFER_WATCHER COFFER_PID_FILE
exec 3<&-
exec "$0" "$@"
`;

/** How a server process ended: its exit code or the signal, and the last of what it wrote to its error output. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly errorOutput: string;
}

/** A running server process. `exited` settles once, never rejects. */
export interface ServerProcess {
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  /** TERM, and KILL after `STOP_WAIT_MS`. Returns when the process is gone. */
  stop(): Promise<ProcessExit>;
}

/**
 * Starts `path` with `args` and nothing of our environment but `env`. Returns once it is spawned, not once it serves. The pid is in `pidFile` before the program
 * runs, so that there is no moment at which a later start could miss it.
 * Errors: ClusterError `nats_server_start_failed` when no process could be made.
 */
export async function startServerProcess(
  path: string,
  args: readonly string[],
  place: { readonly cwd: string; readonly pidFile: string; readonly env?: Readonly<Record<string, string>> },
): Promise<ServerProcess> {
  const child = spawn("/bin/sh", ["-c", LAUNCHER, path, ...args], {
    cwd: place.cwd,
    detached: true,
    stdio: ["pipe", "ignore", "pipe"],
    env: {
      ...place.env,
      PATH: "/usr/local/bin:/usr/bin:/bin",
      COFFER_WATCHER: WATCHER,
      COFFER_PID_FILE: place.pidFile,
    },
  });
  const exited = exitOf(child);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(
        new ClusterError("nats_server_start_failed", `nats-server could not be started: ${cause.message}`, {
          cause,
        }),
      ),
    );
  });
  return { pid: child.pid ?? 0, exited, stop: () => stopChild(child, exited, STOP_WAIT_MS) };
}

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  let errorOutput = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errorOutput = (errorOutput + text).slice(-STDERR_BYTES_KEPT);
  });
  child.stdin?.on("error", () => undefined);
  return new Promise((resolve) => {
    child.once("error", () => resolve({ code: null, signal: null, errorOutput }));
    child.once("exit", (code, signal) => {
      child.stdin?.end("ended\n");
      setImmediate(() => {
        child.stderr?.destroy();
        resolve({ code, signal, errorOutput: errorOutput.trim() });
      });
    });
  });
}

/**
 * Ends the server that an earlier process left running, if the pid file names one whose command line has `confFile`.
 * `waitMs` bounds the wait after TERM, and again after KILL.
 * Returns the pid that was ended, or null when there was none. On return no such server runs.
 * Errors: ClusterError `nats_server_in_use` when it survives TERM and KILL.
 */
export async function endLeftOverServer(
  pidFile: string,
  confFile: string,
  waitMs = STOP_WAIT_MS,
): Promise<number | null> {
  const text = await readFile(pidFile, "utf8").catch(() => "");
  const pid = Number.parseInt(text, 10);
  if (!Number.isInteger(pid) || pid <= 1) return null;
  const isOurs = async (): Promise<boolean> => {
    const command = await commandOf(pid);
    return command.includes("nats-server") && command.includes(` -c ${confFile} `);
  };
  if (!(await isOurs())) return null;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    signalPid(pid, signal);
    for (let waitedMs = 0; waitedMs < waitMs; waitedMs += GONE_CHECK_MS) {
      if (!(await isOurs())) return pid;
      await delay(GONE_CHECK_MS);
    }
  }
  throw new ClusterError(
    "nats_server_in_use",
    `The nats-server with pid ${pid} still runs on ${confFile} and cannot be ended.`,
  );
}

/** The command line of a process, empty when there is none (or when it has ended and only waits to be collected). */
async function commandOf(pid: number): Promise<string> {
  const fromProc = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => null);
  if (fromProc !== null) return fromProc.replaceAll("\0", " ");
  const listed = await run("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  return listed.stdout.trim();
}

function signalPid(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended between the look and the signal: what was wanted.
  }
}
