// What a scrape shows after known requests.
// Guards against: phases that do not add up to the total, label sets that grow with what callers send.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AdmissionState } from "../../../gateway/admission/admission.ts";
import { COMMAND_PHASES, GatewayMetrics } from "../../../gateway/metrics/gateway-metrics.ts";

const shed = { window: 3, key_rate: 2 } as unknown as AdmissionState["shed"];
const state = { windowLimit: 256, inFlight: 7, p95Ms: 20, eventLoopDelayMs: 4, admitted: 11, shed };

function metricsOf(): GatewayMetrics {
  const readings = {
    admission: () => state,
    shardLagsMs: () => [0, 250],
    cache: () => ({ hits: 5 }),
    eventStreams: () => 12,
    tenantClients: () => 3,
  };
  return new GatewayMetrics(["ok", "insufficient_funds"], readings);
}

/** The value of one line of the text. */
async function shownValue(metrics: GatewayMetrics, series: string): Promise<number> {
  const line = (await metrics.text()).split("\n").find((each) => each.startsWith(`${series} `));
  assert.ok(line !== undefined, `${series} is shown`);
  return Number(line.slice(series.length + 1));
}

test("a scrape shows counts and readings, and shows the same when asked again", async () => {
  const metrics = metricsOf();
  const route = metrics.route("POST", "/v1/transfers");
  route.add(201);
  route.add(201);
  metrics.route("POST", "/v1/transfers").add(9_999);
  metrics.onOutcome("ok");
  metrics.onOutcome("made up by a caller");
  metrics.onBatch(20);
  const expected: readonly [series: string, value: number][] = [
    ['requests_total{route="POST /v1/transfers",status="201"}', 2],
    ['requests_total{route="POST /v1/transfers",status="599"}', 1],
    ['outcomes_total{code="ok"}', 1],
    ['outcomes_total{code="insufficient_funds"}', 0],
    ['outcomes_total{code="other"}', 1],
    ['shed_total{reason="window"}', 3],
    ["admitted_total", 11],
    ["batches_total", 1],
    ["batched_commands_total", 20],
    ['cache_total{kind="hits"}', 5],
    ["window_commands", 256],
    ["unanswered_commands", 7],
    ["event_loop_delay_seconds", 0.004],
    ['shard_lag_seconds{shard="1"}', 0.25],
    ["event_streams", 12],
    ["tenant_clients", 3],
  ];
  for (const round of [1, 2])
    for (const [series, value] of expected)
      assert.equal(
        await shownValue(metrics, `coffer_gateway_${series}`),
        value,
        `${series}, scrape ${round}`,
      );
});

test("the phases of commands add up to their total, whatever stamps are missing", async () => {
  const stamp = fc.oneof(fc.integer({ min: 0, max: 500 }), fc.constant(Number.NaN));
  const stamps = fc.record({
    admittedMs: stamp,
    sentMs: stamp,
    acceptedMs: stamp,
    settledMs: stamp,
    repliedMs: stamp,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(stamps, { minLength: 1, maxLength: 20 }), async (commands) => {
      const metrics = metricsOf();
      for (const each of commands) metrics.onReplied({ startedMs: 100, ...each });
      const of = (part: string, phase: string) =>
        shownValue(metrics, `coffer_gateway_command_seconds_${part}{phase="${phase}"}`);
      let sum = 0;
      for (const phase of COMMAND_PHASES) {
        sum += await of("sum", phase);
        assert.equal(await of("count", phase), commands.length);
      }
      assert.ok(Math.abs(sum - (await of("sum", "total"))) < 1e-9);
    }),
    { numRuns: 20 },
  );
});

test("a command of 100 ms is counted below 120 ms and not below 90 ms", async () => {
  const metrics = metricsOf();
  const late = { admittedMs: 0, sentMs: 0, acceptedMs: 0, settledMs: 100, repliedMs: 100 };
  metrics.onReplied({ startedMs: 0, ...late });
  for (const [bound, count] of [
    ["0.09", 0],
    ["0.12", 1],
    ["+Inf", 1],
  ] as const) {
    const series = `coffer_gateway_command_seconds_bucket{phase="total",le="${bound}"}`;
    assert.equal(await shownValue(metrics, series), count);
  }
});

test("frames are counted by their commands, each below the first bound that it does not exceed", async () => {
  const metrics = metricsOf();
  for (const commands of [1, 1, 2, 20, 21, 500, 1_000]) metrics.onFrame(commands);
  const expected: readonly [series: string, value: number][] = [
    ['bucket{le="1"}', 2],
    ['bucket{le="2"}', 3],
    ['bucket{le="10"}', 3],
    ['bucket{le="20"}', 4],
    ['bucket{le="50"}', 5],
    ['bucket{le="500"}', 6],
    ['bucket{le="1000"}', 7],
    ['bucket{le="+Inf"}', 7],
    ["sum", 1_545],
    ["count", 7],
  ];
  for (const [series, value] of expected)
    assert.equal(await shownValue(metrics, `coffer_gateway_frame_commands_${series}`), value, series);
});
