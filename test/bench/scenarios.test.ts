// Every scenario, run end to end on one small installation: it settles, proves itself, and reports what is its own.
// Few commands each; speed is reported and never asserted.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { bytesPerCommand, diskBytesOf } from "../../bench/disk-usage.ts";
import { runBench } from "../../bench/main.ts";
import type { BenchOptions, BenchReport, BenchRun } from "../../bench/report.ts";
import { SCENARIOS } from "../../bench/scenario-table.ts";
import { transferCommand } from "../../bench/transfer-frame.ts";
import { verifyFiles } from "../../cli/file-verification.ts";
import { encodeCommandFrame } from "../../protocol/command-frame.ts";
import { frameSubject } from "../../protocol/subject.ts";
import { makeDataDir, startEngine, type TestEngine } from "../support/engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const bound = { timeout: 90_000 };
const SHARDS = 4;

let nats: TestNats;
let engine: TestEngine;
let dataDir: string;
before(async () => {
  nats = await startTestNats({ shards: SHARDS });
  dataDir = await makeDataDir(SHARDS);
  engine = await startEngine({ natsUrl: nats.url, shards: SHARDS, dataDir });
});
after(async () => {
  await engine?.stop();
  await nats?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function run(options: Partial<BenchOptions>, onPrepared?: () => Promise<void>): Promise<BenchRun> {
  const few = { wallets: 40, commands: 300, frameCommands: 20, reference: false, seed: 3 };
  const listener = onPrepared === undefined ? {} : { onPrepared };
  return await runBench({ servers: nats.url, tenant: "demo", ...few, ...options }, listener);
}

/** What each scenario adds to the proof that all have. */
const OWN: Readonly<Record<string, (report: BenchReport) => void>> = {
  frames: ({ crossShare }) => assert.equal(crossShare, 0),
  singles: ({ crossShare, frameCommands, ...more }) =>
    assert.deepEqual([crossShare, more["encoding"]], [0, "json"]),
  cross: ({ crossShare }) => assert.ok(crossShare > 0.6 && crossShare < 0.9, String(crossShare)),
  hot: (report) => {
    assert.equal(report["slices"], 8);
    assert.ok(Number(report["hotRatio"]) > 0 && Number(report["uniformPerSecond"]) > 0);
    assert.equal(report.settledPerSecond > 0, true);
  },
  "fan-out": ({ crossShare }) => assert.ok(crossShare > 0.6 && crossShare < 0.9, String(crossShare)),
  "many-legs": ({ commands, ...more }) => {
    const legs = Number(more["legs"]);
    assert.ok(legs >= 16 * commands && legs <= 64 * commands, String(legs));
  },
  holds: ({ refused }) => assert.equal(refused, 0),
  mixed: ({ refused, crossShare, ...more }) => {
    assert.ok(refused > 0 && Number(more["refusedAsExpected"]) >= refused);
    assert.ok(crossShare > 0 && Number(more["reads"]) > 0);
  },
};

/** Scenarios that are meant to run long: test/bench/long-run.test.ts shortens each in a way of its own. */
const LONG: readonly string[] = ["growth", "soak", "idle"];

for (const [name, { defaults }] of SCENARIOS) {
  if (LONG.includes(name)) continue;
  test(`${name} settles what it sends, and every balance is what its book says`, bound, async () => {
    const commands = name === "many-legs" ? 30 : 300;
    const { report, samples } = await run({ scenario: name, commands, frameCommands: 20 });
    assert.deepEqual(report.verification.wrong, []);
    assert.equal(report.verified, true, JSON.stringify(report.verification));
    assert.equal(report.verification.outcomesOnce, true);
    assert.equal(report.verification.sum, "0");
    assert.ok(report.settledPerSecond > 0 && samples.length > 0);
    assert.ok(defaults.seconds + defaults.warmUpSeconds <= 60);
    OWN[name]?.(report);
  });
}

test("holds over two shards come to the same end", bound, async () => {
  const { report } = await run({ scenario: "holds", crossShare: 1 });
  assert.deepEqual([report.verified, report.crossShare], [true, 1]);
});

test("single commands go as frames of one too", bound, async () => {
  const { report } = await run({ scenario: "singles", encoding: "msgpack" });
  assert.deepEqual([report.verified, report["encoding"], report.commands], [true, "msgpack", 300]);
  assert.equal(report.frameCommands, 1, "whatever was asked for");
});

test("the share of transfers over two shards is the one that was asked for, as measured", bound, async () => {
  const { report } = await run({ crossShare: 0.25, distribution: "zipfian", commands: 2_000 });
  assert.equal(report.verified, true);
  assert.ok(Math.abs(report.crossShare - 0.25) < 0.05, String(report.crossShare));
});

test(
  "what the engine cannot see of a command's time is the rest of what its caller sees",
  bound,
  async () => {
    const { report } = await run({
      scenario: "frames",
      ratePerSecond: 2_000,
      frameCommands: 10,
      warmUpSeconds: 0.2,
    });
    const { phases, caller, latencyMs } = report;
    assert.ok(phases !== null && caller !== null);
    assert.ok(caller.publishMicros > 0 && phases.totalMicros > 0, JSON.stringify(caller));
    assert.ok(Math.abs(caller.publishMicros + phases.totalMicros - caller.meanMicros) < 0.01);
    assert.ok(caller.meanMicros > 0 && caller.meanMicros < latencyMs.max * 1_000, JSON.stringify(latencyMs));
  },
);

test("an open loop offers its rate, and says whether it kept it", bound, async () => {
  const before = await Promise.all([dataDir, nats.directory].map(diskBytesOf));
  const { report, settled } = await run({ ratePerSecond: 1_000, frameCommands: 1, commands: 500 });
  assert.deepEqual([report.verified, report.offeredPerSecond, report.commands], [true, 1_000, 500]);
  assert.equal(typeof report.scheduleKept, "boolean");
  assert.ok(report.publishedPerSecond <= 1_050, "never faster than the schedule");
  const overload = await run({ ratePerSecond: 900_000, inFlight: 1, frameCommands: 1, commands: 200 });
  assert.equal(overload.report.scheduleKept, false);
  assert.ok(overload.report.scheduleLagMs > 0);
  assert.ok(
    overload.report.latencyMs.max >= overload.report.scheduleLagMs * 0.97,
    "counted from the schedule",
  );
  const grown = await Promise.all([dataDir, nats.directory].map(diskBytesOf));
  const [files, stores] = grown.map((bytes, index) =>
    bytesPerCommand(before[index] ?? bytes, bytes, settled),
  );
  assert.ok(files && stores && files.sqlite > 0 && stores.log > 0, JSON.stringify([files, stores]));
});

test("what a warm-up sent is proven and in no figure", bound, async () => {
  const warmed = { warmUpSeconds: 0.5, ratePerSecond: 2_000, frameCommands: 10 };
  const { report, samples, settled } = await run({ ...warmed, scenario: "cross", commands: 600 });
  assert.deepEqual([report.verified, report.commands, report.warmUpSeconds], [true, 600, 0.5]);
  const before = settled - report.commands;
  assert.ok(before > 0 && before <= 1_000, `${before} commands warmed up`);
  const prepared = 2 * 40 + SHARDS;
  assert.equal(report.verification.commands, prepared + settled, "every one is in the proof");
  // Over 0.3 s; with the warm-up's time in it 750 a second at most, with its commands far more than the schedule has.
  const { publishedPerSecond } = report;
  assert.ok(publishedPerSecond > 800 && publishedPerSecond <= 2_200, String(publishedPerSecond));
  assert.ok(report.crossShare > 0.6 && report.crossShare < 0.9, String(report.crossShare));
  const counted = report.phases?.commands ?? 0;
  assert.ok(
    counted >= report.commands && counted < 2 * report.commands,
    `${counted} went through the phases`,
  );
  const sum = (isWarmUp: boolean): number =>
    samples
      .filter((sample) => sample.isWarmUp === isWarmUp)
      .reduce((all, { settledPerSecond, seconds }) => all + settledPerSecond * seconds, 0);
  assert.deepEqual([Math.round(sum(true) / 10) * 10, Math.round(sum(false) / 10) * 10], [before, 600]);
});

for (const name of ["frames", "singles", "hot", "fan-out", "many-legs", "holds", "mixed"])
  test(`${name} warms up, and what it adds to the report is of what is measured`, bound, async () => {
    const { report, samples, settled } = await run({ scenario: name, warmUpSeconds: 0.3, frameCommands: 20 });
    assert.equal(report.verified, true, JSON.stringify(report.verification));
    assert.ok(samples.some(({ isWarmUp }) => isWarmUp) && samples.some(({ isWarmUp }) => !isWarmUp));
    assert.ok(settled > report.commands);
    OWN[name]?.(report);
  });

test("a book that is wrong is told, and the run is not verified", bound, async () => {
  const frames = SCENARIOS.get("frames");
  assert.ok(frames);
  const wrong = {
    ...frames,
    run: async (stage: Parameters<typeof frames.run>[0]) => {
      stage.parts.fleet.move(0, 1, 1);
      return await frames.run(stage);
    },
  };
  const { report } = await runBench(
    { servers: nats.url, tenant: "demo", wallets: 8, commands: 20, frameCommands: 5, reference: false },
    {},
    wrong,
  );
  assert.equal(report.verified, false);
  assert.deepEqual([report.verification.wrongWallets, report.verification.sum], [2, "0"]);
});

test(
  "an outcome that comes again when all is settled is noticed, and the run is not verified",
  bound,
  async () => {
    const frames = SCENARIOS.get("frames");
    assert.ok(frames);
    const doubled = {
      ...frames,
      run: async (stage: Parameters<typeof frames.run>[0]) => {
        const { nc, reply } = stage.parts;
        let heard: Uint8Array = new Uint8Array();
        const hearing = nc.subscribe(reply, {
          callback: (_, { data }) => {
            heard = Uint8Array.from(data);
          },
        });
        const extras = await frames.run(stage);
        hearing.unsubscribe();
        nc.publish(reply, heard);
        return extras;
      },
    };
    const options = { servers: nats.url, tenant: "demo", wallets: 8, commands: 20, reference: false };
    const { report } = await runBench(options, {}, doubled);
    const { ok, outcomesOnce, wrongWallets } = report.verification;
    assert.deepEqual([report.verified, ok, outcomesOnce, wrongWallets], [false, false, false, 0]);
  },
);

test("mixed opens no more wallets of one owner than there may be", bound, async () => {
  const few = { scenario: "mixed", shard: 1, wallets: 2, commands: 60_000, frameCommands: 100 };
  const { report } = await run(few);
  assert.equal(report.verified, true, JSON.stringify(report.verification));
  assert.ok(report.verification.wallets > 1_500, `${report.verification.wallets} wallets were opened`);
});

test(
  "a refusal that no scenario expects is told with its code, and the run is not verified",
  bound,
  async () => {
    const frames = SCENARIOS.get("frames");
    assert.ok(frames);
    const refused = {
      ...frames,
      run: async (stage: Parameters<typeof frames.run>[0]) => {
        const { fleet, ids, reply, tenant } = stage.parts;
        const [from, to] = [fleet.wallet(0), fleet.wallet(1)];
        let isSent = false;
        await stage.load({
          encoding: "frame",
          crossed: 0,
          next: (number, wallMs) => {
            if (isSent) return null;
            isSent = true;
            const commands = [transferCommand(ids, { number, from, to, amount: 1e15 }, wallMs)];
            const bytes = encodeCommandFrame({ reply, commands });
            return { subject: frameSubject(from.shard, tenant), count: 1, bytes };
          },
        });
        return {};
      },
    };
    const options = { servers: nats.url, tenant: "demo", wallets: 8, reference: false };
    const { report } = await runBench(options, {}, refused);
    const { ok, unexpectedOutcomes, firstUnexpected, wrongWallets } = report.verification;
    assert.deepEqual([report.verified, ok, report.refused], [false, false, 1]);
    assert.deepEqual([unexpectedOutcomes, firstUnexpected, wrongWallets], [1, "insufficient_funds", 0]);
  },
);

test("the files of everything above are clean", bound, async () => {
  await engine.end();
  const { clean, violations } = verifyFiles(dataDir, { deep: true, onProgress: () => undefined });
  assert.deepEqual([clean, violations], [true, []]);
});
