// What a gateway counts, writes and limits, in front of a real engine.
// Guards against: phases that do not add up, a key or ticket in a log, a log without a bound, a limited caller who is
// not told when to come back.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createHistogram } from "node:perf_hooks";
import { after, before, test } from "node:test";
import { DEFAULT_ADMISSION } from "../../gateway/admission/settings.ts";
import { makeLogger } from "../../gateway/log-writer.ts";
import { LoopDelay } from "../../gateway/loop-delay.ts";
import { COMMAND_PHASES } from "../../gateway/metrics/gateway-metrics.ts";
import { until } from "../support/condition.ts";
import { callHttp, type GatewaySite, startGatewaySite, startTestGateway, testClock } from "./gateway-site.ts";
import { SseReader } from "./live/sse-reader.ts";
import { Scrape } from "./scrape.ts";

let site: GatewaySite;
before(async () => {
  site = await startGatewaySite();
  for (const [wallet, min] of [
    ["mint:usd", "unlimited"],
    ["ann:usd", "0"],
  ])
    await site.call("POST", "/v1/wallets", { body: { id: randomUUID(), wallet, asset: "USD/2", min } });
});
after(async () => {
  assert.deepEqual(site.problems, []);
  await site.stop();
});

const pay = (): Record<string, string> => ({
  id: randomUUID(),
  from: "mint:usd",
  to: "ann:usd",
  amount: "1",
});

/** Lines that a logger wrote. */
function logOf(level: "warn" | "debug"): {
  lines: Record<string, unknown>[];
  logger: ReturnType<typeof makeLogger>;
} {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { lines, logger: makeLogger(level, () => 0, { write }) };
}

test("a key beyond its rate gets 429, its quota, and when to come back; so does a batch", async () => {
  const gateway = await startTestGateway(site.nats.url, site.keys, undefined, 5_000, {
    options: { rates: { key: 1, owner: 1_000 } },
  });
  try {
    const call = (path: string, body: unknown) => callHttp(gateway.url, "POST", path, { body });
    const statuses: number[] = [];
    while (!statuses.includes(429)) statuses.push((await call("/v1/transfers", pay())).status);
    assert.deepEqual(statuses.slice(0, 2), [201, 201]);
    const commands = [{ op: "transfer", ...pay() }];
    for (const answer of [await call("/v1/transfers", pay()), await call("/v1/batches", { commands })]) {
      assert.equal(answer.status, 429, answer.text);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      const { code, final } = answer.json;
      assert.deepEqual([code, final], ["rate_limited", false]);
      assert.match(answer.headers.get("x-request-id") ?? "", /^[0-9a-f]{10}-\d+$/);
      assert.match(answer.headers.get("ratelimit") ?? "", /^"key";r=0;t=1$/);
      assert.match(
        answer.headers.get("ratelimit-policy") ?? "",
        /^"key";q=2;w=2, "tenant";.*"owner";q=2000;w=2$/,
      );
      assert.match(answer.headers.get("retry-after") ?? "", /^[12]$/);
    }
    const read = await callHttp(gateway.url, "GET", "/v1/wallets/ann:usd", { key: "read" });
    assert.equal(read.status, 200, "another key has its own rate");
  } finally {
    await gateway.stop();
  }
});

test("commands of a batch beyond the owner's rate are told so one by one, and the others go on", async () => {
  const gateway = await startTestGateway(site.nats.url, site.keys, undefined, 5_000, {
    options: { rates: { owner: 1 } },
  });
  try {
    const commands = Array.from({ length: 4 }, () => ({ op: "transfer", ...pay() }));
    const { json } = await callHttp(gateway.url, "POST", "/v1/batches", { body: { commands } });
    const told = (json["outcomes"] as { status: string; code?: string }[]).map(
      ({ status, code }) => code ?? status,
    );
    assert.deepEqual(told, ["posted", "posted", "rate_limited", "rate_limited"]);
    assert.equal((await Scrape.of(gateway.url)).value("unanswered_commands"), 0);
  } finally {
    await gateway.stop();
  }
});

