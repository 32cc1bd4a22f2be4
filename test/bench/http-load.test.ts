// The load scripts measure what they say, and a result is verified only if every wallet holds what the answers said.
// Small loads on the real baseline: the gateway serves the same routes.
// Guards against: a verification that cannot fail, and percentiles that leave out the requests that had to wait.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, type TestContext, test } from "node:test";
import pg from "pg";
import { type Baseline, startBaseline } from "../../bench/baseline/baseline.ts";
import { HttpApi } from "../../bench/http/http-api.ts";
import { HttpFleet } from "../../bench/http/http-fleet.ts";
import { httpPlot } from "../../bench/http/http-plot.ts";
import { scenarioReport } from "../../bench/http/http-report.ts";
import { runSlice, type Slice } from "../../bench/http/http-slice.ts";
import { verifyLoad } from "../../bench/http/http-verification.ts";
import {
  LOADS,
  type LoadName,
  type LoadPhase,
  type LoadPlan,
  phaseNamed,
} from "../../bench/http/load-plan.ts";
import { runLoad } from "../../bench/http/load-process.ts";
import { gatewayIn } from "../../bench/http/loaded-system.ts";
import { requestSource } from "../../bench/http/request-source.ts";
import { LatencyHistogram } from "../../bench/latency-histogram.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { xmlElements } from "./xml-shape.ts";

let baseline: Baseline;
before(async () => {
  baseline = await startBaseline({ env: process.env, secret: randomBytes(32) });
});
after(async () => {
  await baseline.stop();
});

const token = (): string => randomBytes(8).toString("hex");
const load = (changes: Partial<LoadPhase> = {}): LoadPhase => {
  return {
    name: "load",
    seconds: 1,
    connections: 10,
    clients: 10,
    patience: 1,
    ratePerSecond: null,
    ...changes,
  };
};
const small = { load: "uniform", phases: [load()], hotWallets: 3, shards: 4, seed: 7 } as const;
const planFor = (changes: Partial<LoadPlan>): LoadPlan => {
  const { url, key } = baseline;
  const wallets = ["a-1:usd", "a-2:usd", "a-3:usd", "a-4:usd", "a-5:usd", "a-6:usd"];
  return { ...small, url, key, wallets, token: token(), ...changes };
};
const parts = () => ({ token: token(), clock: { wallMs: () => Date.now() }, onProgress: () => undefined });
/** The baseline as a system that the slices do not stop. */
const kept = () => ({ ...baseline, about: "baseline", stop: () => Promise.resolve() });

test("each load is answered, verified, and moves what its book says", async () => {
  const seen = async (name: LoadName) => {
    const hotWallets = name === "single-hot" ? 1 : 3;
    const plan = { ...small, load: name, hotWallets, walletCount: 40, measured: "load", maySpare: false };
    const slice = await runSlice(kept(), plan, parts());
    const { verification, result, load: measured } = slice;
    assert.equal(verification.ok, true, `${name}: ${JSON.stringify(verification)}`);
    assert.deepEqual([verification.wallets, verification.sum], [41, "0"]);
    assert.ok(slice.settledPerSecond > 0 && measured.generatorMicros > 0 && measured.samples.length > 0);
    assert.ok(result.changes.some((change) => change !== 0));
    assert.deepEqual(Object.keys(slice.usage).sort(), ["baseline", "postgres"]);
    const [usual = "201", ...others] = STATUSES[name] ?? ["201"];
    assert.ok(Object.hasOwn(measured.statuses, usual));
    for (const status of Object.keys(measured.statuses))
      assert.ok([usual, ...others].includes(status), status);
  };
  await Promise.all(LOADS.filter((name) => name !== "claims").map(seen));
});
/** Statuses of answers, the one that always comes first, where they are not that of a transfer that settled. */
const STATUSES: Readonly<Record<string, string[]>> = {
  batches: ["200"],
  reads: ["200", "201"],
  storm: ["201", "422"],
};

test("money that appears, disappears or lies in the wrong wallet is no verified result", async () => {
  const api = new HttpApi(baseline.url, baseline.key);
  const fleet = new HttpFleet(token(), 20);
  await fleet.prepare(api);
  const plan = planFor({ wallets: fleet.wallets });
  const result = await runLoad(plan);
  const verify = async () => await verifyLoad({ api, fleet, maySpare: false }, result);
  assert.equal((await verify()).ok, true);
  const { host, port, user, database } = baseline.postgres;
  const client = new pg.Client({ host, port, user, database });
  await client.connect();
  const tamper = async (wallet: string | undefined, change: number) =>
    await client.query("UPDATE wallets SET posted = posted + $1 WHERE wallet = $2", [change, wallet]);
  const [one, other] = fleet.wallets;
  await tamper(one, 1);
  const made = await verify();
  assert.deepEqual([made.ok, made.wrongWallets, made.sum], [false, 1, "1"]);
  await tamper(other, -1);
  const moved = await verify();
  assert.deepEqual([moved.ok, moved.wrongWallets, moved.sum], [false, 2, "0"]);
  await tamper(one, -1);
  await tamper(other, 1);
  assert.equal((await verify()).ok, true);
  await client.end();
  const [phase] = result.phases;
  assert.ok(phase !== undefined);
  for (const verdict of ["shed", "open", "wrong"] as const) {
    const verdicts = { ...phase.verdicts, [verdict]: 2 };
    const refusing = { ...result, phases: [{ ...phase, verdicts }] };
    const refused = await verifyLoad({ api, fleet, maySpare: false }, refusing);
    assert.deepEqual([refused.ok, refused.unexpectedAnswers], [false, 2]);
    const spared = await verifyLoad({ api, fleet, maySpare: true }, refusing);
    assert.equal(spared.ok, verdict !== "wrong");
  }
});

