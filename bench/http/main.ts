// `npm run bench:http`: load over HTTP on the gateway of an installation of its own, and on a legacy system with the
// same routes (bench/baseline/), in turns on the same machine. The last line on standard output is one JSON object.
//
// Owns the flags, the order of slices and the clock and randomness of the room.
// Exit 0 verified, 1 not verified or failed, 2 usage.

import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BenchClock } from "../bench-clock.ts";
import { BenchFailure } from "../bench-failure.ts";
import { machineFacts } from "../machine-facts.ts";
import { orUsage } from "../or-usage.ts";
import { measureReference } from "../reference.ts";
import { httpPlot } from "./http-plot.ts";
import { type ScenarioReport, scenarioReport } from "./http-report.ts";
import { HTTP_SCENARIOS, type HttpScenario } from "./http-scenario.ts";
import { runSlice, type Slice, type SlicePlan } from "./http-slice.ts";
import {
  baselineSystem,
  cofferSystem,
  type Durability,
  type LoadedSystem,
  runningSystem,
} from "./loaded-system.ts";

/** On two cores one shard takes every move in one record; docs/performance-http.md has the others. */
const SHARDS_DEFAULT = 1;
const USAGE = `Usage: npm run bench:http -- [--scenario NAME] [--duration S] [--durability strict|relaxed] [--skip-baseline] [--json]
  --scenario NAME  ${[...HTTP_SCENARIOS.keys()].join(", ")}; may be repeated (default: uniform)
  --duration S     seconds of each slice that are measured (default: 10)
  --warm-up S      seconds before them (default: 3)
  --slices N       slices of each system, in turns (default: 2)
  --durability P   profile of the installation; the baseline commits alike (default: strict)
  --shards N       of the installation (default: ${SHARDS_DEFAULT})
  --connections N  instead of the scenario's
  --wallets N      instead of the scenario's
  --rate R         requests a second, whatever the answers do (default: as fast as they are answered)
  --pool N         the baseline's connections to PostgreSQL
  --skip-baseline  Coffer alone
  --only-baseline  the baseline alone
  --target URL     a gateway that runs already, with --key KEY
  --plot DIR       writes an SVG a scenario
  --json           nothing but the JSON line`;

