// The package as somebody has it who never saw this repository: built and packed from a copy of the tree, installed
// from the tarball in an empty directory, with an environment that knows nothing of a checkout.
//
// Owns: one temporary directory with all of that; `discard` removes it. Does not own processes that a test starts.
// The tree's own dist/ is neither read nor written.
// Guards against: a package that works because something of the checkout lies near.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, join, resolve, sep } from "node:path";
import { text } from "node:stream/consumers";

const root = resolve(import.meta.dirname, "..", "..");
/** What is not part of a clean tree, and the tests, which no package needs. */
const notCopied: ReadonlySet<string> = new Set(["node_modules", ".git", ".cache", ".coffer", "dist", "test"]);
const STEP_MS = 120_000;

/** What npm says when no registry can be reached. */
const noRegistry = /\b(?:ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ENOTCACHED)\b/;
const quiet = ["--no-audit", "--no-fund", "--no-update-notifier"];
const patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"];

/** What a program printed and ended with. */
export interface Finished {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An installed package, and how a stranger calls programs beside it. */
export interface Stranger {
  /** The project that has the package among its dependencies. */
  readonly directory: string;
  /** The package within it. */
  readonly packageDirectory: string;
  /** Size of the tarball, bytes. */
  readonly packedBytes: number;
  /** The environment of a stranger's shell: this Node first on the PATH, nothing of a checkout. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the package's dependencies came from. */
  readonly installedFrom: "registry" | "checkout";
  /** Runs a program in the project and waits for its end, two minutes at most. */
  run(program: string, ...words: readonly string[]): Promise<Finished>;
  /** Puts a file into the project. */
  write(name: string, content: string): Promise<void>;
  discard(): Promise<void>;
}

/** Builds, packs and installs. Rejects with what the failing step printed. Some six seconds. */
export async function installAsStranger(): Promise<Stranger> {
  const home = await mkdtemp(join(tmpdir(), "coffer-package-"));
  const discard = () => rm(home, { recursive: true, force: true, maxRetries: 5 });
  try {
    const env = await strangerEnv(home);
    const { tarball, packedBytes } = await packed(join(home, "tree"), env);
    const directory = join(home, "project");
    const installedFrom = await install(tarball, directory, env);
    return {
      directory,
      packageDirectory: join(directory, "node_modules", "coffer"),
      packedBytes,
      env,
      installedFrom,
      run: (program, ...words) => finished(program, words, { cwd: directory, env }),
      write: (name, content) => writeFile(join(directory, name), content),
      discard,
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** This process's environment without what npm and the test runner add to it, and with this Node first. */
async function strangerEnv(home: string): Promise<Record<string, string>> {
  const bin = join(home, "bin");
  await mkdir(bin);
  await symlink(process.execPath, join(bin, "node"));
  const others = (process.env["PATH"] ?? "").split(delimiter).filter((each) => !isWithin(root, each));
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || isOfACheckout(name) ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(kept), PATH: [bin, ...others].join(delimiter) };
}

function isOfACheckout(name: string): boolean {
  return (
    /^(?:npm_(?:package|lifecycle|command|execpath|node_execpath)|INIT_CWD|NODE_(?:TEST_CONTEXT|OPTIONS))/i.test(
      name,
    ) || /^(?:npm_config_(?:local_prefix|prefix|global_prefix)|COFFER_|NATS_)/i.test(name)
  );
}

/** Copies the tree, builds the copy with the packages of the checkout, and packs it. */
async function packed(
  tree: string,
  env: Record<string, string>,
): Promise<{ tarball: string; packedBytes: number }> {
  await cp(root, tree, {
    recursive: true,
    filter: (source) => source === root || !notCopied.has(source.slice(root.length + 1).split(sep)[0] ?? ""),
  });
  await symlink(join(root, "node_modules"), join(tree, "node_modules"));
  await step("node", ["tools/build.ts"], { cwd: tree, env });
  const { stdout } = await step("npm", ["pack", "--json", ...quiet], { cwd: tree, env });
  const [, filename] = /"filename": "([^"]+)"/.exec(stdout) ?? [];
  const [, size] = /"size": (\d+)(?=,\s+"unpackedSize")/.exec(stdout) ?? [];
  assert.ok(
    filename !== undefined && size !== undefined,
    `npm pack says what it made: ${stdout.slice(-500)}`,
  );
  return { tarball: join(tree, basename(filename)), packedBytes: Number(size) };
}

/**
 * Installs the tarball into an empty project, as anybody would. Where no registry can be reached, the same files are laid
 * out by hand, with the checkout's copies of exactly the packages that the manifest names.
 */
async function install(
  tarball: string,
  directory: string,
  env: Record<string, string>,
): Promise<Stranger["installedFrom"]> {
  await mkdir(directory);
  await writeFile(join(directory, "package.json"), '{ "private": true, "type": "module" }\n');
  const words = ["install", "--prefer-offline", ...quiet, ...patience, tarball];
  const result = await finished("npm", words, { cwd: directory, env });
  if (result.exit === 0) return "registry";
  assert.match(result.stderr, noRegistry, `npm install: ${result.stdout}${result.stderr}`);
  await rm(join(directory, "node_modules"), { recursive: true, force: true });
  const modules = join(directory, "node_modules");
  await mkdir(join(modules, "coffer"), { recursive: true });
  await mkdir(join(modules, ".bin"));
  await step("tar", ["-xzf", tarball, "--strip-components=1", "-C", "node_modules/coffer"], {
    cwd: directory,
    env,
  });
  for (const name of Object.keys((await manifestOf(join(modules, "coffer"))).dependencies)) {
    await mkdir(join(modules, name, ".."), { recursive: true });
    await symlink(join(root, "node_modules", name), join(modules, name));
  }
  await symlink("../coffer/dist/cli/main.js", join(modules, ".bin", "coffer"));
  return "checkout";
}

/** The fields of a package.json that the tests look at. */
export interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Reads the manifest of a package. */
export async function manifestOf(directory: string): Promise<Manifest> {
  const manifest: Manifest = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  return manifest;
}

interface Where {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

async function step(program: string, words: readonly string[], where: Where): Promise<Finished> {
  const result = await finished(program, words, where);
  assert.equal(result.exit, 0, `${program} ${words.join(" ")}: ${result.stdout}${result.stderr}`);
  return result;
}

async function finished(program: string, words: readonly string[], where: Where): Promise<Finished> {
  const child = spawn(program, words, { ...where, stdio: ["ignore", "pipe", "pipe"], timeout: STEP_MS });
  const ended = once(child, "close");
  const [stdout, stderr, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exit: typeof exit === "number" ? exit : null, stdout, stderr };
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory + sep);
}
