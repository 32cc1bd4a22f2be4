/**
 * Fetches Debian packages for this project alone, with the system's own apt-get as the client.
 *
 * Owns: a private apt state (lists, cache, sources, configuration) in a scratch directory. apt-get checks the signed
 * release file, the index and the package against each other; nothing here trusts a byte that apt did not check.
 * Does not own: the system. No package is installed, no list, cache or hook of the system is touched, root is not needed.
 * Invariant: the mirror is the one that apt is configured with, only the suite is replaced; no host name is written here.
 * Guards against: a stable release whose package is too old, half a download (the caller gets a path only when complete).
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { errorText } from "./cluster-error.ts";

const run = promisify(execFile);

/** No step of apt-get or dpkg-deb may take longer, ms. */
const STEP_TIMEOUT_MS = 300_000;
/** apt-get and dpkg-deb live here on every Debian; the caller's PATH need not name them. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** Settings of the system's apt that the private one takes over: how to reach the mirror, nothing else. */
const ACQUIRE_KEPT =
  /^Acquire::(?!Languages|Changelogs|CompressionTypes|IndexTargets|GzipIndexes|AllowInsecure|AllowWeak|AllowDowngrade)[\w:.-]+ ".+";$/;

/** What to fetch: the packages, the suite to take them from, and a directory that may be filled and is the caller's to remove. */
export interface DebianPackageRequest {
  /** At least one; what they depend on is not fetched. */
  readonly packages: readonly string[];
  /** Null = the system's own release. */
  readonly suite: string | null;
  readonly scratchDir: string;
  /** Where apt's sources and the release file are; `/etc` but in tests. */
  readonly etcDir: string;
  readonly onProgress: (line: string) => void;
}

/**
 * Downloads, verifies and unpacks the packages beneath `scratchDir`, all into one tree.
 * Returns the directory of that tree. Rejects with a plain Error (its message is apt's or dpkg's last words).
 */
export async function fetchDebianPackage(request: DebianPackageRequest): Promise<string> {
  const { scratchDir, packages } = request;
  const suite = request.suite ?? (await ownSuite(request.etcDir));
  const source = await configuredSource(request.etcDir, suite);
  if (source === null)
    throw new Error(`apt has no source of this system's own release in ${request.etcDir}/apt`);
  const configFile = await writePrivateApt(scratchDir, source);
  const env = {
    PATH: SYSTEM_PATH,
    APT_CONFIG: configFile,
    LC_ALL: "C.UTF-8",
    DEBIAN_FRONTEND: "noninteractive",
  };
  const unpacked = join(scratchDir, "unpacked");
  const downloads = join(scratchDir, "downloads");
  await mkdir(downloads, { recursive: true });
  request.onProgress(`reading the package index of suite ${suite} from apt's mirror`);
  await step("apt-get", ["update"], { cwd: downloads, env });
  request.onProgress(`downloading ${packages.join(", ")} from suite ${suite}`);
  await step("apt-get", ["download", ...packages], { cwd: downloads, env });
  const files = (await readdir(downloads)).filter((name) => name.endsWith(".deb"));
  if (files.length < packages.length)
    throw new Error(`apt-get download left ${files.length} package files for ${packages.join(", ")}`);
  for (const file of files) {
    await step("dpkg-deb", ["-x", join(downloads, file), unpacked], { cwd: scratchDir, env });
    request.onProgress(`unpacked ${file}`);
  }
  return unpacked;
}