const clock: BenchClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  uniqueBytes: (count) => randomBytes(count),
};
const { values } = orUsage(USAGE, () =>
  parseArgs({
    options: {
      scenario: { type: "string", multiple: true, default: ["uniform"] },
      duration: { type: "string", default: "10" },
      "warm-up": { type: "string", default: "3" },
      slices: { type: "string", default: "2" },
      durability: { type: "string", default: "strict" },
      shards: { type: "string", default: String(SHARDS_DEFAULT) },
      connections: { type: "string" },
      wallets: { type: "string" },
      rate: { type: "string" },
      pool: { type: "string" },
      "skip-baseline": { type: "boolean", default: false },
      "only-baseline": { type: "boolean", default: false },
      target: { type: "string" },
      key: { type: "string" },
      plot: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }),
);

/** What the flags say. */
interface Settings {
  readonly scenarios: readonly (readonly [string, HttpScenario])[];
  readonly durability: Durability;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly slices: number;
  readonly shards: number;
  readonly connections: number | null;
  readonly wallets: number | null;
  readonly ratePerSecond: number | null;
  readonly poolSize: number | null;
}

if (values.help) console.log(USAGE);
else {
  try {
    await measure(orUsage(USAGE, settingsOf));
  } catch (thrown) {
    if (!(thrown instanceof BenchFailure)) throw thrown;
    console.error(thrown.message);
    process.exitCode = 1;
  }
}

function settingsOf(): Settings {
  const { durability } = values;
  if (durability !== "strict" && durability !== "relaxed")
    throw new Error(`no such durability: ${durability}`);
  if (values.target !== undefined && values.key === undefined) throw new Error("--target needs --key");
  if (values["skip-baseline"] && values["only-baseline"]) throw new Error("nothing is left to be measured");
  return {
    scenarios: values.scenario.map((name) => {
      const scenario = HTTP_SCENARIOS.get(name);
      if (scenario === undefined) throw new Error(`no such scenario: ${name}`);
      return [name, scenario];
    }),
    durability,
    seconds: positive("duration", values.duration),
    warmUpSeconds: Number(values["warm-up"]),
    slices: positive("slices", values.slices),
    shards: positive("shards", values.shards),
    connections: values.connections === undefined ? null : positive("connections", values.connections),
    wallets: values.wallets === undefined ? null : positive("wallets", values.wallets),
    ratePerSecond: values.rate === undefined ? null : positive("rate", values.rate),
    poolSize: values.pool === undefined ? null : positive("pool", values.pool),
  };
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new Error(`--${name} is a number above 0`);
  return number;
}

function tell(line: string): void {
  if (!values.json) console.error(line);
}

function token(): string {
  return Buffer.from(clock.uniqueBytes(8)).toString("hex");
}

async function measure(settings: Settings): Promise<void> {
  const reports: [string, ScenarioReport][] = [];
  for (const [name, scenario] of settings.scenarios)
    reports.push([name, await measureScenario(settings, name, scenario)]);
  const machine = await machineFacts("not asked");
  const reference = await measureReference({
    nc: null,
    clock,
    directory: tmpdir(),
    token: token(),
    inboxPrefix: "",
  });
  for (const [name, report] of reports) tell(described(name, report));
  console.log(JSON.stringify({ scenarios: Object.fromEntries(reports), reference, machine }));
  if (reports.some(([, { verified }]) => !verified)) process.exitCode = 1;
}

async function measureScenario(
  settings: Settings,
  name: string,
  scenario: HttpScenario,
): Promise<ScenarioReport> {
  const plan: SlicePlan = {
    load: scenario.load,
    connections: settings.connections ?? scenario.connections,
    warmUpSeconds: settings.warmUpSeconds,
    seconds: settings.seconds,
    ratePerSecond: settings.ratePerSecond,
    hotWallets: scenario.hotWallets,
    seed: 1,
    walletCount: settings.wallets ?? scenario.wallets,
  };
  const own: Slice[] = [];
  const baseline: Slice[] = [];
  const slice = async (system: LoadedSystem): Promise<Slice> =>
    await runSlice(system, plan, { token: token(), onProgress: (line) => tell(`${name}: ${line}`) });
  for (let turn = 0; turn < settings.slices; turn += 1) {
    if (!values["only-baseline"]) own.push(await slice(await ownSystem(settings)));
    if (!values["skip-baseline"]) baseline.push(await slice(await otherSystem(settings)));
  }
  const [first, second] = own.length > 0 ? [own, baseline] : [baseline, []];
  const report = scenarioReport(first, second, settings.durability);
  if (values.plot !== undefined) writePlot(values.plot, name, scenario, [first, second]);
  return report;
}

async function ownSystem({ durability, shards }: Settings): Promise<LoadedSystem> {
  const { target, key } = values;
  return target === undefined ? await cofferSystem({ durability, shards }) : runningSystem(target, key ?? "");
}

async function otherSystem({ durability, poolSize }: Settings): Promise<LoadedSystem> {
  const secret = clock.uniqueBytes(32);
  const pool = poolSize === null ? {} : { poolSize };
  return await baselineSystem({ env: process.env, durability, secret, onProgress: tell, ...pool });
}

function writePlot(
  directory: string,
  name: string,
  { summary }: HttpScenario,
  all: readonly (readonly Slice[])[],
): void {
  const systems = all.flatMap((slices) => {
    const about = slices[0]?.about;
    return about === undefined
      ? []
      : [{ name: about, samples: slices.flatMap(({ result }) => result.samples) }];
  });
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `http-${name}.svg`);
  writeFileSync(file, httpPlot({ title: `HTTP: ${name}`, subtitle: summary, systems }));
  tell(`${name}: ${file}`);
}

function described(name: string, report: ScenarioReport): string {
  const { system, baseline, ratioToBaseline, verified } = report;
  const lines = [system, ...(baseline === null ? [] : [baseline])].map(
    ({ about, settledPerSecond, latencyMs: { p50, p95, p99, max }, generatorMicros }) =>
      `${name}: ${about}: ${settledPerSecond}/s, p50 ${p50} ms, p95 ${p95}, p99 ${p99}, max ${max}; load ${generatorMicros} µs a request`,
  );
  const ratio = ratioToBaseline === null ? "" : `, ${ratioToBaseline} times the baseline`;
  return [...lines, `${name}: ${verified ? "verified" : "NOT VERIFIED"}${ratio}`].join("\n");
}