test("the phases of commands add up to their total, and each has been measured", async () => {
  const before = await Scrape.of(site.gateway.url);
  const count = 20;
  for (let index = 0; index < count; index += 1)
    assert.equal((await site.call("POST", "/v1/transfers", { body: pay() })).status, 201);
  const shown = await Scrape.of(site.gateway.url);
  const grown = (series: string): number => shown.value(series) - before.value(series);
  const sumOf = (phase: string): number => grown(`command_seconds_sum{phase="${phase}"}`);
  const phases = COMMAND_PHASES.map(sumOf);
  const total = sumOf("total");
  assert.ok(Math.abs(phases.reduce((sum, each) => sum + each, 0) - total) < 1e-6, `${phases} ${total}`);
  for (const [index, phase] of COMMAND_PHASES.entries()) {
    assert.ok((phases[index] ?? 0) > 0, `${phase} takes time`);
    assert.equal(grown(`command_seconds_count{phase="${phase}"}`), count);
  }
  assert.equal(grown('outcomes_total{code="posted"}'), count);
  assert.equal(grown('requests_total{route="POST /v1/transfers",status="201"}'), count);
});

test("a scrape shows the frames that commands left in, streams of live events and tenants' clients", async () => {
  const commands = Array.from({ length: 20 }, () => ({ op: "transfer", ...pay() }));
  const before = await Scrape.of(site.gateway.url);
  assert.equal((await site.call("POST", "/v1/transfers", { body: pay() })).status, 201);
  assert.equal((await site.call("POST", "/v1/batches", { body: { commands } })).status, 200);
  const shown = await Scrape.of(site.gateway.url);
  const grown = (part: string): number =>
    shown.value(`frame_commands_${part}`) - before.value(`frame_commands_${part}`);
  assert.deepEqual(["sum", "count", 'bucket{le="1"}', 'bucket{le="10"}', 'bucket{le="20"}'].map(grown), [
    ...[21, 2, 1, 1, 2],
  ]);
  assert.deepEqual([shown.value("event_streams"), shown.value("tenant_clients")], [0, 1]);
  const reader = SseReader.open(site.gateway.url, { owners: ["ann"] });
  const streams = async (): Promise<number> => (await Scrape.of(site.gateway.url)).value("event_streams");
  await until("a stream has a place", async () => (await streams()) === 1);
  reader.close();
  await until("its place is given back", async () => (await streams()) === 0);
});

