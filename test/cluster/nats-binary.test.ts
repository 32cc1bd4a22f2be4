// Which nats-server is used, and what a person is told when there is none.
// Stand-ins that only know `--version` are enough for the order of the search; no test here uses the network.
// Guards against: an old server taken silently, and a source of packages that is not the system's own.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { arch, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { configuredSource } from "../../cluster/debian-package.ts";
import { findNatsServer, isVersionEnough } from "../../cluster/nats-binary.ts";
import { testNatsBinary } from "../support/nats.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "coffer-binary-"));
});
after(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** A stand-in that only knows `--version`: what the search asks. */
async function fakeServer(path: string, version: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(path, 0o755);
  return path;
}

test("2.12 is the oldest version that is used", () => {
  const cases: [string, boolean][] = [
    ["2.9.10", false],
    ["2.11.99", false],
    ["2.12.0", true],
    ["2.15.1", true],
    ["3.0.0-beta", true],
    ["1.99.0", false],
    ["", false],
  ];
  for (const [version, expected] of cases) assert.equal(isVersionEnough(version), expected, version);
});

test("COFFER_NATS_SERVER decides alone", async () => {
  const named = await fakeServer(join(directory, "named/nats"), "2.14.0");
  const found = await findNatsServer({ env: { COFFER_NATS_SERVER: named, PATH: "" }, fetchAllowed: false });
  assert.deepEqual(found, { path: named, version: "2.14.0", origin: "environment" });
  const old = await fakeServer(join(directory, "old/nats"), "2.9.10");
  await assert.rejects(findNatsServer({ env: { COFFER_NATS_SERVER: old } }), { code: "nats_server_too_old" });
  await assert.rejects(findNatsServer({ env: { COFFER_NATS_SERVER: "/nowhere" } }), {
    code: "nats_server_missing",
  });
});

test("a server on the PATH goes before one in the cache, an old one is passed over", async () => {
  const oldDir = dirname(await fakeServer(join(directory, "path-old/nats-server"), "2.9.10"));
  const newDir = dirname(await fakeServer(join(directory, "path-new/nats-server"), "2.13.0"));
  const cacheDir = join(directory, "cache");
  const cached = await fakeServer(join(cacheDir, "nats-server", arch(), "nats-server"), "2.12.1");
  const search = { cacheDirs: [cacheDir], fetchAllowed: false };
  const onPath = await findNatsServer({ ...search, env: { PATH: `${oldDir}:${newDir}` } });
  assert.deepEqual([onPath.path, onPath.origin], [join(newDir, "nats-server"), "path"]);
  const inCache = await findNatsServer({ ...search, env: { PATH: oldDir } });
  assert.deepEqual([inCache.path, inCache.origin], [cached, "cache"]);
});

test("without any server the error names every way out", async () => {
  const oldDir = dirname(await fakeServer(join(directory, "only-old/nats-server"), "2.9.10"));
  const search = { env: { PATH: oldDir }, cacheDirs: [join(directory, "empty")] };
  await assert.rejects(findNatsServer({ ...search, fetchAllowed: false }), (error: Error) => {
    for (const word of ["2.9.10", "PATH", "COFFER_NATS_SERVER", "NATS_URL"])
      assert.ok(error.message.includes(word), word);
    return true;
  });
  const foreign = { ...search, etcDir: join(directory, "no-debian") };
  await assert.rejects(findNatsServer(foreign), { code: "nats_server_missing" });
});

test("a mirror that has nothing is an error that says so and leaves nothing behind", async () => {
  const etcDir = join(directory, "etc-dead");
  await writeSources(etcDir, `deb file:${join(directory, "no-mirror")} bookworm main\n`, "list");
  await writeFile(join(etcDir, "debian_version"), "12\n");
  const cacheDir = join(directory, "cache-dead");
  const search = { env: { PATH: "" }, cacheDirs: [cacheDir], etcDir };
  await assert.rejects(findNatsServer(search), (error: Error & { code?: string }) => {
    assert.equal(error.code, "nats_server_fetch_failed");
    assert.match(error.message, /apt-get|apt-config/);
    assert.match(error.message, /COFFER_NATS_SERVER/);
    return true;
  });
  assert.deepEqual(await readdir(join(cacheDir, "nats-server", arch())), []);
});

test("the real server that the tests use is new enough", async () => {
  assert.ok(isVersionEnough((await testNatsBinary()).version));
});

async function writeSources(etcDir: string, text: string, kind: "list" | "sources"): Promise<void> {
  await mkdir(join(etcDir, "apt/sources.list.d"), { recursive: true });
  await writeFile(join(etcDir, "os-release"), 'ID=debian\nVERSION_CODENAME="bookworm"\n');
  await writeFile(join(etcDir, `apt/sources.list.d/a.${kind}`), text);
}

test("the mirror is the one of the system's own release, with the suite replaced", async () => {
  const own =
    "Types: deb deb-src\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By: /keys/a.gpg\n";
  const key =
    "Types: deb\nURIs: http://m.test/d\nSuites: stable\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n";
  const cases: [string, "list" | "sources", string, string | null][] = [
    [
      "deb822",
      "sources",
      own,
      "Types: deb\nSuites: sid\nComponents: main\nURIs: http://mirror.test/debian\nSigned-By: /keys/a.gpg\n",
    ],
    [
      "a comment above",
      "sources",
      `# one\n${own}`,
      "Types: deb\nSuites: sid\nComponents: main\nURIs: http://mirror.test/debian\nSigned-By: /keys/a.gpg\n",
    ],
    [
      "a key in the file",
      "sources",
      key,
      "Types: deb\nSuites: sid\nComponents: main\nURIs: http://m.test/d\nSigned-By:\n -----BEGIN\n .\n abc\n",
    ],
    ["switched off", "sources", `Enabled: no\n${own}`, null],
    [
      "another vendor's",
      "sources",
      "Types: deb\nURIs: http://v.test/x\nSuites: nodistro\nComponents: main\n",
      null,
    ],
    ["security only", "sources", own.replace("bookworm bookworm-updates", "bookworm-security"), null],
    [
      "one line",
      "list",
      "# c\ndeb-src http://x bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://m/d bookworm main non-free\n",
      "Types: deb\nSuites: sid\nComponents: main\nURIs: http://m/d\nSigned-By: /k.gpg\n",
    ],
    [
      "one line without options",
      "list",
      "deb http://m/d bookworm main\n",
      "Types: deb\nSuites: sid\nComponents: main\nURIs: http://m/d\n",
    ],
    ["one line without main", "list", "deb http://m/d bookworm contrib\n", null],
  ];
  for (const [name, kind, text, expected] of cases) {
    const etcDir = join(directory, `etc-${name.replaceAll(" ", "-")}`);
    await writeSources(etcDir, text, kind);
    assert.equal(await configuredSource(etcDir, "sid"), expected, name);
  }
});
