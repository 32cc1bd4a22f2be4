// Short runs of the scenarios that are meant to run long, on one installation: what they report is there and
// plausible, money is proven after restarts too, and no figure of speed or memory is asserted.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { runBench } from "../../bench/main.ts";
import type { BenchOptions, RestartKind } from "../../bench/report.ts";
import type { Fields } from "../../bench/result-line.ts";
import { figureAt, valueAt } from "../../bench/result-line.ts";
import type { Sample } from "../../bench/samples.ts";
import { launchEngine, makeDataDir, startEngine, type TestEngine } from "../support/engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const bound = { timeout: 120_000 };

let nats: TestNats;
let engine: TestEngine;
let dataDir: string;
before(async () => {
  nats = await startTestNats({ shards: 2 });
  dataDir = await makeDataDir(2);
  engine = await startEngine({ natsUrl: nats.url, dataDir });
});
after(async () => {
  await engine?.stop();
  await nats?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function run(options: Partial<BenchOptions>): Promise<{ report: Fields; heard: Sample[] }> {
  const heard: Sample[] = [];
  const processes = [{ name: "engine", pids: [engine.pid] }];
  const given = { servers: nats.url, tenant: "demo", wallets: 20, reference: false, processes, ...options };
  const { report } = await runBench(given, { onSample: (sample) => heard.push(sample) });
  assert.equal(report.verified, true);
  return { report: { ...report }, heard };
}

test("idle measures an installation to which nobody sends anything", bound, async () => {
  const processes = [
    { name: "engine", pids: [engine.pid] },
    { name: "nats-server", pids: [nats.server().pid] },
  ];
  const { report, heard } = await run({ scenario: "idle", seconds: 1.5, processes });
  assert.equal(report["settledPerSecond"], 0);
  assert.ok((figureAt(report, "idle.rssBytes") ?? 0) > 10 * 2 ** 20);
  assert.ok((figureAt(report, "idle.cpuShare") ?? -1) >= 0);
  assert.equal(typeof valueAt(report, "idle.isWithinBounds"), "boolean");
  assert.ok(heard.length >= 3);
  assert.ok(heard.every(({ latencyMs, settledPerSecond }) => latencyMs === null && settledPerSecond === 0));
});

test("idle judges nothing that it could not measure", bound, async () => {
  const { report } = await run({ scenario: "idle", seconds: 0.5, processes: [] });
  assert.equal(valueAt(report, "idle.isWithinBounds"), null);
});

test("growth fills the journal and starts the engine again, stopped and killed", bound, async () => {
  const restarts: string[] = [];
  const restartEngine = async (how: RestartKind): Promise<number> => {
    restarts.push(how);
    await (how === "kill" ? engine.kill() : engine.end());
    engine = await launchEngine({ natsUrl: nats.url, dataDir });
    return engine.pid;
  };
  const { report } = await run({
    scenario: "growth",
    rows: 40_000,
    frameCommands: 50,
    inFlight: 8,
    restartEngine,
  });
  assert.deepEqual(restarts, ["stop", "kill"]);
  const rows = figureAt(report, "growth.rows") ?? 0;
  assert.ok(rows >= 40_000 && rows < 40_000 + 50, "the frame that reaches the number is the last");
  for (const name of [
    "rateAt1M",
    "rateAtEnd",
    "ratio",
    "rssBytes",
    "longestPauseMs",
    "restartMs",
    "restartAfterKillMs",
  ])
    assert.ok((figureAt(report, `growth.${name}`) ?? 0) > 0, name);
  assert.ok((figureAt(report, "rss.engine") ?? 0) > 0, "the new process is watched");
});

test("growth of an installation that is not its own leaves the restarts out", bound, async () => {
  const { report } = await run({ scenario: "growth", rows: 500 });
  assert.deepEqual(
    [valueAt(report, "growth.restartMs"), valueAt(report, "growth.restartAfterKillMs")],
    [null, null],
  );
});

test("soak keeps a fixed rate, loses nothing, and tells memory by quarters", bound, async () => {
  const { report, heard } = await run({
    scenario: "soak",
    seconds: 5,
    ratePerSecond: 300,
    frameCommands: 10,
  });
  assert.equal(figureAt(report, "offeredPerSecond"), 300);
  assert.equal(figureAt(report, "soak.lost"), 0);
  assert.ok((figureAt(report, "soak.rssRatio") ?? 0) > 0);
  const quarters = valueAt(report, "soak.rssQuarters.engine.bytes");
  assert.ok(Array.isArray(quarters) && quarters.length === 4);
  assert.ok((figureAt(report, "soak.p95Ms") ?? 0) > 0 && heard.length >= 4);
});