test("a load whose requests are refused counts none of them as settled", async () => {
  const result = await runLoad(planFor({ key: "coffer.nobody.nothing", phases: [load({ seconds: 0.5 })] }));
  const { statuses, verdicts, settled } = phaseNamed(result, "load");
  assert.deepEqual(Object.keys(statuses), ["401"]);
  assert.ok(verdicts.wrong > 0 && settled === 0);
  assert.ok(result.examples[0]?.includes("401"));
  assert.ok(result.changes.every((change) => change === 0));
});

/** Answers each request as `answer` says. */
async function startServer(t: TestContext, answer: (response: ServerResponse) => void): Promise<string> {
  const server: Server = createServer((request, response) => {
    request.resume();
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const end = (response: ServerResponse, status: number, body: string, headers: object = {}): void => {
  response.writeHead(status, { "content-length": body.length, ...headers }).end(body);
};

test("at a fixed rate the requests that had to wait are in the percentiles", async (t) => {
  // Answers after 300 ms: ten connections make 33 requests a second, 100 are due.
  const url = await startServer(t, (response) => void setTimeout(() => end(response, 201, "{}"), 300));
  const run = async (ratePerSecond: number | null) => {
    const phases = [load({ ratePerSecond })];
    const { latencies, verdicts, unsent } = phaseNamed(await runLoad(planFor({ url, phases })), "load");
    const latency = LatencyHistogram.of(latencies["transfer"] ?? { counts: [], sumMs: 0, maxMs: 0 });
    const count = latency.parts.counts.reduce((sum, [, each]) => sum + each, 0);
    return { answered: verdicts.good, unsent, count, p50: latency.summary().p50 };
  };
  const [closed, paced] = [await run(null), await run(100)];
  assert.deepEqual([closed.count, closed.unsent], [closed.answered, 0]);
  // Of 100 that were due most were never sent: they count as long as they had waited. Nobody waited less than 300 ms.
  assert.ok(paced.unsent >= 40, `${paced.unsent} were not sent`);
  assert.equal(paced.count, paced.answered + paced.unsent);
  const sum = paced.answered + paced.unsent;
  assert.ok(sum >= 80 && sum <= 130, `${sum} were due`);
});

test("a warm-up is counted by itself, on the connections of what follows", async (t) => {
  const sockets = new Set<unknown>();
  const url = await startServer(t, (response) => {
    sockets.add(response.socket);
    end(response, 201, "{}");
  });
  const phases = [load({ name: "warm-up", seconds: 0.4 }), load({ seconds: 0.8 })];
  const result = await runLoad(planFor({ url, phases }));
  assert.equal(sockets.size, 10);
  const [warmUp, measured] = [phaseNamed(result, "warm-up"), phaseNamed(result, "load")];
  assert.ok(warmUp.settled > 0 && measured.settled > 0);
  assert.ok(warmUp.seconds < 0.5 && measured.seconds > 0.3, `${warmUp.seconds} s, ${measured.seconds} s`);
  for (const { settled, verdicts, latencies } of [warmUp, measured]) {
    assert.equal(verdicts.good, settled);
    assert.equal(
      latencies["transfer"]?.counts.reduce((sum, [, count]) => sum + count, 0),
      settled,
    );
  }
});

test("who is turned away comes back when he was told, and has moved nothing", async (t) => {
  let asked = 0;
  const url = await startServer(t, (response) => {
    asked += 1;
    end(response, 503, '{"code":"busy"}', { "retry-after": "60" });
  });
  const run = async (patience: number) =>
    await runLoad(planFor({ url, phases: [load({ seconds: 0.5, clients: 25, patience })] }));
  const result = await run(1);
  const { verdicts, settled, latencies } = phaseNamed(result, "load");
  // 25 clients share 10 connections; each asks once and waits for a minute.
  assert.deepEqual([asked, verdicts.shed, settled], [25, 25, 0]);
  assert.deepEqual([result.unanswered, latencies["transfer"]?.counts], [[], []]);
  assert.ok(phaseNamed(await run(0), "load").verdicts.shed > 25);
});

test("what is pending or unknown is asked for at the end", async (t) => {
  let asked = 0;
  const url = await startServer(t, (response) => {
    asked += 1;
    if (asked === 1) end(response, 202, '{"status":"pending"}');
    else if (asked === 2) end(response, 503, '{"code":"unknown"}');
    else end(response, 201, "{}");
  });
  const result = await runLoad(
    planFor({ url, phases: [load({ seconds: 0.3, connections: 1, clients: 1 })] }),
  );
  assert.equal(phaseNamed(result, "load").verdicts.open, 2);
  // The third may be the one that was under way at the end.
  assert.ok(result.unanswered.length >= 2 && result.unanswered.length <= 3);
  const ids = result.unanswered.map(({ body }) => JSON.parse(body).id);
  assert.equal(new Set(ids).size, ids.length);
});

test("ids of a load are command ids, none twice, and a pair is never one wallet", () => {
  for (const name of ["uniform", "hot", "single-hot", "batches", "cross"] as const) {
    const source = requestSource(planFor({ load: name }));
    const lane = source.lane();
    const bodies = Array.from({ length: 50 }, () => bodyOf(lane.next(0)));
    const ids = bodies.flatMap((body) => [...body.matchAll(/"id":"([^"]+)"/g)].map(([, id = ""]) => id));
    assert.equal(new Set(ids).size, 50 * source.commandsPerRequest);
    assert.ok(ids.every((id) => parseCommandId(id) === id));
    for (const { from, to, amount } of bodies.flatMap(transfersIn)) {
      assert.notEqual(from, to);
      assert.equal(amount, "1");
    }
  }
});

interface SentTransfer {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly amount: string;
}
const bodyOf = (bytes: Buffer): string => {
  const [head = "", body = ""] = bytes.toString().split("\r\n\r\n");
  assert.ok(head.includes(`content-length: ${body.length}`));
  return body;
};
const transfersIn = (body: string): SentTransfer[] => {
  const value: SentTransfer & { commands?: SentTransfer[] } = JSON.parse(body);
  return value.commands ?? [value];
};

test("a report has the rates of all slices, and is verified only if each of them is", () => {
  const latency = new LatencyHistogram();
  latency.add(10, 99);
  latency.add(200, 1);
  const slice = (settledPerSecond: number, ok: boolean): Slice => {
    const measured = {
      ...{ name: "load", seconds: 2, settled: settledPerSecond * 2, unsent: 0, generatorMicros: 30 },
      ...{ statuses: { 201: settledPerSecond * 2 }, samples: [], latencies: { transfer: latency.parts } },
      verdicts: { good: settledPerSecond * 2, shed: 0, open: 0, wrong: 0 },
    };
    const noted = { unexpectedAnswers: 0, examples: [], errors: 0, sentAgain: 0 };
    return {
      ...{ about: "x", settledPerSecond, usage: { x: { cpu: 0.5, rssBytes: 100 } }, load: measured },
      memory: [{ atMs: 1, rssBytes: new Map([["gateway", settledPerSecond * 2 ** 20]]) }],
      result: { phases: [measured], changes: [], unanswered: [], errors: 0, examples: [] },
      verification: { ok, ...noted, wallets: 1, wrongWallets: 0, wrong: [], sum: "0" },
    };
  };
  const report = scenarioReport([slice(100, true), slice(300, true)], [slice(50, true)], "strict");
  assert.deepEqual(
    [report.settledPerSecond, report.baselinePerSecond, report.ratioToBaseline, report.verified],
    [200, 50, 4, true],
  );
  assert.equal(report.gatewayRssMb, 300);
  assert.ok(report.latencyMs.p95 < 11 && report.latencyMs.max === 200);
  assert.deepEqual(report.system.statuses, { 201: 800 });
  assert.equal(scenarioReport([slice(1, true)], [slice(1, false)], "strict").verified, false);
  const unproved = { paced: slice(50, false), surge: null, claims: null };
  assert.equal(scenarioReport([slice(1, true)], [slice(1, true)], "strict", unproved).verified, false);
  assert.equal(scenarioReport([slice(1, true)], [], "strict").ratioToBaseline, null);
});

test("a figure is a document, also of nothing", () => {
  const sample = { seconds: 1, settled: 100, latencyMs: { p50: 1, p95: 2, p99: 3 } };
  const systems = [
    { name: "Coffer", samples: [sample, { ...sample, latencyMs: null }] },
    { name: "<&>", samples: [] },
  ];
  for (const each of [systems, []])
    assert.equal(xmlElements(httpPlot({ title: "t", subtitle: "s", systems: each }))[0]?.name, "svg");
});

test("the line that names the gateway is told from all others", () => {
  const line = '{"gateway":{"url":"http://127.0.0.1:1","key":"coffer.a.b","docs":"x"}}';
  assert.deepEqual(gatewayIn(line), { url: "http://127.0.0.1:1", key: "coffer.a.b" });
  for (const other of ['{"ready":true}', "text", "null", '{"gateway":{"url":1}}'])
    assert.equal(gatewayIn(other), null);
});
