// Test runner: finds every test/**/*.test.ts, hands the list to node's own runner, and bounds the run.
//
// Owns:     which files run, how many at once, the time a whole run may take.
// Does not: report. Node's spec reporter prints the results and the closing "ℹ tests / pass / fail" lines.
// Invariant: the exit code is 0 only if node's runner said so and no process of the run outlived it.
// Guards against: a green run that found no test file, a test that hangs for ever, servers left behind by a
// test that failed half-way.
//
// Usage: npm test                             everything
//        npm test -- test/protocol test/x.test.ts   only what lies under these paths
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve, sep } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Bound of a whole run; a healthy one takes a small part of it. When it is hit the run is killed and fails. */
const runMsMax = 20 * 60_000;
/** Bound of one test, and of one file, which the runner counts as a test too. */
const testMsMax = 10 * 60_000;
/** How long processes of the run may take to go after the runner has exited. */
const leftoverMsMax = 5_000;

const root = resolve(import.meta.dirname, "..");

const files = testFiles(process.argv.slice(2));
if (files.length === 0) {
  console.error("no test file found: nothing was tested");
  process.exit(1);
}
process.exitCode = await run(files);

/** Test files under the given paths (all of test/ when none is given), sorted, relative to the root. */
function testFiles(paths: readonly string[]): string[] {
  const wanted = paths.map((path) => resolve(path));
  return readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => join("test", path))
    .filter((path) => wanted.length === 0 || wanted.some((prefix) => isUnder(join(root, path), prefix)))
    .sort();
}

function isUnder(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix + sep);
}

/** Runs the files in a process group of their own; resolves to the exit code for this process. */
async function run(testPaths: readonly string[]): Promise<number> {
  const runner = spawn(process.execPath, [...runnerFlags(), ...testPaths], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, NODE_COMPILE_CACHE: join(root, ".cache", "compile") },
    detached: true,
  });
  const group = runner.pid;
  if (group === undefined) {
    console.error("the test runner could not be started");
    return 1;
  }
  const killGroup = () => signalGroup(group, "SIGKILL");
  process.once("SIGINT", killGroup);
  process.once("SIGTERM", killGroup);
  const bound = setTimeout(() => {
    console.error(`the test run took longer than ${runMsMax / 60_000} minutes and was killed`);
    killGroup();
  }, runMsMax);
  const code = await new Promise<number>((settle) => {
    runner.once("exit", (exitCode) => settle(exitCode ?? 1));
  });
  clearTimeout(bound);
  if (await groupIsGone(group)) return code;
  console.error("processes that the tests started were still running at the end and were killed");
  killGroup();
  return 1;
}

function runnerFlags(): string[] {
  // One more than there are cores: some tests wait for a long time.
  const concurrency = Math.min(4, availableParallelism() + 1);
  return [
    "--test",
    "--test-reporter=spec",
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${testMsMax}`,
  ];
}

async function groupIsGone(group: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < leftoverMsMax; waitedMs += 50) {
    if (!signalGroup(group, 0)) return true;
    await delay(50);
  }
  return false;
}

/** Sends a signal to a process group; false when no process of it is left. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}