test("a request's id and trace are its caller's, and lead from the answer to the line with the command", async () => {
  const { lines, logger } = logOf("debug");
  const gateway = await startTestGateway(site.nats.url, site.keys, undefined, 5_000, { parts: { logger } });
  try {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { "x-request-id": "order-7.a", traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    const body = pay();
    const answer = await callHttp(gateway.url, "POST", "/v1/transfers", { body, headers });
    assert.equal(answer.headers.get("x-request-id"), "order-7.a");
    const line = lines.find(({ requestId }) => requestId === "order-7.a");
    const { traceId, commandId, status, route } = line ?? {};
    assert.deepEqual([traceId, commandId, status, route], [trace, body["id"], 201, "/v1/transfers"]);
    const bad = { headers: { "x-request-id": "no spaces", traceparent: "00-0-0-0" }, body: {} };
    const refused = await callHttp(gateway.url, "POST", "/v1/transfers", bad);
    const given = refused.headers.get("x-request-id");
    assert.match(String(given), /^[0-9a-f]{10}-\d+$/);
    const { requestId, code, traceId: none } = lines.at(-1) ?? {};
    assert.deepEqual([requestId, code, none], [given, "id_invalid", undefined]);
  } finally {
    await gateway.stop();
  }
});

test("no key, ticket or body is written, whatever is", async () => {
  const { lines, logger } = logOf("debug");
  const keys = site.keys.add("coffer.id.hush", "admin");
  const gateway = await startTestGateway(site.nats.url, keys, undefined, 5_000, { parts: { logger } });
  try {
    const call = { key: "coffer.id.hush", body: { ...pay(), ref: "hush" } };
    await callHttp(gateway.url, "POST", "/v1/transfers?ticket=hush", call);
    await callHttp(gateway.url, "POST", "/v1/transfers", call);
    await callHttp(gateway.url, "GET", "/v1/wallets/ann:usd?ticket=hush", { key: "coffer.id.hush" });
    assert.equal(lines.length, 3);
    const secret = { authorization: "hush", ticket: "hush", key: "hush" };
    logger.warn({ ...secret, headers: secret, request: { headers: secret, query: secret } }, "by mistake");
    assert.equal(lines.length, 4);
    assert.doesNotMatch(JSON.stringify(lines), /hush/);
  } finally {
    await gateway.stop();
  }
});

test("failures are written ten a second, and then it is said how many were not", async () => {
  const { lines, logger } = logOf("warn");
  let steadyMs = 1_000;
  const clock = { ...testClock, steadyMs: () => steadyMs };
  const parts = { logger, clock, areKeysReady: () => false };
  const gateway = await startTestGateway(site.nats.url, site.keys, undefined, 5_000, { parts });
  try {
    const fail = () => callHttp(gateway.url, "GET", "/readyz", { key: null });
    for (let count = 0; count < 25; count += 1) assert.equal((await fail()).status, 503);
    assert.equal(lines.length, 10);
    steadyMs += 1_000;
    await fail();
    assert.deepEqual([lines.length, lines[10]?.["suppressed"], lines[10]?.["level"]], [11, 15, "error"]);
    await callHttp(gateway.url, "GET", "/livez", { key: null });
    assert.equal(lines.length, 11, "what goes well is not written");
  } finally {
    await gateway.stop();
  }
});

test("a late event loop sheds commands and reads, and nothing that is public", async () => {
  let delayMs = 0;
  const { lines, logger } = logOf("warn");
  const parts = { logger, loopDelayMs: () => delayMs };
  const options = { admission: { ...DEFAULT_ADMISSION, calm: 0 } };
  const gateway = await startTestGateway(site.nats.url, site.keys, undefined, 5_000, { options, parts });
  try {
    const status = async (path: string) => (await callHttp(gateway.url, "GET", path)).status;
    assert.equal(await status("/v1/wallets/ann:usd"), 200);
    delayMs = 5_000;
    await until("it sheds", async () => (await status("/v1/wallets/ann:usd")) === 503);
    assert.equal((await callHttp(gateway.url, "POST", "/v1/transfers", { body: pay() })).status, 503);
    for (const path of ["/livez", "/readyz", "/metrics", "/version"]) assert.equal(await status(path), 200);
    assert.deepEqual([lines[0]?.["msg"], lines[0]?.["reason"]], ["shedding", "event_loop"]);
    delayMs = 0;
    await until("it sheds no more", async () => (await status("/v1/wallets/ann:usd")) === 200);
  } finally {
    await gateway.stop();
  }
});

test("one stall is no late event loop; a second of them is, for as long as it lasts", () => {
  let nowMs = 0;
  const histogram = createHistogram();
  const delay = new LoopDelay(histogram, 10, () => nowMs);
  const measure = (ms: number, count: number): void => {
    for (let index = 0; index < count; index += 1) histogram.record(ms * 1e6);
  };
  measure(10, 60);
  measure(500, 1);
  assert.ok(delay.readMs() < 1, `${delay.readMs()} ms`);
  nowMs = 1_000;
  delay.readMs();
  measure(210, 10);
  assert.ok(delay.readMs() > 190, `${delay.readMs()} ms`);
  nowMs = 2_000;
  assert.ok(delay.readMs() > 190, `${delay.readMs()} ms`);
  measure(10, 90);
  assert.ok(delay.readMs() > 190, "the last second was late");
  nowMs = 3_000;
  assert.ok(delay.readMs() < 1, `${delay.readMs()} ms`);
});
