// The bench: connects, opens and funds wallets, runs one scenario, proves the result, and measures what the machine
// could do at best. A black box: everything goes over NATS, like the commands of every other client.
//
// Owns the order of phases and the clock of the run. A run that cannot be trusted ends with BenchFailure.

import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { connectionOptions } from "../client/link.ts";
import { decodeInfo, type Info } from "../protocol/info.ts";
import { parseTenant, type TenantName } from "../protocol/names.ts";
import { INFO_SUBJECT, resultPrefix } from "../protocol/subject.ts";
import type { BenchClock } from "./bench-clock.ts";
import { BenchFailure } from "./bench-failure.ts";
import { BenchIds } from "./bench-ids.ts";
import { Fleet } from "./fleet.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { type FrameSource, LoadGenerator, type LoadResult } from "./load-generator.ts";
import { fundings, openings } from "./preparation.ts";
import { usageOfAll, type WatchedProcess } from "./process-usage.ts";
import { SeededRandom } from "./random.ts";
import { measureReference } from "./reference.ts";
import type { BenchOptions, BenchProgress, BenchReport } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenario-table.ts";
import { verifyFleet } from "./verification.ts";

const INBOX_PREFIX = "_INBOX";
const INFO_WAIT_MS = 10_000;
/** Commands in a frame, and frames in flight, while wallets are opened and funded. */
const PREPARING_COMMANDS = 500;
const PREPARING_IN_FLIGHT = 16;

const systemClock: BenchClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  uniqueBytes: (count) => randomBytes(count),
};

/** A run that is set up. */
interface Bench {
  readonly options: BenchOptions;
  readonly nc: NatsConnection;
  readonly tenant: TenantName;
  readonly info: Info;
  readonly token: string;
  readonly reply: string;
  readonly scenario: Scenario;
  readonly fleet: Fleet;
  readonly ids: BenchIds;
  readonly generator: LoadGenerator;
  readonly progress: (progress: BenchProgress) => void;
}

/**
 * Runs one scenario against a running installation and reports.
 * @param progress called at the start of each phase and about twice a second; must not throw
 * Errors: BenchFailure, with what went wrong in one sentence. The connection is closed in every case.
 */
export async function runBench(
  options: BenchOptions,
  progress: (progress: BenchProgress) => void = () => undefined,
): Promise<BenchReport> {
  progress({ phase: "connect", done: 0, total: null, perSecond: 0 });
  const nc = await dial(options);
  try {
    const bench = await setUp(options, nc, progress);
    await prepare(bench);
    return await measure(bench);
  } finally {
    await nc.close().catch(() => undefined);
  }
}

