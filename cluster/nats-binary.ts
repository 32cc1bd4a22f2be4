/**
 * Finds a nats-server that is new enough: the one the operator names, one on the PATH, one in the project's cache, or
 * the Debian package of it, fetched once into the cache.
 *
 * Invariant: a path that is returned was run with `--version` and answered NATS_VERSION_MIN or newer.
 * Two processes may fetch at once: each works in a directory of its own and renames the finished file into place.
 * Guards against: an old server that silently lacks what we rely on, and half a file after a crash.
 */

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, copyFile, mkdir, open, rename, writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { ClusterError, errorText } from "./cluster-error.ts";
import { fetchDebianPackage } from "./debian-package.ts";
import { inFetchScratch } from "./fetch-scratch.ts";

const run = promisify(execFile);

/** Older servers miss per-message fencing and mapping rules that the log relies on. */
export const NATS_VERSION_MIN: readonly [number, number] = [2, 12];
const VERSION_TIMEOUT_MS = 10_000;
/** Where distributions put daemons, often left out of a user's PATH. */
const EXTRA_DIRS = ["/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
const SUITE = "sid";
const WAYS_OUT =
  "Install nats-server 2.12 or newer so that it is on the PATH, or set COFFER_NATS_SERVER to its path, or set NATS_URL to a running server.";

/** A server that can be run. `version` as it prints it, such as `2.15.1`. */
export interface NatsBinary {
  readonly path: string;
  readonly version: string;
  readonly origin: "environment" | "path" | "cache" | "fetched";
}

/** How to look. `env` is the environment of the process (its main file passes it in). */
export interface NatsBinarySearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Cache directories in order of preference; by default `defaultCacheDirs(env)`. */
  readonly cacheDirs?: readonly string[];
  /** Default true; false ends the search before the network is used. */
  readonly fetchAllowed?: boolean;
  /** Called with one line a step while fetching. */
  readonly onProgress?: (line: string) => void;
  /** `/etc` but in tests. */
  readonly etcDir?: string;
}

/**
 * Finds a server, fetching it if it must. On return the file exists and runs.
 * Errors: ClusterError `nats_server_too_old` (COFFER_NATS_SERVER names one), `nats_server_missing`,
 * `nats_server_fetch_failed`; each message names the ways out. Cost: a few ms found, some 20 MB of download fetched.
 */
export async function findNatsServer(search: NatsBinarySearch): Promise<NatsBinary> {
  const named = search.env["COFFER_NATS_SERVER"];
  if (named !== undefined && named !== "") return await namedServer(named);
  const tooOld: string[] = [];
  const dirs = [...(search.env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== ""), ...EXTRA_DIRS];
  for (const dir of new Set(dirs)) {
    const found = await usableServer(join(dir, "nats-server"), "path", tooOld);
    if (found !== null) return found;
  }
  const cacheDirs = search.cacheDirs ?? (await defaultCacheDirs(search.env));
  for (const dir of cacheDirs) {
    const found = await usableServer(cachedPath(dir), "cache", tooOld);
    if (found !== null) return found;
  }
  const seen = tooOld.length === 0 ? "" : ` Too old: ${tooOld.join(", ")}.`;
  if (search.fetchAllowed === false)
    throw new ClusterError("nats_server_missing", `No usable nats-server was found.${seen} ${WAYS_OUT}`);
  return await fetchServer(search, cacheDirs, seen);
}

/** `.cache/` beneath the package's root, then the user's cache directory. The first that can be written to is used. */
export async function defaultCacheDirs(env: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const dirs: string[] = [];
  let directory = import.meta.dirname;
  while (dirname(directory) !== directory) {
    if (await readable(join(directory, "package.json"))) {
      dirs.push(join(directory, ".cache"));
      break;
    }
    directory = dirname(directory);
  }
  const home = env["HOME"];
  const userCache = env["XDG_CACHE_HOME"] ?? (home === undefined ? undefined : join(home, ".cache"));
  if (userCache !== undefined && userCache !== "") dirs.push(join(userCache, "coffer"));
  return dirs;
}

