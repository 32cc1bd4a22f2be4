/**
 * A nats-server of our own on a data directory: configuration, start, readiness, take-over, stop.
 *
 * Layout of the directory: `nats.conf` (written at each start), `nats-server.pid`, `nats-server.log` (bounded by the
 * configuration), `ports/` (how a server on a free port says which), `store/` (the log itself).
 * Invariant: at most one server runs on a directory. The caller holds the data directory exclusively before it starts
 * one, so a server that is found on it was left behind and is ended first.
 * Guards against: a start that reports success before JetStream has recovered its streams.
 */
import { mkdir, open, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError, errorText } from "./cluster-error.ts";
import { openConnection } from "./connection.ts";
import { requestApi } from "./jetstream-api.ts";
import type { ClusterMember, SyncInterval } from "./nats-conf.ts";
import { readNatsConfTemplate, renderNatsConf } from "./nats-conf.ts";
import type { ProcessExit, ServerProcess } from "./server-process.ts";
import { endLeftOverServer, startServerProcess } from "./server-process.ts";
import { syncTree } from "./store-sync.ts";

/** A store of many gigabytes is read at start; longer than this and the start fails, ms. */
export const READY_WAIT_MS = 120_000;
const READY_CHECK_MS = 20;
/** A server that is still looking for the others leaves a question unanswered, ms. */
const READY_ANSWER_MS = 500;
const LOG_TAIL_BYTES = 4_096;

/** What to run and where. Ports: 1..65535, or -1 for free ones (the default). */
export interface NatsServerSettings {
  readonly binary: string;
  readonly directory: string;
  readonly shards: number;
  readonly sync: SyncInterval;
  readonly port?: number;
  readonly monitorPort?: number;
  /** Its place among several servers. Such a one is ready when most of them run. */
  readonly member?: ClusterMember;
  /** The template's text; by default the project's `nats.conf`. */
  readonly template?: string;
  readonly readyWaitMs?: number;
}

/** Why a server ended. `asked` when `stop()` was called first. `reason` is a sentence with the end of its log. */
export interface NatsServerExit {
  readonly asked: boolean;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly reason: string;
}

/** A server that serves. */
export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly monitorUrl: string;
  readonly pid: number;
  readonly confFile: string;
  readonly storeDir: string;
  /** The pid of a left-over server that this start ended, else null. */
  readonly tookOver: number | null;
  /** Settles once when the process has ended, never rejects. */
  readonly exited: Promise<NatsServerExit>;
  /** Ends it: TERM, then KILL after 5 s. Returns when it is gone; calling it again is harmless. */
  stop(): Promise<NatsServerExit>;
  /** Syncs the store to the disk; profile `relaxed` calls it once after its streams were created. */
  syncStore(): Promise<void>;
}

/**
 * Starts a server and returns when it answers and JetStream is ready. A server left over on the directory is ended.
 * On return `nats.conf` in the directory is the one in use.
 * Errors: ClusterError `nats_config_invalid`, `nats_server_in_use`, `nats_server_start_failed` (with the end of its log).
 */
export async function startNatsServer(settings: NatsServerSettings): Promise<NatsServer> {
  await mkdir(settings.directory, { recursive: true });
  const directory = await realpath(settings.directory);
  const files = filesOf(directory);
  const tookOver = await endLeftOverServer(files.pid, files.conf);
  await prepare(settings, files);
  const process = await startServerProcess(settings.binary, argumentsOf(files), {
    cwd: directory,
    pidFile: files.pid,
    ...(settings.member === undefined ? {} : { env: shareOfMachine(settings.member) }),
  });
  let asked = false;
  const exited = process.exited.then((exit) => describeExit(exit, asked, files.log));
  const stop = async (): Promise<NatsServerExit> => {
    asked = true;
    await process.stop();
    return await exited;
  };
  try {
    const ports = await readyPorts(settings, files, process);
    const urls = {
      url: `nats://127.0.0.1:${ports.port}`,
      monitorUrl: `http://127.0.0.1:${ports.monitorPort}`,
    };
    const syncStore = async (): Promise<void> => void (await syncTree(files.store));
    return {
      ...urls,
      port: ports.port,
      pid: process.pid,
      confFile: files.conf,
      storeDir: files.store,
      tookOver,
      exited,
      stop,
      syncStore,
    };
  } catch (cause) {
    const exit = await stop();
    throw new ClusterError(
      "nats_server_start_failed",
      `nats-server did not become ready: ${errorText(cause)}. ${exit.reason}`,
      { cause },
    );
  }
}

