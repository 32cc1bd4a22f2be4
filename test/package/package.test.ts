// The npm package, as a stranger has it: the program runs, the types are whole, and the installed engine settles.
//
// Guards against: a package that works from source alone, that drags the NATS library into its callers' types, that
// carries traces of the machine it was built on, or that grows unseen.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { isRunning, objectOf, until } from "../cli/program-call.ts";
import { testNatsBinary } from "../support/nats.ts";
import type { Stranger } from "./stranger.ts";
import { installAsStranger, manifestOf } from "./stranger.ts";

const root = resolve(import.meta.dirname, "..", "..");
const PACKED_BYTES_MAX = 700_000;
const UNPACKED_BYTES_MAX = 3_000_000;
const READY_MS = 60_000;

/** A service of somebody else: it is type-checked, and then it runs. Its only library is this package. */
const settle = `
import { CofferUnreachable, connect, outcomeToJson } from "coffer";
import type { ClientOutcome, CommandInput, Coffer, EventFeed, Outcome, RefusalCode, WalletAt } from "coffer";

declare const process: { readonly argv: readonly string[]; exitCode: number };
declare const console: { log(line: string): void };

const commands: CommandInput[] = [
  { op: "open", wallet: "world:usd", asset: "USD/2", min: "unlimited" },
  { op: "open", wallet: "alice:usd", asset: "USD/2" },
  { op: "open", wallet: "bob:usd", asset: "USD/2" },
];

function isSettled(outcome: ClientOutcome): outcome is Outcome {
  return outcome.status !== "unknown" && outcome.status !== "refused";
}

function codeOf(outcome: ClientOutcome): RefusalCode | null {
  return outcome.status === "refused" ? (outcome.refusal?.code ?? null) : null;
}

async function transfer(coffer: Coffer, from: string, to: string, amount: bigint): Promise<string> {
  const outcome = await coffer.send({ op: "transfer", from, to, amount });
  if (isSettled(outcome)) return String(outcomeToJson(outcome)["status"]);
  return codeOf(outcome) ?? outcome.status;
}

async function firstMove(feed: EventFeed): Promise<string> {
  for await (const event of feed) if (event.op === "transfer") return event.op;
  return "none";
}

try {
  await using coffer = await connect({ servers: process.argv[2] ?? "", tenant: "demo" });
  const feed = coffer.events();
  await feed.open();
  const opened = await coffer.sendMany(commands);
  const said = [
    opened.map(({ status }) => status).join(" "),
    await transfer(coffer, "world:usd", "alice:usd", 10_000n),
    await transfer(coffer, "alice:usd", "bob:usd", 1_250n),
    await transfer(coffer, "alice:usd", "bob:usd", 1_000_000n),
    await firstMove(feed),
  ];
  const bob: WalletAt | null = await coffer.wallet("bob:usd");
  const posted: bigint = bob?.posted ?? 0n;
  console.log([...said, posted].join(", "));
} catch (error) {
  console.log(error instanceof CofferUnreachable ? error.code : String(error));
  process.exitCode = 1;
}
`;

/** Each line but the second is a mistake that the types must catch. */
const mistakes = `import { connect, EventFeed } from "coffer";
const coffer = await connect({ servers: "", tenant: "demo" });
await connect({ servers: "" });
await coffer.send({ op: "transfer", from: "a:b", to: "c:d", amount: 12.5 });
await coffer.send({ op: "transfer", from: "a:b", amount: 1n });
await coffer.send({ op: "move", from: "a:b", to: "c:d", amount: 1n });
const posted: number = (await coffer.wallet("a:b"))?.posted ?? 0;
coffer.info().shards = posted;
export const feed = EventFeed;
`;
const MISTAKEN_LINES = [1, 3, 4, 5, 6, 7, 8, 9];

const strictest = {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "nodenext",
    types: [],
    noEmit: true,
    skipLibCheck: false,
    strict: true,
    allowUnreachableCode: false,
    allowUnusedLabels: false,
    erasableSyntaxOnly: true,
    exactOptionalPropertyTypes: true,
    isolatedModules: true,
    noFallthroughCasesInSwitch: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedIndexedAccess: true,
    noUncheckedSideEffectImports: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
  },
  include: ["*.ts"],
};

let stranger: Stranger;
let natsServer = "";
before(async () => {
  natsServer = (await testNatsBinary()).path;
  stranger = await installAsStranger();
  await stranger.write("settle.ts", settle);
});
after(async () => {
  await stranger?.discard();
});

/** Every file of the installed package, with its path within it. */
function packageFiles(): { path: string; bytes: number; content: string }[] {
  const directory = stranger.packageDirectory;
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))
    .map((path) => ({
      path: path.slice(directory.length + 1),
      bytes: statSync(path).size,
      content: readFileSync(path, "utf8"),
    }));
}

test("npx runs the program, and help lists what it can do", async (context) => {
  context.diagnostic(`dependencies from the ${stranger.installedFrom}`);
  const { exit, stdout, stderr } = await stranger.run("npx", "--no", "coffer", "version", "--json");
  assert.equal(exit, 0, stderr);
  const { version } = await manifestOf(stranger.packageDirectory);
  assert.deepEqual(objectOf(stdout), {
    version,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  });
  const help = await stranger.run("node_modules/.bin/coffer", "help");
  assert.deepEqual([help.exit, help.stderr], [0, ""]);
  for (const word of ["Usage: coffer", "transfer", "verify", "dev"])
    assert.ok(help.stdout.includes(word), word);
});

