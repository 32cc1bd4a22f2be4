// Finds PostgreSQL 15 for the baseline: the one that COFFER_POSTGRES names, one on the PATH or where Debian puts it,
// the project's cache, or Debian's packages of it, fetched once into the cache.
//
// Invariant: a directory that is returned has an initdb and a postgres, and that postgres said `15.` when it was asked.
// Does not own: running it (postgres-server.ts). Nothing is installed on the system.
// Guards against: a comparison with another major version than the one that is written down beside the figures.

import { execFile } from "node:child_process";
import { access, constants, readdir, rename } from "node:fs/promises";
import { arch, platform } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { errorText } from "../../cluster/cluster-error.ts";
import { fetchDebianPackage } from "../../cluster/debian-package.ts";
import { inFetchScratch } from "../../cluster/fetch-scratch.ts";
import { defaultCacheDirs } from "../../cluster/nats-binary.ts";
import { BenchFailure } from "../bench-failure.ts";

const run = promisify(execFile);

/** The major version that the baseline is measured with. */
export const POSTGRES_MAJOR = "15";
const VERSION_MS_MAX = 10_000;
const DEBIAN_BIN = `usr/lib/postgresql/${POSTGRES_MAJOR}/bin`;
/** PostgreSQL and the libraries of it that a Debian system need not have. */
const PACKAGES = [
  `postgresql-${POSTGRES_MAJOR}`,
  "libpq5",
  "libicu72",
  "libxml2",
  "libssl3",
  "libldap-2.5-0",
  "libsasl2-2",
  "libgssapi-krb5-2",
  "libkrb5-3",
  "libk5crypto3",
  "libkrb5support0",
  "libkeyutils1",
  "libcom-err2",
];
const WAYS_OUT =
  "Install PostgreSQL 15 (Debian: postgresql-15), or set COFFER_POSTGRES to the directory with its initdb and postgres, or leave the baseline out with --skip-baseline.";

/** A PostgreSQL that can be run. */
export interface PostgresPrograms {
  /** Where `initdb` and `postgres` are. */
  readonly binDir: string;
  /** Where its libraries are, when it does not find them by itself. */
  readonly libraryDirs: readonly string[];
  /** As it prints it, such as `15.18`. */
  readonly version: string;
}

/** How to look. `env` is the environment of the process. */
export interface PostgresSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By default the project's. */
  readonly cacheDirs?: readonly string[];
  /** Where programs of Debian's packages lie; `/` but in tests. */
  readonly systemRoot?: string;
  /** `/etc` but in tests. */
  readonly etcDir?: string;
  readonly onProgress?: (line: string) => void;
}

/**
 * Finds PostgreSQL 15, fetching it if it must (about 30 MB).
 * Errors: BenchFailure that says why and what to do.
 */
export async function findPostgres(search: PostgresSearch): Promise<PostgresPrograms> {
  const named = search.env["COFFER_POSTGRES"];
  if (named !== undefined && named !== "") {
    const programs = await programsIn(named);
    if (programs !== null) return programs;
    throw new BenchFailure(`COFFER_POSTGRES names ${named}, which has no PostgreSQL 15. ${WAYS_OUT}`);
  }
  const path = (search.env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== "");
  for (const dir of [join(search.systemRoot ?? "/", DEBIAN_BIN), ...path]) {
    const programs = await programsIn(dir);
    if (programs !== null) return programs;
  }
  const cacheDirs = search.cacheDirs ?? (await defaultCacheDirs(search.env));
  for (const dir of cacheDirs) {
    const programs = await programsInTree(treeIn(dir));
    if (programs !== null) return programs;
  }
  return await fetchPrograms(search, cacheDirs[0] ?? ".cache");
}

function treeIn(cacheDir: string): string {
  return join(cacheDir, "postgres", arch(), `postgresql-${POSTGRES_MAJOR}`);
}

async function programsInTree(tree: string): Promise<PostgresPrograms | null> {
  const libraries = join(tree, "usr/lib");
  const machines = (await readdir(libraries).catch(() => [])).filter((name) => name.endsWith("-linux-gnu"));
  return await programsIn(
    join(tree, DEBIAN_BIN),
    machines.map((name) => join(libraries, name)),
  );
}

async function programsIn(
  binDir: string,
  libraryDirs: readonly string[] = [],
): Promise<PostgresPrograms | null> {
  try {
    await access(join(binDir, "initdb"), constants.X_OK);
    const env = libraryDirs.length === 0 ? {} : { LD_LIBRARY_PATH: libraryDirs.join(delimiter) };
    const { stdout } = await run(join(binDir, "postgres"), ["--version"], { timeout: VERSION_MS_MAX, env });
    const version = /\) (\d+\.\S+)/.exec(stdout)?.[1] ?? "";
    return version.startsWith(`${POSTGRES_MAJOR}.`) ? { binDir, libraryDirs, version } : null;
  } catch {
    return null;
  }
}

async function fetchPrograms(search: PostgresSearch, cacheDir: string): Promise<PostgresPrograms> {
  const etcDir = search.etcDir ?? "/etc";
  const isDebian = await access(join(etcDir, "debian_version")).then(
    () => platform() === "linux",
    () => false,
  );
  if (!isDebian)
    throw new BenchFailure(`No PostgreSQL 15 was found, and only Debian can fetch it by itself. ${WAYS_OUT}`);
  const tree = treeIn(cacheDir);
  const home = join(tree, "..");
  try {
    await fetchInto(home, { tree, etcDir, onProgress: search.onProgress ?? (() => undefined) });
  } catch (thrown) {
    throw new BenchFailure(`PostgreSQL 15 could not be fetched (${errorText(thrown)}). ${WAYS_OUT}`);
  }
  const programs = await programsInTree(tree);
  if (programs !== null) return programs;
  throw new BenchFailure(`The PostgreSQL that was fetched into ${tree} does not run. ${WAYS_OUT}`);
}

async function fetchInto(
  home: string,
  { tree, etcDir, onProgress }: { tree: string; etcDir: string; onProgress: (line: string) => void },
): Promise<void> {
  await inFetchScratch(home, async (scratchDir) => {
    const request = { packages: PACKAGES, suite: null, scratchDir, etcDir, onProgress };
    const unpacked = await fetchDebianPackage(request);
    if ((await programsInTree(unpacked)) === null) throw new Error("what was fetched does not run");
    await rename(unpacked, tree).catch(async (thrown: unknown) => {
      // Another process was first.
      if ((await programsInTree(tree)) === null) throw thrown;
    });
  });
}
