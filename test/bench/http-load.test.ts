// The load scripts measure what they say, and a result is verified only if every wallet holds what the answers said.
// Small loads on the real baseline: the gateway serves the same routes.
// Guards against: a verification that cannot fail, and percentiles that leave out the requests that had to wait.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import pg from "pg";
import { type Baseline, startBaseline } from "../../bench/baseline/baseline.ts";
import { HttpApi } from "../../bench/http/http-api.ts";
import { HttpFleet } from "../../bench/http/http-fleet.ts";
import { httpPlot } from "../../bench/http/http-plot.ts";
import { scenarioReport } from "../../bench/http/http-report.ts";
import { runSlice } from "../../bench/http/http-slice.ts";
import { verifyLoad } from "../../bench/http/http-verification.ts";
import { LOADS, type LoadPlan } from "../../bench/http/load-plan.ts";
import { runLoad } from "../../bench/http/load-process.ts";
import { gatewayIn } from "../../bench/http/loaded-system.ts";
import { RequestSource } from "../../bench/http/request-source.ts";
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
const small = {
  ...({ load: "uniform", connections: 10, warmUpSeconds: 0, seconds: 1, ratePerSecond: null } as const),
  ...{ hotWallets: 3, seed: 7 },
};
const planFor = (changes: Partial<LoadPlan>): LoadPlan => {
  const { url, key } = baseline;
  return {
    ...small,
    url,
    key,
    wallets: ["a-1:usd", "a-2:usd", "a-3:usd", "a-4:usd"],
    token: token(),
    ...changes,
  };
};
/** The baseline as a system that the slices do not stop. */
const kept = () => ({ ...baseline, about: "baseline", stop: () => Promise.resolve() });

test("each load is answered, verified, and moves what its book says", async () => {
  for (const load of LOADS) {
    const plan = { ...small, load, hotWallets: load === "single-hot" ? 1 : 3, walletCount: 40 };
    const slice = await runSlice(kept(), plan, { token: token(), onProgress: () => undefined });
    const { verification, result } = slice;
    assert.equal(verification.ok, true, `${load}: ${JSON.stringify(verification)}`);
    assert.deepEqual([verification.wallets, verification.sum], [41, "0"]);
    assert.ok(slice.settledPerSecond > 0 && result.generatorMicros > 0 && result.samples.length > 0);
    assert.ok(result.changes.some((change) => change !== 0));
    assert.deepEqual(Object.keys(slice.usage).sort(), ["baseline", "postgres"]);
    const status = load === "batches" ? "200" : "201";
    assert.deepEqual(Object.keys(result.statuses), [status]);
  }
});

test("money that appears, disappears or lies in the wrong wallet is no verified result", async () => {
  const api = new HttpApi(baseline.url, baseline.key);
  const fleet = new HttpFleet(token(), 20);
  await fleet.prepare(api);
  const plan = planFor({ wallets: fleet.wallets });
  const result = await runLoad(plan, () => undefined);
  const verify = async () => await verifyLoad({ api, fleet }, result, new RequestSource(plan));
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
  const refusing = { ...result, statuses: { ...result.statuses, 503: 2 } };
  const refused = await verifyLoad({ api, fleet }, refusing, new RequestSource(plan));
  assert.deepEqual([refused.ok, refused.unexpectedAnswers], [false, 2]);
});

test("a load whose requests are refused counts none of them as settled", async () => {
  const result = await runLoad(planFor({ key: "coffer.nobody.nothing" }), () => undefined);
  assert.deepEqual(Object.keys(result.statuses), ["401"]);
  assert.ok(result.changes.every((change) => change === 0));
});

test("at a fixed rate the requests that had to wait are in the percentiles", async (t) => {
  // Answers after 300 ms: ten connections make 33 requests a second, 100 are due.
  const server: Server = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.writeHead(201).end("{}"), 300);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  const run = async (ratePerSecond: number | null) =>
    await runLoad(planFor({ url: `http://127.0.0.1:${port}`, ratePerSecond }), () => undefined);
  const [closed, paced] = [await run(null), await run(100)];
  const answered = (result: typeof closed): number =>
    Object.values(result.statuses).reduce((a, b) => a + b, 0);
  const countOf = (result: typeof closed): number =>
    result.latency.counts.reduce((sum, [, count]) => sum + count, 0);
  assert.equal(countOf(closed), answered(closed));
  // Each answer stands for itself and for the one that was due 100 ms after it was sent, and for the next.
  assert.ok(countOf(paced) > answered(paced), `${countOf(paced)} of ${answered(paced)}`);
});

test("ids of a load are command ids, none twice, and a pair is never one wallet", () => {
  for (const load of LOADS) {
    const source = new RequestSource(planFor({ load }));
    const bodies = Array.from({ length: 50 }, () => source.next());
    const ids = bodies.flatMap(({ body }) => [...body.matchAll(/"id":"([^"]+)"/g)].map(([, id = ""]) => id));
    assert.equal(new Set(ids).size, 50 * source.commandsPerRequest);
    assert.ok(ids.every((id) => parseCommandId(id) === id));
    for (const { body, wallets } of bodies) {
      JSON.parse(body);
      for (let index = 0; index < wallets.length; index += 2)
        assert.notEqual(wallets[index], wallets[index + 1]);
    }
  }
});

test("a report has the rates of all slices, and is verified only if each of them is", () => {
  const latency = new LatencyHistogram();
  latency.add(10, 99);
  latency.add(200, 1);
  const slice = (settledPerSecond: number, ok: boolean) => ({
    ...{ about: "x", settledPerSecond, usage: { x: { cpu: 0.5, rssBytes: 100 } } },
    result: {
      ...{ seconds: 2, statuses: { 201: settledPerSecond * 2 }, warmUpStatuses: {}, latency: latency.parts },
      ...{ samples: [], commandsPerRequest: 1, changes: [], unanswered: [], errors: 0, generatorMicros: 30 },
    },
    verification: {
      ...{
        ok,
        unexpectedAnswers: 0,
        errors: 0,
        sentAgain: 0,
        wallets: 1,
        wrongWallets: 0,
        wrong: [],
        sum: "0",
      },
    },
  });
  const report = scenarioReport([slice(100, true), slice(300, true)], [slice(50, true)], "strict");
  assert.deepEqual(
    [report.settledPerSecond, report.baselinePerSecond, report.ratioToBaseline, report.verified],
    [200, 50, 4, true],
  );
  assert.ok(report.latencyMs.p95 < 11 && report.latencyMs.max === 200);
  assert.deepEqual(report.system.statuses, { 201: 800 });
  assert.equal(scenarioReport([slice(1, true)], [slice(1, false)], "strict").verified, false);
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