test("a service type-checks with the strictest settings, and no type of NATS or Node is loaded for it", async () => {
  await stranger.write("tsconfig.json", JSON.stringify(strictest));
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const { exit, stdout, stderr } = await stranger.run(tsc, "--listFiles");
  assert.equal(exit, 0, stdout + stderr);
  const loaded = stdout.trim().split("\n");
  assert.ok(loaded.some((path) => path.endsWith("/coffer/dist/client/mod.d.ts")));
  const foreign = loaded.filter((path) =>
    /\/node_modules\/(?!coffer\/|(?:@typescript\/|typescript))/.test(path),
  );
  assert.deepEqual(foreign, []);
});

test("the types refuse what the library would refuse", async () => {
  await stranger.write("mistakes.ts", mistakes);
  await stranger.write("tsconfig.mistakes.json", JSON.stringify({ ...strictest, include: ["mistakes.ts"] }));
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const { stdout } = await stranger.run(tsc, "--project", "tsconfig.mistakes.json", "--pretty", "false");
  const lines = [...stdout.matchAll(/^mistakes\.ts\((\d+),/gm)].map(([, line]) => Number(line));
  assert.deepEqual([...new Set(lines)].sort(), MISTAKEN_LINES, stdout);
});

test("the installed engine becomes ready, a service settles with it, and SIGTERM ends all of it", async () => {
  const dataDir = join(stranger.directory, "data");
  const words = ["dev", "--no-demo", "--json", "--data", dataDir];
  const dev = spawn("node_modules/.bin/coffer", words, {
    cwd: stranger.directory,
    env: { ...stranger.env, COFFER_NATS_SERVER: natsServer },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(dev, "exit");
  try {
    const first = once(createInterface(dev.stdout), "line", { signal: AbortSignal.timeout(READY_MS) });
    const [line] = await Promise.race([first, exited.then(() => ["{}"])]);
    const ready = objectOf(String(line));
    assert.equal(ready["ready"], true, String(line));
    const url = String(ready["nats"]);
    const service = await stranger.run("node", "settle.ts", url);
    assert.equal(
      service.stdout.trim(),
      "open open open, posted, posted, insufficient_funds, transfer, 1250",
      service.stderr,
    );
    const verify = await stranger.run(
      "node_modules/.bin/coffer",
      "verify",
      "--deep",
      "--json",
      "--server",
      url,
    );
    assert.equal(objectOf(verify.stdout)["clean"], true, verify.stdout + verify.stderr);
    const children = childPids(dataDir);
    dev.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
    for (const pid of children) await until(`the end of ${pid}`, () => (isRunning(pid) ? undefined : true));
  } finally {
    if (dev.exitCode === null && dev.signalCode === null) dev.kill("SIGKILL");
    await exited;
  }
});

/** The engine, which holds the lock, and nats-server, which writes its own pid. */
function childPids(dataDir: string): number[] {
  const lock = objectOf(readFileSync(join(dataDir, "lock.json"), "utf8"));
  return [
    Number(lock["pid"]),
    Number.parseInt(readFileSync(join(dataDir, "nats", "nats-server.pid"), "utf8"), 10),
  ];
}

test("no file of the package names this machine, a place that only a checkout has, or work to come", () => {
  const traces: [string, RegExp][] = [
    ["a directory of the machine", /(?:\/home\/|\/Users\/|\/root\/|\/tmp\/|\b[A-Z]:\\)\w/],
    ["an issue", /(?<![\w#&/])#\d+\b|\b(?:issue|pull request|ticket)s? #?\d/i],
    ["a path of TypeScript in code", /(?:from|import\(?|new URL\()\s*["'`][^"'`]+\.ts["'`]/],
    ["the loader of TypeScript", /["'`]tsx["'`]/],
  ];
  const files = packageFiles();
  assert.ok(files.length > 100);
  const places = [root, tmpdir(), homedir(), stranger.directory].filter((place) => place.length > 1);
  for (const { path, content } of files) {
    for (const place of places) assert.ok(!content.includes(place), `${path} names ${place}`);
    const code = path === "package.json" || path.endsWith(".md") ? traces.slice(0, 2) : traces;
    for (const [what, trace] of code) assert.doesNotMatch(content, trace, `${path} names ${what}`);
  }
});

test("the package has what it names, imports only what it depends on, and stays small", async () => {
  const files = packageFiles();
  const code = files.filter(({ path }) => path.startsWith("dist/"));
  assert.deepEqual(
    code.filter(({ path }) => !/\.(?:js|d\.ts)$/.test(path)),
    [],
  );
  const imported = new Set(
    code.flatMap(({ content }) =>
      [...content.matchAll(/(?:^(?:import|export) (?:.* from )?|\bimport\()"(?!node:)([^".][^"]*)"/gm)].map(
        ([, name = ""]) => name,
      ),
    ),
  );
  const declared = Object.keys((await manifestOf(stranger.packageDirectory)).dependencies);
  assert.ok(imported.size > 0);
  assert.deepEqual(
    [...imported].filter((name) => !declared.includes(name)),
    [],
  );
  for (const path of [
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "nats.conf",
    "docs/client.md",
    "dist/cli/main.js",
  ])
    assert.ok(
      files.some((each) => each.path === path),
      path,
    );
  assert.deepEqual(
    files.filter(({ path }) => /(?:^|\/)(?:test|tools|node_modules|\.\w)/.test(path)),
    [],
  );
  const unpacked = files.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(stranger.packedBytes < PACKED_BYTES_MAX, `${stranger.packedBytes} bytes packed`);
  assert.ok(unpacked < UNPACKED_BYTES_MAX, `${unpacked} bytes unpacked`);
});