/**
 * Threads of Go that run at once. Each server of several would take as many as there are cores: more of them wait for
 * one another then, which costs a quarter of their CPU on two cores (docs/performance.md).
 */
function shareOfMachine({ routePorts }: ClusterMember): Record<string, string> {
  return { GOMAXPROCS: String(Math.max(1, Math.floor(availableParallelism() / routePorts.length))) };
}

interface ServerFiles {
  readonly conf: string;
  readonly pid: string;
  readonly log: string;
  readonly ports: string;
  readonly store: string;
}

function filesOf(directory: string): ServerFiles {
  return {
    conf: join(directory, "nats.conf"),
    pid: join(directory, "nats-server.pid"),
    log: join(directory, "nats-server.log"),
    ports: join(directory, "ports"),
    store: join(directory, "store"),
  };
}

function argumentsOf(files: ServerFiles): string[] {
  return ["-c", files.conf, "-l", files.log, "--ports_file_dir", files.ports];
}

async function prepare(settings: NatsServerSettings, files: ServerFiles): Promise<void> {
  const template = settings.template ?? (await readNatsConfTemplate());
  const { port = -1, monitorPort = -1, shards, sync, member } = settings;
  const place = member === undefined ? {} : { member };
  await writeFile(
    files.conf,
    renderNatsConf(template, { port, monitorPort, storeDir: files.store, shards, sync, ...place }),
  );
  await rm(files.ports, { recursive: true, force: true });
  await mkdir(files.ports, { recursive: true });
  await mkdir(files.store, { recursive: true });
}

interface Ports {
  readonly port: number;
  readonly monitorPort: number;
}

/** Waits until the server has said its ports, takes a connection and has JetStream ready. */
async function readyPorts(
  settings: NatsServerSettings,
  files: ServerFiles,
  process: ServerProcess,
): Promise<Ports> {
  const deadline = AbortSignal.timeout(settings.readyWaitMs ?? READY_WAIT_MS);
  let ended = false;
  void process.exited.then(() => {
    ended = true;
  });
  let last = "it has not said its ports";
  while (!ended && !deadline.aborted) {
    const ports = await saidPorts(join(files.ports, `${basename(settings.binary)}_${process.pid}.ports`));
    if (ports !== null) {
      try {
        await askJetStream(ports.port);
        return ports;
      } catch (error) {
        last = errorText(error);
      }
    }
    await delay(READY_CHECK_MS);
  }
  throw new Error(ended ? "it ended" : last);
}

async function askJetStream(port: number): Promise<void> {
  const connection = await openConnection({
    servers: `127.0.0.1:${port}`,
    name: "coffer-start",
    connectWaitMs: 0,
  });
  try {
    await requestApi(connection.nc, "INFO", {}, READY_ANSWER_MS);
  } finally {
    await connection.close();
  }
}

async function saidPorts(file: string): Promise<Ports | null> {
  const text = await readFile(file, "utf8").catch(() => "");
  const said = /"nats":\s*\[\s*"nats:\/\/[^"]*?:(\d+)"/.exec(text)?.[1];
  const monitor = /"monitoring":\s*\[\s*"http:\/\/[^"]*?:(\d+)"/.exec(text)?.[1];
  return said === undefined || monitor === undefined
    ? null
    : { port: Number(said), monitorPort: Number(monitor) };
}

async function describeExit(exit: ProcessExit, asked: boolean, logFile: string): Promise<NatsServerExit> {
  const how = exit.signal === null ? `exit code ${exit.code ?? "unknown"}` : `signal ${exit.signal}`;
  // A server that was asked, or killed from outside, has nothing to say about why.
  const tail = asked || exit.signal === "SIGKILL" ? "" : await tailOf(logFile);
  const said = [exit.errorOutput, tail].filter((text) => text !== "").join("\n");
  const reason = `nats-server ended (${how}${asked ? ", as asked" : ""})${said === "" ? "." : `. The end of its log:\n${said}`}`;
  return { asked, code: exit.code, signal: exit.signal, reason };
}

async function tailOf(file: string): Promise<string> {
  const handle = await open(file, "r").catch(() => null);
  if (handle === null) return "";
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, LOG_TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString("utf8").trim();
  } finally {
    await handle.close();
  }
}
