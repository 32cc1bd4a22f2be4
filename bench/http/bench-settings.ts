// The flags of `npm run bench:http` and what they say. What is not said is null: a scenario knows its own sizes.
//
// Does not own: what becomes of a flag that is not understood (or-usage.ts).

import { parseArgs } from "node:util";
import { HTTP_SCENARIOS, type HttpScenario, type PhaseSettings, SHARDS_DEFAULT } from "./http-scenario.ts";
import type { Durability } from "./loaded-system.ts";

/** What is printed when the flags are not understood, and for `--help`. */
export const USAGE = `Usage: npm run bench:http -- [--scenario NAME] [--duration S] [--durability strict|relaxed] [--skip-baseline] [--json]
  --scenario NAME  ${[...HTTP_SCENARIOS.keys()].join(", ")}; may be repeated (default: all)
  --duration S     seconds of each slice that are measured (default: 6; surge: 60, and 10 before and after it)
  --warm-up S      seconds before them (default: 8)
  --slices N       slices of each system, in turns (default: 2 for uniform, hot and batches, 1 for the others)
  --durability P   profile of the installation; the baseline commits alike (default: strict)
  --shards N       of the installation (default: ${SHARDS_DEFAULT}, cross: 4)
  --connections N  instead of the scenario's
  --clients N      of a surge, who share its connections (default: one each)
  --patience P     part of Retry-After that clients wait when they are turned away (default: 1; 0 = 10 ms)
  --wallets N      instead of the scenario's
  --rate R         requests a second, whatever the answers do (default: as fast as they are answered)
  --pool N         the baseline's connections to PostgreSQL
  --skip-baseline  Coffer alone
  --only-baseline  the baseline alone
  --target URL     a gateway that runs already, with --key KEY
  --plot DIR       writes an SVG a scenario, and the seconds of a surge as CSV
  --json           nothing but the JSON line`;

/** What the flags say. */
export interface BenchSettings {
  readonly scenarios: readonly (readonly [string, HttpScenario])[];
  readonly durability: Durability;
  readonly phases: PhaseSettings;
  /** Null = the scenario's; so for the next two. */
  readonly slices: number | null;
  readonly shards: number | null;
  readonly wallets: number | null;
  readonly poolSize: number | null;
  /** Which systems are measured. */
  readonly only: "coffer" | "baseline" | null;
  /** A gateway that runs already. */
  readonly target: { readonly url: string; readonly key: string } | null;
  readonly plotDirectory: string | null;
  readonly isQuiet: boolean;
  readonly isHelp: boolean;
}

/** Reads the flags of this process. Errors: throws for what it does not know. */
export function benchSettings(): BenchSettings {
  const { values } = parseArgs({
    options: {
      scenario: { type: "string", multiple: true },
      duration: { type: "string" },
      "warm-up": { type: "string", default: "8" },
      slices: { type: "string" },
      durability: { type: "string", default: "strict" },
      shards: { type: "string" },
      connections: { type: "string" },
      clients: { type: "string" },
      patience: { type: "string", default: "1" },
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
  });
  const { durability, target, key, duration, rate } = values;
  if (durability !== "strict" && durability !== "relaxed")
    throw new Error(`no such durability: ${durability}`);
  const { "skip-baseline": isAlone, "only-baseline": isOther } = values;
  if (isAlone && isOther) throw new Error("nothing is left to be measured");
  if (target !== undefined && key === undefined) throw new Error("--target needs --key");
  return {
    ...{ durability, scenarios: scenariosNamed(values.scenario ?? [...HTTP_SCENARIOS.keys()]) },
    phases: {
      seconds: positive("duration", duration),
      warmUpSeconds: Number(values["warm-up"]),
      connections: positive("connections", values.connections),
      clients: positive("clients", values.clients),
      patience: Number(values.patience),
      ratePerSecond: positive("rate", rate),
    },
    slices: positive("slices", values.slices),
    shards: positive("shards", values.shards),
    wallets: positive("wallets", values.wallets),
    poolSize: positive("pool", values.pool),
    only: onlyOf(isAlone, isOther),
    target: target === undefined ? null : { url: target, key: key ?? "" },
    plotDirectory: values.plot ?? null,
    ...{ isQuiet: values.json, isHelp: values.help },
  };
}

function onlyOf(isAlone: boolean, isOther: boolean): BenchSettings["only"] {
  if (isAlone) return "coffer";
  return isOther ? "baseline" : null;
}

function scenariosNamed(names: readonly string[]): [string, HttpScenario][] {
  return names.map((name) => {
    const scenario = HTTP_SCENARIOS.get(name);
    if (scenario === undefined) throw new Error(`no such scenario: ${name}`);
    return [name, scenario];
  });
}

function positive(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new Error(`--${name} is a number above 0`);
  return number;
}
