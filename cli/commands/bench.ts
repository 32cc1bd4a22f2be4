// `coffer bench`: measures an installation, by default one of its own in a directory that is removed afterwards, so
// that a figure never depends on what was there before and never leaves anything behind.
//
// Does not own the measuring (bench/): only what to measure, where, and how the report is printed.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BenchFailure } from "../../bench/bench-failure.ts";
import { runBench } from "../../bench/main.ts";
import type { BenchOptions, BenchProgress, BenchReport } from "../../bench/report.ts";
import { SCENARIOS } from "../../bench/scenario-table.ts";
import type { CliCommand, FlagSpec, Invocation } from "../command.ts";
import { CLUSTER_FLAGS, newCluster } from "../data-directory.ts";
import type { DevListener } from "../dev/dev-session.ts";
import { runDev } from "../dev/dev-session.ts";
import { FREE_PORT } from "../dev/nats-service.ts";
import type { ExitCode } from "../exit-code.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure } from "../failure.ts";
import type { Json } from "../output.ts";
import { columns } from "../output.ts";
import type { Parsed } from "../parsed.ts";
import type { Session } from "../session.ts";
import { namedServer, sessionOf, withConnection } from "../session.ts";
import { shardsText } from "../shown.ts";
import { wholeIn } from "../value.ts";
import { askInfo } from "./status.ts";

const COUNT_MAX = 1_000_000_000;
const READY_MS = 60_000;

const FLAGS: readonly FlagSpec[] = [
  {
    name: "--scenario",
    value: "NAME",
    summary: "what to send (default: frames)",
    choices: [...SCENARIOS.keys()],
  },
  { name: "--seconds", value: "N", summary: "length of the run (default: 20)" },
  { name: "--commands", value: "N", summary: "end after this many commands instead" },
  { name: "--wallets", value: "N", summary: "wallets over all shards (default: 10000)" },
  { name: "--frame", value: "N", summary: "commands in a frame (default: 100)" },
  { name: "--in-flight", value: "N", summary: "frames without all outcomes at once (default: 64)" },
  { name: "--shard", value: "K", summary: "load one shard alone (default: all take turns)" },
  { name: "--seed", value: "N", summary: "the same seed sends the same transfers (default: 1)" },
  { name: "--no-reference", value: null, summary: "leave out what the machine could do at best" },
  ...CLUSTER_FLAGS.filter(({ name }) => name !== "--data"),
  {
    name: "--data",
    value: "DIR",
    summary: "where to make its own directory (default: the system's temporary one)",
  },
];

/** The command. */
export const benchCommand: CliCommand = {
  path: "bench",
  summary: "Measure what this machine, or a running installation, can do",
  details: `Starts a nats-server and an engine of its own in a directory that is removed afterwards, unless --server or
NATS_URL names a running installation (then it opens wallets of its own there, which stay). Proves every balance
afterwards; exit 1 when one is wrong.`,
  arguments: [],
  flags: FLAGS,
  examples: [
    { line: "bench", does: "20 s of transfers in frames, profile strict" },
    {
      line: "bench --durability relaxed --shards 1 --seconds 10 --json",
      does: "one shard, relaxed, as JSON",
    },
    { line: "bench --server nats://127.0.0.1:4222 --commands 100000", does: "a running installation" },
  ],
  run: async (invocation) => {
    const session = sessionOf(invocation, READY_MS);
    const options = benchOptions(invocation.parsed);
    const report =
      namedServer(invocation) === null
        ? await benchOwn(invocation, session, options)
        : await benchServer(invocation, session, options);
    return print(invocation, report);
  },
};

type RunOptions = Omit<BenchOptions, "servers" | "tenant">;

function benchOptions(parsed: Parsed): RunOptions {
  const count = (flag: `--${string}`, min: number): number | undefined => {
    const text = parsed.text(flag);
    return text === null ? undefined : wholeIn(text, { min, max: COUNT_MAX });
  };
  const given = {
    scenario: parsed.text("--scenario") ?? undefined,
    seconds: count("--seconds", 1),
    commands: count("--commands", 1),
    wallets: count("--wallets", 2),
    frameCommands: count("--frame", 1),
    framesInFlight: count("--in-flight", 1),
    shard: count("--shard", 0),
    seed: count("--seed", 0),
  };
  const present: RunOptions = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  return { ...present, reference: !parsed.has("--no-reference") };
}

/** Measures what runs already. Errors: CliFailure `engine_unreachable`, `bench_failed`. */
async function benchServer(
  invocation: Invocation,
  session: Session,
  options: RunOptions,
): Promise<BenchReport> {
  await withConnection(session, ({ nc }) => askInfo(nc, session.timeoutMs));
  return await run(invocation, { ...options, ...target(session) });
}

