// A short run of the bench against a real engine: what it reports, what it proves, and how it refuses.
// Speed is reported and never asserted.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { BenchFailure } from "../../bench/bench-failure.ts";
import { Fleet } from "../../bench/fleet.ts";
import { runBench } from "../../bench/main.ts";
import type { BenchProgress } from "../../bench/report.ts";
import { verifyFleet } from "../../bench/verification.ts";
import { connect } from "../../client/mod.ts";
import { parseTenant } from "../../protocol/names.ts";
import { startEngine, type TestEngine } from "../support/engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const bound = { timeout: 90_000 };

let nats: TestNats;
let engine: TestEngine;
before(async () => {
  nats = await startTestNats({ shards: 2 });
  engine = await startEngine({ natsUrl: nats.url, shards: 2 });
});
after(async () => {
  await engine?.stop();
  await nats?.stop();
});

test("a run settles every command once, proves the balances, and reports figures", bound, async () => {
  const phases = new Set<string>();
  const onProgress = ({ phase }: BenchProgress): void => void phases.add(phase);
  const processes = [{ name: "engine", pids: [engine.pid] }];
  const options = { servers: nats.url, tenant: "demo", wallets: 200, commands: 5_000, seed: 42, processes };
  const { report, samples } = await runBench({ ...options, directory: engine.dataDir }, { onProgress });
  assert.deepEqual([...phases], ["connect", "open", "fund", "run", "verify", "reference"]);
  assert.equal(report.verified, true);
  assert.deepEqual(report.verification, {
    ok: true,
    outcomesOnce: true,
    unexpectedOutcomes: 0,
    firstUnexpected: null,
    commands: 5_402,
    wallets: 202,
    wrongWallets: 0,
    wrong: [],
    sum: "0",
    sweep: null,
  });
  assert.ok(samples.length > 0);
  assert.deepEqual([report.commands, report.refused, report.crossShare, report.shards], [5_000, 0, 0, 2]);
  assert.ok(report.settledPerSecond > 0 && report.acceptedPerSecond > 0);
  assert.ok(report.latencyMs.p50 > 0 && report.latencyMs.p50 <= report.latencyMs.p99);
  assert.deepEqual(Object.keys(report.cpu), ["generator", "engine"]);
  const { fsyncMs, pubAcksPerSecond, sqliteRowsPerSecond } = report.reference ?? {};
  assert.ok(fsyncMs && pubAcksPerSecond && sqliteRowsPerSecond);
});

test("a second run on the same installation is as clean, on one shard alone too", bound, async () => {
  const options = {
    servers: nats.url,
    tenant: "demo",
    wallets: 20,
    commands: 1_000,
    seed: 42,
    reference: false,
  };
  const { report } = await runBench({ ...options, shard: 1, frameCommands: 7, inFlight: 3 });
  assert.equal(report.verified, true);
  assert.equal(report.commands, 1_001);
  assert.equal(report.reference, null);
});

test("verification finds money that is not where the outcomes say", bound, async () => {
  const tenant = parseTenant("demo");
  assert.ok(tenant);
  const fleet = new Fleet({ tenant, shards: 2, shardsUsed: [0], walletsPerShard: 2, token: "verify" });
  await using coffer = await connect({ servers: nats.url, tenant });
  const [wallet, other, source] = [fleet.wallet(0), fleet.wallet(1), fleet.sourceOn(0)];
  await coffer.sendMany([
    { op: "open", wallet: source.wallet, asset: "USD/2", min: "unlimited" },
    { op: "open", wallet: wallet.wallet, asset: "USD/2" },
    { op: "open", wallet: other.wallet, asset: "USD/2" },
    { op: "transfer", from: source.wallet, to: wallet.wallet, amount: 70n },
  ]);
  const { nc } = await nats.connect("verify");
  const clock = { wallMs: Date.now, steadyMs: performance.now.bind(performance), uniqueBytes: randomBytes };
  const parts = { nc, tenant, fleet, clock, generator: { strays: 0 }, progress: () => undefined };
  const run = { parts, results: [] };
  fleet.move(fleet.sourceNumber(0), 0, 70);
  assert.deepEqual((await verifyFleet(run)).ok, true);
  const late = await verifyFleet({ ...run, parts: { ...parts, generator: { strays: 1 } } });
  assert.deepEqual([late.ok, late.outcomesOnce], [false, false]);
  fleet.move(0, 1, 1);
  const found = await verifyFleet(run);
  assert.deepEqual([found.ok, found.wrongWallets, found.sum], [false, 2, "0"]);
  assert.match(found.wrong.join("\n"), /: posted 70, held 0, incoming 0; expected 69, 0, 0/);
  fleet.move(1, 0, 1);
  fleet.move(fleet.sourceNumber(0), 0, 5);
  assert.match(
    (await verifyFleet(run)).wrong.join("\n"),
    /: posted -70, held 0, incoming 0; expected -75, 0, 0/,
  );
});

test("what cannot be run is a failure that says why", bound, async () => {
  const cases = [
    [{ servers: "nats://127.0.0.1:1" }, /^no NATS server answers/],
    [{ scenario: "nothing" }, /^no such scenario; there are: frames/],
    [{ shard: 2 }, /^there is no shard 2/],
    [{ tenant: "No" }, /^the tenant's name/],
  ] as const;
  for (const [options, message] of cases) {
    await assert.rejects(runBench({ servers: nats.url, tenant: "demo", ...options }), (error) => {
      return error instanceof BenchFailure && message.test(error.message);
    });
  }
});

test("a run that loses its connection fails, and does not wait for ever", bound, async () => {
  const second = await startTestNats({ shards: 2 });
  const dying = await startEngine({ natsUrl: second.url, shards: 2 });
  const options = { servers: second.url, tenant: "demo", wallets: 20, seconds: 60, reference: false };
  const onProgress = ({ phase, done }: BenchProgress): void => {
    if (phase === "run" && done > 0) void second.server().stop();
  };
  try {
    await assert.rejects(runBench(options, { onProgress }), BenchFailure);
  } finally {
    await dying.kill();
    await dying.stop();
    await second.stop();
  }
});