/** Whether a version text such as `2.15.1` is new enough. Text that is no version is not. */
export function isVersionEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return major > NATS_VERSION_MIN[0] || (major === NATS_VERSION_MIN[0] && minor >= NATS_VERSION_MIN[1]);
}

async function namedServer(path: string): Promise<NatsBinary> {
  const version = await versionOf(path);
  if (version === null)
    throw new ClusterError(
      "nats_server_missing",
      `COFFER_NATS_SERVER names ${path}, which does not run as a nats-server. ${WAYS_OUT}`,
    );
  if (!isVersionEnough(version)) {
    throw new ClusterError(
      "nats_server_too_old",
      `COFFER_NATS_SERVER names ${path}, version ${version}; 2.12 or newer is needed. ${WAYS_OUT}`,
    );
  }
  return { path, version, origin: "environment" };
}

async function usableServer(
  path: string,
  origin: NatsBinary["origin"],
  tooOld: string[],
): Promise<NatsBinary | null> {
  const version = await versionOf(path);
  if (version === null) return null;
  if (isVersionEnough(version)) return { path, version, origin };
  tooOld.push(`${path} (${version})`);
  return null;
}

async function versionOf(path: string): Promise<string | null> {
  try {
    await access(path, constants.X_OK);
    const { stdout } = await run(path, ["--version"], { timeout: VERSION_TIMEOUT_MS });
    return /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}

function cachedPath(cacheDir: string): string {
  return join(cacheDir, "nats-server", arch(), "nats-server");
}

async function fetchServer(
  search: NatsBinarySearch,
  cacheDirs: readonly string[],
  seen: string,
): Promise<NatsBinary> {
  const etcDir = search.etcDir ?? "/etc";
  if (platform() !== "linux" || !(await readable(join(etcDir, "debian_version")))) {
    throw new ClusterError(
      "nats_server_missing",
      `No usable nats-server was found, and only Debian systems can fetch one by themselves.${seen} ${WAYS_OUT}`,
    );
  }
  try {
    return await fetchInto(await writableCache(cacheDirs), etcDir, search.onProgress ?? (() => undefined));
  } catch (error) {
    throw new ClusterError(
      "nats_server_fetch_failed",
      `nats-server could not be fetched (${errorText(error)}).${seen} ${WAYS_OUT}`,
      { retryable: true, cause: error },
    );
  }
}

async function fetchInto(
  cacheDir: string,
  etcDir: string,
  onProgress: (line: string) => void,
): Promise<NatsBinary> {
  const target = cachedPath(cacheDir);
  return await inFetchScratch(dirname(target), async (scratchDir) => {
    const tree = await fetchDebianPackage({
      packages: ["nats-server"],
      suite: SUITE,
      scratchDir,
      etcDir,
      onProgress,
    });
    const finished = join(scratchDir, "nats-server");
    await copyFile(join(tree, "usr/sbin/nats-server"), finished);
    const version = await versionOf(finished);
    if (version === null || !isVersionEnough(version))
      throw new Error(`the fetched nats-server is version ${version ?? "unknown"}`);
    await syncFile(finished);
    await rename(finished, target);
    onProgress(`nats-server ${version} is in ${target}`);
    return { path: target, version, origin: "fetched" };
  });
}

async function writableCache(cacheDirs: readonly string[]): Promise<string> {
  const reasons: string[] = [];
  for (const dir of cacheDirs) {
    try {
      await mkdir(dir, { recursive: true });
      await access(dir, constants.W_OK);
      await writeFile(join(dir, ".gitignore"), "*\n", { flag: "wx" }).catch(() => undefined);
      return dir;
    } catch (error) {
      reasons.push(errorText(error));
    }
  }
  throw new Error(`no cache directory can be written to: ${reasons.join("; ")}`);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readable(path: string): Promise<boolean> {
  return await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
