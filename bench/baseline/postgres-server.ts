// One PostgreSQL server for the length of a measurement: a database cluster in a directory of its own, set up as one
// would for a ledger on a machine of this size, reached through a socket in that directory, gone afterwards.
//
// PostgreSQL refuses to run as root: then it runs as `postgres` or else `nobody`, who owns the directory.
// Invariant: the server ends when this process does, however that happens (cluster/server-process.ts).
// Guards against: an unfair comparison by default settings, and data or servers that are left behind.

import { execFile } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { errorText } from "../../cluster/cluster-error.ts";
import { isProcessAlive } from "../../cluster/process-alive.ts";
import { startServerProcess } from "../../cluster/server-process.ts";
import { BenchFailure } from "../bench-failure.ts";
import type { PostgresPrograms } from "./postgres.ts";

const run = promisify(execFile);

const INITDB_MS_MAX = 60_000;
const READY_MS_MAX = 30_000;
const READY_CHECK_MS = 50;
/** The number in the socket's name; nothing listens on a TCP port. */
const SOCKET_PORT = 5432;
const DIRECTORY_PREFIX = "coffer-postgres-";
const USER = "coffer";
const DATABASE = "postgres";

/** What is not PostgreSQL's default, each with the reason. */
export const SETTINGS: Readonly<Record<string, string>> = {
  // Reached by the socket alone.
  listen_addresses: "",
  max_connections: "100",
  shared_buffers: "256MB",
  // A settled transfer survives a power cut, as with Coffer's strict profile.
  fsync: "on",
  synchronous_commit: "on",
  wal_sync_method: "fdatasync",
  full_page_writes: "on",
  // Checkpoints spread over minutes, not every few seconds of such a load.
  max_wal_size: "2GB",
  checkpoint_timeout: "15min",
  wal_buffers: "16MB",
  // Statements that touch two rows gain nothing from being compiled.
  jit: "off",
  // Every statement finds rows by keys: planned once a connection, by index also while the tables are empty.
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
};

/** How to reach a server. */
export interface PostgresAddress {
  /** The directory of its socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** A running server. */
export interface PostgresServer extends PostgresAddress {
  readonly version: string;
  /** The server and all processes that it has now. */
  pids(): Promise<number[]>;
  /** Ends it and removes its data. Returns when both are gone. */
  stop(): Promise<void>;
}

/** Whom a process runs as. */
interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Makes a cluster and starts a server on it. Returns once it answers.
 * @param relaxed commits are not waited for (synchronous_commit=off)
 * Errors: BenchFailure with what the server said last; nothing is left then.
 */
export async function startPostgres(programs: PostgresPrograms, relaxed = false): Promise<PostgresServer> {
  await removeAbandoned();
  const directory = await mkdtemp(join(tmpdir(), `${DIRECTORY_PREFIX}${process.pid}-`));
  const remove = async (): Promise<void> => await rm(directory, { recursive: true, force: true });
  try {
    const identity = process.getuid?.() === 0 ? await serviceUser() : null;
    const data = await initialise(programs, directory, identity);
    return await launch({ programs, directory, data, identity, relaxed, remove });
  } catch (thrown) {
    await remove();
    throw thrown instanceof BenchFailure
      ? thrown
      : new BenchFailure(`PostgreSQL could not be started: ${errorText(thrown)}`);
  }
}

/** A process that was killed could not remove its data; its server ended with it. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(DIRECTORY_PREFIX)
      ? /^(\d+)-/.exec(name.slice(DIRECTORY_PREFIX.length))?.[1]
      : null;
    if (pid && !isProcessAlive(Number(pid))) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

async function serviceUser(): Promise<Identity> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const wanted of ["postgres", "nobody"]) {
    const [, , uid, gid] = lines.find(([name]) => name === wanted) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new BenchFailure("PostgreSQL does not run as root, and there is no user postgres or nobody.");
}

async function initialise(
  programs: PostgresPrograms,
  directory: string,
  identity: Identity | null,
): Promise<string> {
  const data = join(directory, "data");
  await mkdir(data, { mode: 0o700 });
  if (identity !== null) {
    await chmod(directory, 0o755);
    for (const path of [directory, data]) await chown(path, identity.uid, identity.gid);
  }
  const words = ["-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"];
  await run(join(programs.binDir, "initdb"), words, {
    cwd: directory,
    timeout: INITDB_MS_MAX,
    env: environmentOf(programs),
    ...(identity ?? {}),
  }).catch((thrown: unknown) => {
    const said = thrown instanceof Error && "stderr" in thrown ? String(thrown.stderr).trim() : "";
    throw new BenchFailure(`initdb of PostgreSQL failed: ${said === "" ? errorText(thrown) : said}`);
  });
  return data;
}

function environmentOf({ libraryDirs }: PostgresPrograms): Record<string, string> {
  const libraries = libraryDirs.length === 0 ? {} : { LD_LIBRARY_PATH: libraryDirs.join(delimiter) };
  return { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", ...libraries };
}

interface Launch {
  readonly programs: PostgresPrograms;
  readonly directory: string;
  readonly data: string;
  readonly identity: Identity | null;
  readonly relaxed: boolean;
  remove(): Promise<void>;
}

async function launch(parts: Launch): Promise<PostgresServer> {
  const { programs, directory, data, identity, relaxed, remove } = parts;
  const settings = { ...SETTINGS, unix_socket_directories: directory };
  const chosen = relaxed ? { ...settings, synchronous_commit: "off" } : settings;
  const words = Object.entries(chosen).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const program = [join(programs.binDir, "postgres"), "-D", data, "-p", String(SOCKET_PORT), ...words];
  const [path = "", ...args] = identity === null ? program : [...asUser(identity), ...program];
  const server = await startServerProcess(path, args, {
    cwd: directory,
    pidFile: join(directory, "launcher.pid"),
    env: environmentOf(programs),
  });
  const address = { host: directory, port: SOCKET_PORT, user: USER, database: DATABASE };
  const stop = async (): Promise<void> => {
    await server.stop();
    await remove();
  };
  let ended: string | null = null;
  void server.exited.then(({ errorOutput }) => {
    ended = errorOutput;
  });
  for (let waitedMs = 0; waitedMs < READY_MS_MAX && ended === null; waitedMs += READY_CHECK_MS) {
    if (await answers(address))
      return { ...address, version: programs.version, pids: async () => await familyOf(server.pid), stop };
    await delay(READY_CHECK_MS);
  }
  await stop();
  throw new BenchFailure(`PostgreSQL did not become ready: ${ended ?? "no answer"}`);
}

/** The words of setpriv (util-linux) that give up root for good. It becomes the program: the pid stays. */
function asUser({ uid, gid }: Identity): string[] {
  return ["/usr/bin/setpriv", "--reuid", String(uid), "--regid", String(gid), "--clear-groups", "--"];
}

async function answers(address: PostgresAddress): Promise<boolean> {
  const client = new pg.Client({ ...address });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/** A process and its children, from /proc; only itself where that cannot be read. */
async function familyOf(parent: number): Promise<number[]> {
  const names = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    names.map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    }),
  );
  return [parent, ...names.filter((_, index) => parents[index] === parent).map(Number)];
}
