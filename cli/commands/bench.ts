// `coffer bench`: measures an installation, by default one of its own (own-bench.ts), and says whether everything that
// it did is proven.
//
// Does not own the measuring (bench/): only what to measure, where, and where the report goes.

import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { BenchFailure } from "../../bench/bench-failure.ts";
import { runBench } from "../../bench/main.ts";
import { writePlots } from "../../bench/plots.ts";
import type { BenchRun } from "../../bench/report.ts";
import { SampleFile } from "../../bench/sample-csv.ts";
import type { Sample } from "../../bench/samples.ts";
import { BENCH_FLAGS, benchOptions } from "../bench/bench-flags.ts";
import { benchPage } from "../bench/bench-page.ts";
import { ProgressLines } from "../bench/bench-progress.ts";
import { benchOwn, type RunOn } from "../bench/own-bench.ts";
import type { CliCommand, Invocation } from "../command.ts";
import type { ExitCode } from "../exit-code.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure, messageOf } from "../failure.ts";
import type { Json } from "../output.ts";
import { outputTo } from "../output.ts";
import type { Session } from "../session.ts";
import { namedServer, sessionOf, withConnection } from "../session.ts";
import { askInfo } from "./status.ts";

const READY_MS = 60_000;

/** The command. */
export const benchCommand: CliCommand = {
  path: "bench",
  summary: "Measure what this machine, or a running installation, can do",
  details: `Starts a nats-server and an engine of its own in a directory that is removed afterwards, unless --server or
NATS_URL names a running installation (then it opens wallets of its own there, which stay). Proves afterwards that
every command has one outcome and every balance is right, and sweeps the files of its own installation as
verify --deep does (beyond 512 MiB of shard files, or with --no-deep, as verify does); exit 1 when something is wrong,
also when the engine or the server died meanwhile. Progress is on standard error, also with --json.`,
  arguments: [],
  flags: BENCH_FLAGS,
  examples: [
    { line: "bench", does: "20 s of transfers in frames after 3 s that do not count, profile strict" },
    {
      line: "bench --durability relaxed --shards 1 --duration 10 --json",
      does: "one shard, relaxed, as JSON",
    },
    {
      line: "bench --rate 20000 --duration 30 --csv run.csv",
      does: "latency under 20,000 commands a second, and a line for each second",
    },
    { line: "bench --server nats://127.0.0.1:4222 --commands 100000", does: "a running installation" },
  ],
  run: async (invocation) => {
    const session = sessionOf(invocation, READY_MS);
    const options = benchOptions(invocation.parsed);
    const { stdout, stderr, interrupted: signal } = invocation.surroundings;
    const told = { ...invocation, output: outputTo(stdout, stderr, false) };
    const samples = sampleFile(invocation);
    const lines = new ProgressLines(told.output, stderr.isTerminal);
    const run: RunOn = async (where, onPrepared) => {
      const listener = {
        onProgress: lines.tell.bind(lines),
        onSample: (sample: Sample) => samples?.append(sample),
        onPrepared,
      };
      return await named(
        () => runBench({ ...options, ...where, ...login(session), signal }, listener),
        signal,
      );
    };
    const ran =
      namedServer(invocation) === null ? await benchOwn(told, session, run) : await benchServer(session, run);
    if (samples?.failure) throw unwritable(samples.failure);
    await save(told, ran);
    return print(invocation, ran);
  },
};

function login({ credentials }: Session): { readonly credentials?: Uint8Array } {
  return credentials === null ? {} : { credentials };
}

/** Measures what runs already. Errors: CliFailure `engine_unreachable`, `bench_failed`, `interrupted`. */
async function benchServer(session: Session, run: RunOn): Promise<BenchRun> {
  await withConnection(session, ({ nc }) => askInfo(nc, session.timeoutMs));
  return await run({ servers: session.server, tenant: session.tenant }, () => Promise.resolve());
}

/** Gives the failures of a run the names that this program has for them. */
async function named(run: () => Promise<BenchRun>, signal: AbortSignal): Promise<BenchRun> {
  try {
    return await run();
  } catch (thrown) {
    if (signal.aborted) throw new CliFailure("interrupted", "Interrupted before the run was over.");
    if (thrown instanceof BenchFailure)
      throw new CliFailure("bench_failed", `The run failed: ${thrown.message}.`);
    throw thrown;
  }
}

/** The file of samples, if one was asked for. Errors: CliFailure `files_unwritable`. */
function sampleFile({ parsed, surroundings }: Invocation): SampleFile | null {
  const csv = parsed.text("--csv");
  if (csv === null) return null;
  try {
    return new SampleFile(resolve(surroundings.directory, csv));
  } catch (cause) {
    throw unwritable(cause);
  }
}

function unwritable(cause: unknown): CliFailure {
  const message = `The file of samples cannot be written: ${messageOf(cause)}.`;
  return new CliFailure("files_unwritable", message, undefined, { cause });
}

/** Draws what was asked for. Errors: CliFailure `files_unwritable`. */
async function save({ parsed, surroundings, output }: Invocation, run: BenchRun): Promise<void> {
  const plots = parsed.text("--plot");
  try {
    if (plots === null) return;
    const directory = resolve(surroundings.directory, plots);
    await mkdir(directory, { recursive: true });
    for (const path of await writePlots(directory, run)) output.progress(`Bench: ${path}`, "milestone");
  } catch (cause) {
    const message = `The run is over, but its files could not be written: ${messageOf(cause)}.`;
    throw new CliFailure("files_unwritable", message, undefined, { cause });
  }
}

function print({ output }: Invocation, { report }: BenchRun): ExitCode {
  const json: Json = JSON.parse(JSON.stringify(report));
  output.result(json, benchPage(report));
  return report.verified ? EXIT.done : EXIT.refused;
}
