// A run on an installation of the bench's own: nats-server and engine in a fresh directory, so that a figure never
// depends on what was there before. When it is stopped its files are swept, and then removed, whatever happened.
//
//   directory ► nats-server ► engine ► run ► both stop ► disk bytes and sweep ► directory removed
//
// Invariant: nothing is left behind: no process, no file; also after Ctrl-C and when a child dies. A run in which one
// died is no result, even if what started in its place settled everything.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bytesPerCommand, diskBytesOf } from "../../bench/disk-usage.ts";
import type { BenchOptions, BenchRun, DiskBytes, Sweep } from "../../bench/report.ts";
import type { Invocation } from "../command.ts";
import type { DevListener, DevPlan, DevRun } from "../dev/dev-session.ts";
import { runDev } from "../dev/dev-session.ts";
import { NO_EVENTS_FLAG } from "../dev/engine-process.ts";
import { FREE_PORT } from "../dev/nats-service.ts";
import { CliFailure } from "../failure.ts";
import { verifyFiles } from "../file-verification.ts";
import type { Session } from "../session.ts";
import { copiesText, shardsText } from "../shown.ts";
import { benchCluster } from "./bench-flags.ts";

/** Bytes of shard files beyond which the sweep leaves the single journal entries out: it would take minutes. */
const DEEP_BYTES_MAX = 512 * 1_048_576;
const VIOLATIONS_SHOWN = 5;

/** Runs against the installation that the options name. */
export type RunOn = (
  where: Pick<BenchOptions, "servers" | "tenant" | "processes" | "restartEngine" | "directory" | "replicas">,
  onPrepared: () => Promise<void>,
) => Promise<BenchRun>;

/** Makes an installation, runs, sweeps and removes it. Errors: CliFailure, and what `run` throws. */
export async function benchOwn(invocation: Invocation, session: Session, run: RunOn): Promise<BenchRun> {
  const { parsed, surroundings, output } = invocation;
  const parent = resolve(surroundings.directory, parsed.text("--data") ?? tmpdir());
  const cluster = benchCluster(parsed, surroundings);
  const dataDir = await directoryIn(parent);
  try {
    output.progress(
      `Bench: ${shardsText(cluster.shards)}, ${copiesText(cluster.replicas)}${cluster.durability}, in ${dataDir}`,
      "milestone",
    );
    const events = !parsed.has(NO_EVENTS_FLAG.name);
    const where = { dataDir, cluster, isNew: true, server: null, natsPort: FREE_PORT };
    const plan: DevPlan = { ...where, events, httpPort: "none", redis: {}, session, surroundings };
    const { ran, before } = await runThere(invocation, plan, run);
    const disk = await diskBytesOf(dataDir);
    const grown = before === null ? null : bytesPerCommand(before, disk, ran.settled);
    const swept = sweep(invocation, dataDir, disk);
    return proven({ ...ran, report: { ...ran.report, bytesPerCommand: grown } }, swept);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function directoryIn(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, "coffer-bench-"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliFailure(
      "directory_unusable",
      `No directory can be made in ${parent}: ${reason}.`,
      undefined,
      {
        cause,
      },
    );
  }
}

interface Ran {
  readonly ran: BenchRun;
  /** Disk bytes when what is measured began. */
  readonly before: DiskBytes | null;
}

async function runThere(invocation: Invocation, plan: DevPlan, run: RunOn): Promise<Ran> {
  const runs: BenchRun[] = [];
  let before: DiskBytes | null = null;
  const spoiled = Promise.withResolvers<never>();
  spoiled.promise.catch(() => undefined);
  await runDev(plan, listenerOf(invocation, spoiled.reject), async (dev, givenUp) => {
    const stopped = givenUp.then(({ code, reason }) => Promise.reject(new CliFailure(code, reason)));
    const onPrepared = async (): Promise<void> => {
      before = await diskBytesOf(plan.dataDir);
    };
    const running = run(
      {
        ...whereIs(dev),
        restartEngine: dev.restartEngine,
        directory: plan.dataDir,
        replicas: plan.cluster.replicas,
      },
      onPrepared,
    );
    const interrupted = interruption(plan.surroundings.interrupted);
    runs.push(await Promise.race([running, stopped, interrupted, spoiled.promise]));
  });
  const [ran] = runs;
  if (ran === undefined) throw new CliFailure("bench_failed", "The run ended without a report.");
  return { ran, before };
}

function whereIs({ session, pids }: DevRun): Pick<BenchOptions, "servers" | "tenant" | "processes"> {
  const { engine, nats } = pids();
  const processes = [
    { name: "engine", pids: engine === null ? [] : [engine] },
    { name: "nats-server", pids: nats },
  ].filter(({ pids }) => pids.length > 0);
  return { servers: session.server, tenant: session.tenant, processes };
}

function sweep({ parsed, output, surroundings }: Invocation, dataDir: string, { sqlite }: DiskBytes): Sweep {
  const deep = !parsed.has("--no-deep") && sqlite <= DEEP_BYTES_MAX;
  output.progress(`Bench: sweep the files${deep ? ", every journal entry" : ""}`, "milestone");
  const startMs = surroundings.clock.steadyMs();
  const { clean, violations } = verifyFiles(dataDir, {
    deep,
    onProgress: (text) => output.progress(`Bench: ${text}`),
  });
  const seconds = Math.round((surroundings.clock.steadyMs() - startMs) / 100) / 10;
  const shown = violations.slice(0, VIOLATIONS_SHOWN).map((violation) => JSON.stringify(violation));
  return { clean, deep, seconds, violations: shown };
}

function proven(run: BenchRun, swept: Sweep): BenchRun {
  const ok = run.report.verification.ok && swept.clean;
  const verification = { ...run.report.verification, ok, sweep: swept };
  return { ...run, report: { ...run.report, verified: ok, verification } };
}

/** Rejects when the signal aborts. */
function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new CliFailure("interrupted", "Interrupted before the run was over."));
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
  });
}

/** @param spoil hears what makes the run worthless */
function listenerOf({ output }: Invocation, spoil: (failure: CliFailure) => void): DevListener {
  const fail = (what: string): void => spoil(new CliFailure("bench_failed", `The run failed: ${what}`));
  return {
    onProgress: (text) => output.progress(text, "milestone"),
    onNats: () => undefined,
    onGateway: () => undefined,
    onEngine: ({ state, shard, reason, message: detail }) => {
      const why = `${reason ?? "no reason given"}${detail === null ? "" : ` (${detail})`}`;
      if (state === "halted") fail(`shard ${shard} halted: ${why}`);
    },
    onRestart: (name, { reason }) => fail(`${name} died during the run: ${reason}`),
    onReadyAgain: () => undefined,
  };
}