async function step(
  command: string,
  args: readonly string[],
  place: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<string> {
  try {
    const { stdout } = await run(command, [...args], {
      ...place,
      timeout: STEP_TIMEOUT_MS,
      maxBuffer: OUTPUT_BYTES_MAX,
    });
    return stdout;
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    const reason = said === "" ? errorText(error) : said.split("\n").slice(-4).join(" | ");
    throw new Error(`${command} ${args[0] ?? ""}: ${reason}`, { cause: error });
  }
}

/**
 * One deb822 stanza for the wanted suite, made from the first source that serves this system's own release.
 * Returns null when there is none. `etcDir` holds `os-release` and `apt/`.
 */
export async function configuredSource(etcDir: string, suite: string): Promise<string | null> {
  const own = new Set([await ownSuite(etcDir), "oldstable", "stable", "testing", "unstable", "sid"]);
  own.delete("");
  const apt = join(etcDir, "apt");
  const parts = (await namesIn(join(apt, "sources.list.d"))).map((name) => join(apt, "sources.list.d", name));
  for (const file of [join(apt, "sources.list"), ...parts]) {
    const text = await textOf(file);
    const find = SOURCE_FINDERS[extname(file)];
    const stanza = find === undefined ? null : find(text, own, suite);
    if (stanza !== null) return stanza;
  }
  return null;
}

/** The system's own release by its code name; empty when it does not say. */
async function ownSuite(etcDir: string): Promise<string> {
  const release = await textOf(join(etcDir, "os-release"));
  return /^VERSION_CODENAME="?([\w.-]+)"?$/m.exec(release)?.[1] ?? "";
}

function deb822Source(text: string, own: ReadonlySet<string>, suite: string): string | null {
  for (const block of text.split(/\n[ \t]*\n/)) {
    const lines = block.split("\n").filter((line) => !line.startsWith("#") && line.trim() !== "");
    const field = (name: string): string[] =>
      (lines.find((line) => line.toLowerCase().startsWith(`${name}:`)) ?? "")
        .split(":")
        .slice(1)
        .join(":")
        .trim()
        .split(/\s+/);
    const serves =
      field("types").includes("deb") &&
      field("components").includes("main") &&
      field("suites").some((one) => own.has(one));
    if (!serves || field("enabled")[0] === "no") continue;
    const kept = lines.filter((line) => !/^(types|suites|components|enabled):/i.test(line));
    return ["Types: deb", `Suites: ${suite}`, "Components: main", ...kept, ""].join("\n");
  }
  return null;
}

function oneLineSource(text: string, own: ReadonlySet<string>, suite: string): string | null {
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
    const [, options, uri, served, components] = match ?? [];
    if (
      uri === undefined ||
      served === undefined ||
      !own.has(served) ||
      !(components ?? "").split(/\s+/).includes("main")
    )
      continue;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options ?? "")?.[1];
    const stanza = ["Types: deb", `Suites: ${suite}`, "Components: main", `URIs: ${uri}`];
    if (signedBy !== undefined) stanza.push(`Signed-By: ${signedBy}`);
    return [...stanza, ""].join("\n");
  }
  return null;
}

type SourceFinder = (text: string, own: ReadonlySet<string>, suite: string) => string | null;
const SOURCE_FINDERS: Readonly<Record<string, SourceFinder>> = {
  ".sources": deb822Source,
  ".list": oneLineSource,
};

/** Writes the private state and returns the path of the configuration that apt reads first (APT_CONFIG). */
async function writePrivateApt(scratchDir: string, source: string): Promise<string> {
  const place = (name: string): string => join(scratchDir, "apt", name);
  for (const name of ["sources", "lists/partial", "cache/archives/partial"])
    await mkdir(place(name), { recursive: true });
  await writeFile(place("sources/suite.sources"), source);
  await writeFile(place("status"), "");
  const dump = await step("apt-config", ["dump"], {
    cwd: scratchDir,
    env: { PATH: SYSTEM_PATH, LC_ALL: "C.UTF-8" },
  });
  const kept = dump.split("\n").filter((line) => ACQUIRE_KEPT.test(line));
  const settings: Record<string, string> = {
    "Dir::State": place(""),
    "Dir::State::Lists": place("lists"),
    "Dir::State::Status": place("status"),
    "Dir::Cache": place("cache"),
    "Dir::Etc::SourceList": "/dev/null",
    "Dir::Etc::SourceParts": place("sources"),
    "Dir::Etc::Preferences": "/dev/null",
    "Dir::Etc::PreferencesParts": "/dev/null",
    "Dir::Etc::Main": "/dev/null",
    "Dir::Etc::Parts": "/dev/null",
    "Acquire::Languages": "none",
    "Acquire::AllowInsecureRepositories": "false",
    "APT::Update::Error-Mode": "any",
    "APT::Sandbox::User": "",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  await writeFile(place("apt.conf"), [...kept, ...lines, ""].join("\n"));
  return place("apt.conf");
}

async function textOf(file: string): Promise<string> {
  return await readFile(file, "utf8").catch(() => "");
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}
