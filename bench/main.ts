// The bench: connects, opens and funds wallets, runs one scenario, proves the result, and measures what the machine
// could do at best. A black box: everything goes over NATS, like the commands of every other client.
//
// Owns the order of phases and the clock of the run. A run that cannot be trusted ends with BenchFailure.

import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { connectionOptions } from "../client/link.ts";
import { decodeInfo, type Info } from "../protocol/info.ts";
import { parseTenant } from "../protocol/names.ts";
import { INFO_SUBJECT, resultPrefix } from "../protocol/subject.ts";
import type { BenchClock } from "./bench-clock.ts";
import { BenchFailure } from "./bench-failure.ts";
import { BenchIds } from "./bench-ids.ts";
import { engineCounters } from "./engine-counters.ts";
import { Fleet } from "./fleet.ts";
import { LoadGenerator } from "./load-generator.ts";
import { runSettings } from "./option-defaults.ts";
import { fundings, openings } from "./preparation.ts";
import { usageOfAll, type WatchedProcess } from "./process-usage.ts";
import { SeededRandom } from "./random.ts";
import { measureReference } from "./reference.ts";
import type { BenchOptions, BenchProgress, BenchRun } from "./report.ts";
import type { RunSettings } from "./run-settings.ts";
import type { Sample } from "./samples.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenario-table.ts";
import { Stage, type StageParts, type StageResult } from "./stage.ts";
import { reportOf } from "./summing-up.ts";
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
  readonly info: Info;
  readonly token: string;
  readonly scenario: Scenario;
  readonly stage: Stage;
}

/** Who hears of a run; must not throw. */
export interface BenchListener {
  /** At the start of each phase and about twice a second. */
  onProgress?(progress: BenchProgress): void;
  /** About once a second while something is measured. */
  onSample?(sample: Sample): void;
  /** When wallets are open and funded; what is measured begins once it has returned. */
  onPrepared?(): Promise<void>;
}

/**
 * Runs one scenario against a running installation and reports.
 * @param scenario one that is not in the table, instead of the named one
 * Errors: BenchFailure, with what went wrong in one sentence. The connection is closed in every case.
 */
export async function runBench(
  options: BenchOptions,
  listener: BenchListener = {},
  scenario: Scenario = scenarioOf(options),
): Promise<BenchRun> {
  const progress = (told: BenchProgress): void => listener.onProgress?.(told);
  const onSample = (sample: Sample): void => listener.onSample?.(sample);
  progress({ phase: "connect", done: 0, total: null, perSecond: 0, seconds: 0, ofSeconds: null });
  const nc = await dial(options);
  const onAbort = (): void => void nc.close().catch(() => undefined);
  options.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    options.signal?.throwIfAborted();
    const bench = await setUp({ options, scenario, progress, onSample }, nc);
    await prepare(bench);
    await listener.onPrepared?.();
    return await measure(bench);
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
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

function scenarioOf({ scenario: name = "frames" }: BenchOptions): Scenario {
  const scenario = SCENARIOS.get(name);
  if (scenario !== undefined) return scenario;
  throw new BenchFailure(`no such scenario; there are: ${[...SCENARIOS.keys()].join(", ")}`);
}

type Asked = Pick<Bench, "options" | "scenario"> & Pick<StageParts, "progress" | "onSample">;

async function setUp({ options, scenario, progress, onSample }: Asked, nc: NatsConnection): Promise<Bench> {
  const tenant = parseTenant(options.tenant);
  if (tenant === undefined) throw new BenchFailure("the tenant's name does not fit [a-z0-9-]{1,32}");
  const settings = runSettings(options, scenario.defaults);
  const info = await askInfo(nc);
  const unique = systemClock.uniqueBytes(8);
  const token = Buffer.from(unique).toString("hex");
  const shardsUsed = usedShards(settings, info.shards);
  const walletsPerShard = Math.max(2, Math.ceil(settings.wallets / shardsUsed.length));
  const plan = { tenant, shards: info.shards, shardsUsed, walletsPerShard, token: token.slice(0, 8) };
  const ids = new BenchIds(unique);
  const reply = `${resultPrefix(tenant)}${token}`;
  const acks = `${INBOX_PREFIX}.${token}.ack`;
  const watched = [{ name: "generator", pids: [process.pid] }, ...(options.processes ?? [])];
  const stage = new Stage({
    ...{ nc, clock: systemClock, tenant, ids, reply, settings, shards: info.shards },
    progress,
    onSample,
    fleet: new Fleet(plan),
    random: new SeededRandom(settings.seed),
    generator: new LoadGenerator({ nc, clock: systemClock, ids, reply, acks }),
    watched,
    restartEngine: restarting(options, watched),
  });
  return { options, info, token, scenario, stage };
}

/** Restarts the engine and watches its new process from then on. */
function restarting({ restartEngine }: BenchOptions, watched: WatchedProcess[]): StageParts["restartEngine"] {
  if (restartEngine === undefined) return null;
  return async (how) => {
    const pid = await restartEngine(how);
    const place = watched.findIndex(({ name }) => name === "engine");
    if (place >= 0) watched[place] = { name: "engine", pids: [pid] };
  };
}

function usedShards({ shard }: RunSettings, shards: number): number[] {
  if (shard === null) return Array.from({ length: shards }, (_, index) => index);
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

async function prepare({ stage }: Bench): Promise<void> {
  const { fleet, ids, reply, tenant } = stage.parts;
  const framing = { tenant, ids, reply, frameCommands: PREPARING_COMMANDS };
  const total = fleet.wallets.length;
  const bounds = {
    ...{ isMeasured: false, seconds: null, commands: null, ratePerSecond: null },
    inFlight: PREPARING_IN_FLIGHT,
  };
  const opens = { ...bounds, phase: "open", total: total + fleet.sources.length } as const;
  assertAllDone(await stage.load(openings(fleet, framing), opens), "opening wallets");
  const funds = { ...bounds, phase: "fund", total } as const;
  assertAllDone(await stage.load(fundings(fleet, framing), funds), "funding wallets");
}

function assertAllDone(result: StageResult, what: string): void {
  if (result.unexpected > 0)
    throw new BenchFailure(`${what}: ${result.refused} refused, first: ${result.firstUnexpected}`);
  if (result.repeated > 0) throw new BenchFailure(`${what}: ${result.repeated} commands were answered twice`);
}

async function measure(bench: Bench): Promise<BenchRun> {
  const { stage, scenario, info, options } = bench;
  const { nc, watched } = stage.parts;
  const before = await engineCounters(nc, info.shards);
  const prepared = stage.results.length;
  const extras = await scenario.run(stage);
  const usage = await usageOfAll(watched);
  const after = await engineCounters(nc, info.shards);
  const verification = await verifyFleet(stage);
  const reference = options.reference === false ? null : await measureMachine(bench);
  const report = reportOf({
    ...{ stage, scenario, info, extras, usage, after, verification, reference },
    replicas: options.replicas ?? null,
    before: stage.warmedUp ?? before,
  });
  const settled = stage.results.slice(prepared).reduce((sum, result) => sum + result.settled, 0);
  return { report, samples: stage.samples?.list ?? [], settled };
}

async function measureMachine({ stage, token, options }: Bench): Promise<BenchRun["report"]["reference"]> {
  const { nc, progress } = stage.parts;
  progress({ phase: "reference", done: 0, total: null, perSecond: 0, seconds: 0, ofSeconds: null });
  const directory = options.directory ?? tmpdir();
  return await measureReference({ nc, clock: systemClock, directory, token, inboxPrefix: INBOX_PREFIX });
}
