/**
 * Finds a redis-server for tests: the one that COFFER_REDIS_SERVER names, one on the PATH, one in the project's cache, or
 * the system's own Debian package with the libraries it needs, fetched once into the cache.
 *
 * Invariant: a binary that is returned was run with `--version` and is version 7 or newer.
 * Two processes may fetch at once: each works in a directory of its own and renames the finished tree into place.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rename } from "node:fs/promises";
import { arch } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { fetchDebianPackage } from "../../cluster/debian-package.ts";
import { inFetchScratch } from "../../cluster/fetch-scratch.ts";

const run = promisify(execFile);

const VERSION_MIN = 7;
const CACHE = join(import.meta.dirname, "../../.cache/redis-server", arch());
/** The server lies in redis-tools (redis-server has a link to it and the service); the rest are libraries it needs. */
const PACKAGES = ["redis-tools", "libjemalloc2", "liblzf1", "libatomic1"];
const WAYS_OUT = "Install redis-server 7 or newer, or set COFFER_REDIS_SERVER to its path.";

/** A server that can be run with `env`, which says where its libraries are. */
export interface RedisBinary {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Finds a server, fetching it if it must. Errors: rejects with the ways out. Cost: some 10 s and 2 MB when fetched. */
export async function findRedisServer(env: NodeJS.ProcessEnv): Promise<RedisBinary> {
  const named = env["COFFER_REDIS_SERVER"];
  if (named !== undefined && named !== "") {
    const binary = { path: named, env: {} };
    if (await isUsable(binary)) return binary;
    throw new Error(`COFFER_REDIS_SERVER names ${named}, which is no redis-server 7 or newer. ${WAYS_OUT}`);
  }
  const dirs = (env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== "");
  for (const dir of new Set([...dirs, "/usr/local/bin", "/usr/bin"])) {
    const binary = { path: join(dir, "redis-server"), env: {} };
    if (await isUsable(binary)) return binary;
  }
  if (await isUsable(binaryIn(CACHE))) return binaryIn(CACHE);
  return await fetchedServer();
}

function binaryIn(directory: string): RedisBinary {
  return { path: join(directory, "redis-server"), env: { LD_LIBRARY_PATH: directory } };
}

async function isUsable({ path, env }: RedisBinary): Promise<boolean> {
  try {
    const { stdout } = await run(path, ["--version"], { env, timeout: 10_000 });
    return Number(/v=(\d+)\./.exec(stdout)?.[1] ?? 0) >= VERSION_MIN;
  } catch {
    return false;
  }
}

async function fetchedServer(): Promise<RedisBinary> {
  try {
    return await inFetchScratch(dirname(CACHE), async (scratchDir) => {
      const finished = join(scratchDir, "finished");
      await mkdir(finished);
      await unpackInto(finished, scratchDir);
      if (!(await isUsable(binaryIn(finished)))) throw new Error("the fetched redis-server does not run");
      await rename(finished, CACHE).catch(async (error: unknown) => {
        if (!(await isUsable(binaryIn(CACHE)))) throw error;
      });
      return binaryIn(CACHE);
    });
  } catch (cause) {
    throw new Error(`redis-server could not be fetched (${String(cause)}). ${WAYS_OUT}`, { cause });
  }
}

/** Copies the server and the shared libraries of the packages into one directory. */
async function unpackInto(target: string, scratchDir: string): Promise<void> {
  const tree = await fetchDebianPackage({
    packages: PACKAGES,
    suite: await codename(),
    scratchDir,
    etcDir: "/etc",
    onProgress: (line) => console.error(line),
  });
  for (const file of await readdir(tree, { recursive: true })) {
    const base = file.slice(file.lastIndexOf("/") + 1);
    if (file.endsWith("bin/redis-check-rdb"))
      await cp(join(tree, file), join(target, "redis-server"), { dereference: true });
    else if (/\.so\.\d+$/.test(base)) await cp(join(tree, file), join(target, base), { dereference: true });
  }
}

async function codename(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8");
  const name = /^VERSION_CODENAME="?([\w.-]+)"?$/m.exec(release)?.[1];
  if (name === undefined) throw new Error("only Debian systems can fetch a redis-server by themselves");
  return name;
}