async function dial({ servers, credentials }: BenchOptions): Promise<NatsConnection> {
  const server = { servers, name: "coffer-bench", inboxPrefix: INBOX_PREFIX };
  try {
    return await connect(connectionOptions(credentials === undefined ? server : { ...server, credentials }));
  } catch (thrown) {
    throw new BenchFailure(
      `no NATS server answers: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
  }
}

async function setUp(
  options: BenchOptions,
  nc: NatsConnection,
  progress: (progress: BenchProgress) => void,
): Promise<Bench> {
  const tenant = parseTenant(options.tenant);
  if (tenant === undefined) throw new BenchFailure("the tenant's name does not fit [a-z0-9-]{1,32}");
  const scenario = SCENARIOS.get(options.scenario ?? "frames");
  if (scenario === undefined)
    throw new BenchFailure(`no such scenario; there are: ${[...SCENARIOS.keys()].join(", ")}`);
  const info = await askInfo(nc);
  const unique = systemClock.uniqueBytes(8);
  const token = Buffer.from(unique).toString("hex");
  const shardsUsed = usedShards(options, info.shards);
  const walletsPerShard = Math.max(2, Math.ceil((options.wallets ?? 10_000) / shardsUsed.length));
  const fleet = new Fleet({
    tenant,
    shards: info.shards,
    shardsUsed,
    walletsPerShard,
    token: token.slice(0, 8),
  });
  const ids = new BenchIds(unique);
  const reply = `${resultPrefix(tenant)}${token}`;
  const acks = `${INBOX_PREFIX}.${token}.ack`;
  const generator = new LoadGenerator({ nc, clock: systemClock, tenant, ids, reply, acks });
  return { options, nc, tenant, info, token, reply, scenario, fleet, ids, generator, progress };
}

function usedShards({ shard = "uniform" }: BenchOptions, shards: number): number[] {
  if (shard === "uniform") return Array.from({ length: shards }, (_, index) => index);
  if (!Number.isInteger(shard) || shard < 0 || shard >= shards)
    throw new BenchFailure(`there is no shard ${shard}`);
  return [shard];
}

async function askInfo(nc: NatsConnection): Promise<Info> {
  const message = await nc.request(INFO_SUBJECT, "", { timeout: INFO_WAIT_MS }).catch(() => null);
  const info = message === null ? null : decodeInfo(message.data);
  if (!info?.ok) throw new BenchFailure("NATS answers, but no Coffer engine behind it does");
  return info.value;
}

async function prepare(bench: Bench): Promise<void> {
  const { fleet, ids, reply } = bench;
  const framing = { ids, reply, frameCommands: PREPARING_COMMANDS };
  const total = fleet.wallets.length;
  const opened = await load(bench, openings(fleet, framing), {
    phase: "open",
    total: total + fleet.sources.length,
  });
  assertAllDone(opened, "opening wallets");
  const funded = await load(bench, fundings(fleet, framing), { phase: "fund", total });
  assertAllDone(funded, "funding wallets");
}

async function measure(bench: Bench): Promise<BenchReport> {
  const { options, scenario, fleet, info } = bench;
  const seed = options.seed ?? 1;
  const endMs = systemClock.steadyMs() + (options.seconds ?? 20) * 1000;
  const total = options.commands ?? null;
  const source = scenario.source({
    fleet,
    ids: bench.ids,
    reply: bench.reply,
    random: new SeededRandom(seed),
    frameCommands: options.frameCommands ?? 100,
    isWanted: (made) => (total === null ? systemClock.steadyMs() < endMs : made < total),
  });
  const watched: readonly WatchedProcess[] = [
    { name: "generator", pid: process.pid },
    ...(options.processes ?? []),
  ];
  const latency = new LatencyHistogram();
  const before = await usageOfAll(watched);
  const result = await load(bench, source, {
    phase: "run",
    total,
    latency,
    framesInFlight: options.framesInFlight ?? 64,
  });
  const after = await usageOfAll(watched);
  const outcomesOnce = result.settled === result.published && result.repeated === 0;
  const verified = await verify(bench, outcomesOnce && result.refused === 0);
  const names = [...after.keys()];
  const cpuOf = (name: string): number =>
    (after.get(name)?.cpuSeconds ?? 0) - (before.get(name)?.cpuSeconds ?? 0);
  return {
    scenario: scenario.name,
    durability: info.durability,
    shards: info.shards,
    seed,
    settledPerSecond: Math.round(result.settled / result.seconds),
    acceptedPerSecond: Math.round(result.accepted / result.acceptedSeconds),
    latencyMs: latency.summary(),
    commands: result.published,
    refused: result.refused,
    crossShare: scenario.crossShare,
    seconds: Math.round(result.seconds * 100) / 100,
    verified,
    cpu: Object.fromEntries(
      names.map((name) => [name, Math.round((cpuOf(name) / result.seconds) * 1000) / 1000]),
    ),
    rss: Object.fromEntries(names.map((name) => [name, after.get(name)?.rssBytes ?? 0])),
    reference: options.reference === false ? null : await reference(bench),
  };
}

interface Phase {
  readonly phase: BenchProgress["phase"];
  readonly total: number | null;
  readonly latency?: LatencyHistogram;
  readonly framesInFlight?: number;
}

async function load({ generator, progress }: Bench, source: FrameSource, phase: Phase): Promise<LoadResult> {
  const onProgress = teller(progress, phase);
  onProgress(0);
  const latency = phase.latency ?? new LatencyHistogram();
  const result = await generator.run(source, {
    framesInFlight: phase.framesInFlight ?? PREPARING_IN_FLIGHT,
    latency,
    onProgress,
  });
  onProgress(result.settled);
  return result;
}

async function verify(bench: Bench, outcomesOnce: boolean): Promise<BenchReport["verified"]> {
  const { nc, tenant, fleet, progress } = bench;
  const total = fleet.wallets.length + fleet.sources.length;
  const tell = teller(progress, { phase: "verify", total });
  tell(0);
  const onProgress = (read: number): void => {
    if (read % 1000 === 0 || read === total) tell(read);
  };
  return await verifyFleet({ nc, tenant, fleet, outcomesOnce, onProgress });
}

async function reference({ nc, token, options, progress }: Bench): Promise<BenchReport["reference"]> {
  progress({ phase: "reference", done: 0, total: null, perSecond: 0 });
  const directory = options.directory ?? tmpdir();
  return await measureReference({ nc, clock: systemClock, directory, token, inboxPrefix: INBOX_PREFIX });
}

function teller(
  progress: (progress: BenchProgress) => void,
  { phase, total }: Pick<Phase, "phase" | "total">,
): (done: number) => void {
  const startMs = systemClock.steadyMs();
  return (done) => {
    const seconds = (systemClock.steadyMs() - startMs) / 1000;
    progress({ phase, done, total, perSecond: seconds > 0 ? Math.round(done / seconds) : 0 });
  };
}

function assertAllDone(result: LoadResult, what: string): void {
  if (result.refused > 0)
    throw new BenchFailure(`${what}: ${result.refused} refused, first: ${result.firstRefusal}`);
  if (result.repeated > 0) throw new BenchFailure(`${what}: ${result.repeated} commands were answered twice`);
}