/** Measures an installation of its own, and removes it. */
async function benchOwn(invocation: Invocation, session: Session, options: RunOptions): Promise<BenchReport> {
  const { parsed, surroundings, output } = invocation;
  const parent = resolve(surroundings.directory, parsed.text("--data") ?? tmpdir());
  const dataDir = await mkdtemp(join(parent, "coffer-bench-"));
  try {
    const cluster = newCluster(parsed, surroundings);
    output.progress(
      `Bench: ${shardsText(cluster.shards)}, ${cluster.durability}, in ${dataDir}`,
      "milestone",
    );
    const plan = { dataDir, cluster, isNew: true, server: null, natsPort: FREE_PORT, session, surroundings };
    const reports: BenchReport[] = [];
    await runDev(plan, listenerOf(invocation), async (dev, givenUp) => {
      const { engine, nats } = dev.pids();
      const processes = [
        { name: "engine", pid: engine ?? 0 },
        { name: "nats-server", pid: nats ?? 0 },
      ].filter(({ pid }) => pid > 0);
      const stopped = givenUp.then(({ code, reason }) => Promise.reject(new CliFailure(code, reason)));
      const bench = { ...options, ...target(dev.session), processes, directory: dataDir };
      reports.push(
        await Promise.race([run(invocation, bench), stopped, interruption(surroundings.interrupted)]),
      );
    });
    const [report] = reports;
    if (report === undefined) throw new CliFailure("bench_failed", "The run ended without a report.");
    return report;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

function target({
  server,
  tenant,
  credentials,
}: Session): Pick<BenchOptions, "servers" | "tenant" | "credentials"> {
  return { servers: server.split(","), tenant, ...(credentials === null ? {} : { credentials }) };
}

async function run({ output }: Invocation, options: BenchOptions): Promise<BenchReport> {
  try {
    return await runBench(options, (progress) => output.progress(progressText(progress)));
  } catch (thrown) {
    if (thrown instanceof BenchFailure)
      throw new CliFailure("bench_failed", `The run failed: ${thrown.message}.`);
    throw thrown;
  }
}

function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new CliFailure("interrupted", "Interrupted before the run was over."));
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
  });
}

function listenerOf({ output }: Invocation): DevListener {
  return {
    onProgress: (text) => output.progress(text, "milestone"),
    onNats: () => undefined,
    onEngine: (message) => {
      if (message.state === "halted")
        output.note(`Shard ${message.shard} halted: ${message.reason ?? "no reason given"}`);
    },
    onRestart: (name, { reason }) => output.note(`${name} died during the run: ${reason}`),
    onReadyAgain: () => undefined,
  };
}

function progressText({ phase, done, total, perSecond }: BenchProgress): string {
  const share = total === null ? String(done) : `${done} of ${total}`;
  return `Bench: ${phase} ${share}${perSecond > 0 ? `, ${perSecond} a second` : ""}`;
}

function print({ output }: Invocation, report: BenchReport): ExitCode {
  const json: Json = JSON.parse(JSON.stringify(report));
  const { latencyMs, verified, reference } = report;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`;
  const rows = [
    [
      "scenario",
      `${report.scenario}, ${shardsText(report.shards)}, ${report.durability}, seed ${report.seed}`,
    ],
    [
      "settled",
      `${report.settledPerSecond} a second (${report.commands} in ${report.seconds} s, ${report.refused} refused)`,
    ],
    ["accepted", `${report.acceptedPerSecond} a second`],
    [
      "latency",
      `p50 ${latencyMs.p50} ms, p95 ${latencyMs.p95} ms, p99 ${latencyMs.p99} ms, max ${latencyMs.max} ms`,
    ],
    ...Object.entries(report.cpu).map(([name, cores]) => [
      name,
      `${cores} cores, ${megabytes(report.rss[name] ?? 0)}`,
    ]),
    [
      "proof",
      verified.ok
        ? `${verified.wallets} wallets right, sum ${verified.sum}`
        : `WRONG: ${verified.wrong.join(", ")}`,
    ],
    ...(reference === null
      ? []
      : [
          [
            "at best",
            `one sync ${reference.fsyncMs ?? "?"} ms, ${reference.pubAcksPerSecond ?? "?"} acks a second, ${reference.sqliteRowsPerSecond ?? "?"} rows a second`,
          ],
        ]),
  ];
  output.result(json, columns(rows));
  return verified.ok ? EXIT.done : EXIT.refused;
}
