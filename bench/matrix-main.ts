// `npm run bench:matrix`: repeats `coffer bench` for each configuration of matrix-plan.ts and appends the reports to
// a file. Ctrl-C stops it; called again it goes on with what is missing.
//
// Owns the processes of the runs and the words on the terminal.

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findNatsServer } from "../cluster/nats-binary.ts";
import { machineFacts } from "./machine-facts.ts";
import type { MatrixRunner, MatrixTask } from "./matrix.ts";
import { runMatrix, samplesPath } from "./matrix.ts";
import { configurationsOf, MATRIX } from "./matrix-plan.ts";
import { orUsage } from "./or-usage.ts";
import type { Fields } from "./result-line.ts";
import { figureAt, reportIn } from "./result-line.ts";

const USAGE = `Usage: npm run bench:matrix -- [--out FILE] [--repeats N] [--only TEXT] [--duration S] [--list]
  --out FILE     where results are appended (default: bench-results/matrix.jsonl)
  --repeats N    runs of each configuration (default: 5)
  --only TEXT    configurations whose name begins with it, such as wallets or wallets/strict; several are allowed
  --duration S   length of each run, instead of the scenario's own
  --list         names the configurations and what each is called with`;
const CLI = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const ERROR_KEPT = 4_000;

const { values } = orUsage(USAGE, () =>
  parseArgs({
    options: {
      out: { type: "string", default: "bench-results/matrix.jsonl" },
      repeats: { type: "string", default: "5" },
      only: { type: "string", multiple: true, default: [] },
      duration: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }),
);
const repeats = Number(values.repeats);
const configurations = MATRIX.flatMap(configurationsOf).filter(
  ({ name }) => values.only.length === 0 || values.only.some((start) => name.startsWith(start)),
);
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopping.abort());

if (values.help) console.log(USAGE);
else if (!Number.isInteger(repeats) || repeats < 1 || configurations.length === 0) {
  console.error(
    `Nothing to run: ${configurations.length} configurations, ${values.repeats} runs each.\n\n${USAGE}`,
  );
  process.exitCode = 2;
} else if (values.list) {
  for (const { name, arguments: words } of configurations) console.log(`${name}: ${words.join(" ")}`);
} else {
  process.exitCode = await measure();
}

async function measure(): Promise<number> {
  const binary = await findNatsServer({ env: process.env, onProgress: (line) => console.error(line) });
  const runner: MatrixRunner = {
    machine: await machineFacts(binary.version),
    now: () => new Date(Date.now()).toISOString(),
    run: runOnce,
    isStopped: () => stopping.signal.aborted,
    onProgress: (done, total, { configuration, repeat }) =>
      console.error(`${done + 1} of ${total}: ${configuration.name}, run ${repeat}`),
  };
  const extra = values.duration === undefined ? [] : ["--duration", values.duration];
  const failed = await runMatrix({ configurations, repeats, extra, out: values.out }, runner);
  if (stopping.signal.aborted)
    console.error(`Stopped. ${values.out} holds what was measured; call again to go on.`);
  else
    console.error(
      failed === 0 ? `All in ${values.out}.` : `${failed} runs failed; call again to repeat them.`,
    );
  return failed === 0 && !stopping.signal.aborted ? 0 : 1;
}

/** One `coffer bench` in a process group of its own, so that a Ctrl-C reaches us alone. It is asked to end when we are, and removes its own directory then. */
async function runOnce({
  configuration: { name },
  repeat,
  arguments: words,
}: MatrixTask): Promise<Fields | null> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const csv = resolvePath(samplesPath(values.out, { name, repeat }));
  mkdirSync(dirname(csv), { recursive: true });
  const bench = [...process.execArgv, CLI, "bench", ...words, "--csv", csv, "--json"];
  const child = spawn(process.execPath, bench, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-ERROR_KEPT);
  });
  child.once("error", (error) => resolve(error.message));
  child.once("close", () => resolve(errors));
  const stop = (): boolean => child.kill("SIGINT");
  stopping.signal.addEventListener("abort", stop, { once: true });
  const said = await promise;
  stopping.signal.removeEventListener("abort", stop);
  const report = reportIn(output);
  if (report !== null) console.error(`  ${figureAt(report, "settledPerSecond")} settled a second`);
  else if (!stopping.signal.aborted) console.error(`  failed: ${said.trim() || output.trim()}`);
  return report;
}
