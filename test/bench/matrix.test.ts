// A matrix takes hours: what it measured is on the disk at once, and whatever ends it, the next start goes on with
// what is missing and with nothing else.
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { MachineFacts } from "../../bench/machine-facts.ts";
import { machineFacts } from "../../bench/machine-facts.ts";
import type { MatrixRunner, MatrixSettings, MatrixTask } from "../../bench/matrix.ts";
import { appendResult, missingTasks, readResults, runMatrix } from "../../bench/matrix.ts";
import type { Configuration } from "../../bench/matrix-plan.ts";
import { configurationsOf, MATRIX } from "../../bench/matrix-plan.ts";
import { figureAt, reportIn, valueAt } from "../../bench/result-line.ts";

const directory = mkdtempSync(join(tmpdir(), "coffer-matrix-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const machine: MachineFacts = {
  cpu: "test",
  cores: 2,
  memoryBytes: 1,
  kernel: "k",
  node: "v",
  natsServer: "n",
  commit: null,
};
const configuration = (name: string): Configuration => ({
  name,
  sweep: "s",
  series: "strict",
  value: 1,
  arguments: ["--name", name],
});
const settingsFor = (file: string): MatrixSettings => ({
  configurations: [configuration("a"), configuration("b")],
  repeats: 2,
  extra: ["--duration", "1"],
  out: join(directory, file),
});
const shown = ({ configuration: { name }, repeat }: MatrixTask): string => `${name}${repeat}`;

/** A runner that notes what it runs; `stopAfter` runs it is stopped, and tasks of `failing` fail. */
function runner(noted: string[], { stopAfter = 99, failing = "" } = {}): MatrixRunner {
  return {
    machine,
    now: () => "2026-01-02T03:04:05.000Z",
    run: async (task) => {
      noted.push(shown(task));
      return shown(task) === failing ? null : { settledPerSecond: 7 };
    },
    isStopped: () => noted.length >= stopAfter,
    onProgress: () => undefined,
  };
}

test("repetitions go around all configurations", async () => {
  const noted: string[] = [];
  const settings = settingsFor("order");
  assert.equal(await runMatrix(settings, runner(noted)), 0);
  assert.deepEqual(noted, ["a1", "b1", "a2", "b2"]);
  const [first] = readResults(settings.out);
  assert.deepEqual(first, {
    name: "a",
    arguments: ["--name", "a", "--duration", "1"],
    repeat: 1,
    date: "2026-01-02T03:04:05.000Z",
    machine,
    report: { settledPerSecond: 7 },
  });
});

test("a matrix that was stopped goes on where it was, and a finished one does nothing", async () => {
  const noted: string[] = [];
  const settings = settingsFor("stopped");
  await runMatrix(settings, runner(noted, { stopAfter: 3 }));
  assert.deepEqual(noted, ["a1", "b1", "a2"]);
  await runMatrix(settings, runner(noted));
  await runMatrix(settings, runner(noted));
  assert.deepEqual(noted, ["a1", "b1", "a2", "b2"]);
  assert.equal(readResults(settings.out).length, 4);
});

test("a run that failed is missing still", async () => {
  const noted: string[] = [];
  const settings = settingsFor("failed");
  assert.equal(await runMatrix(settings, runner(noted, { failing: "b1" })), 1);
  assert.deepEqual(missingTasks(settings, readResults(settings.out)).map(shown), ["b1"]);
});

test("a line that was cut off spoils neither itself nor the next one", async () => {
  const settings = settingsFor("cut");
  await runMatrix(settings, runner([], { stopAfter: 1 }));
  const [whole = ""] = readFileSync(settings.out, "utf8").split("\n");
  appendFileSync(settings.out, whole.slice(0, 40));
  assert.equal(readResults(settings.out).length, 1);
  await runMatrix(settings, runner([]));
  assert.deepEqual(
    readResults(settings.out).map(({ name, repeat }) => name + repeat),
    ["a1", "b1", "a2", "b2"],
  );
});

test("more repetitions, other flags and other configurations are missing, not there", () => {
  const settings = settingsFor("more");
  for (const {
    configuration: { name },
    repeat,
    arguments: words,
  } of missingTasks(settings, []))
    appendResult(settings.out, { name, arguments: words, repeat, date: "", machine, report: {} });
  const there = readResults(settings.out);
  assert.deepEqual(missingTasks(settings, there), []);
  assert.deepEqual(missingTasks({ ...settings, repeats: 3 }, there).map(shown), ["a3", "b3"]);
  assert.equal(missingTasks({ ...settings, extra: [] }, there).length, 4);
  const wider = { ...settings, configurations: [...settings.configurations, configuration("c")] };
  assert.deepEqual(missingTasks(wider, there).map(shown), ["c1", "c2"]);
});

test("configurations of the plan have names of their own and the flag that they vary", () => {
  const all = MATRIX.flatMap(configurationsOf);
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  const million = all.find(({ name }) => name === "wallets/strict/1000000");
  assert.deepEqual(million?.arguments.slice(-4), ["--durability", "strict", "--wallets", "1000000"]);
});

test("a report is one when it has a rate, and its figures are found by path", () => {
  assert.equal(reportIn("Error: no"), null);
  assert.equal(reportIn('{"code":"bench_failed"}'), null);
  const report = reportIn('{"settledPerSecond":5,"cpu":{"nats-server":0.5},"verified":true,"x":null}');
  assert.ok(report);
  assert.equal(figureAt(report, "cpu.nats-server"), 0.5);
  assert.equal(figureAt(report, "cpu.engine.deep"), null);
  assert.equal(figureAt(report, "verified"), null);
  assert.equal(valueAt(report, "verified"), true);
});

test("the machine is told with the versions of what was measured", async () => {
  const facts = await machineFacts("2.15.1");
  assert.ok(facts.cores > 0 && facts.memoryBytes > 0);
  assert.deepEqual([facts.node, facts.natsServer], [process.version, "2.15.1"]);
  assert.ok(facts.commit === null || /^[0-9a-f]{12}\+?$/.test(facts.commit));
});
