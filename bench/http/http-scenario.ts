// The scenarios of `npm run bench:http` and what each is made of.
// Sizes are those of the questions that people ask; other ones are asked for by flags.
// All of them together, as they stand here, take less than 15 minutes.

import type { LoadName, LoadPhase } from "./load-plan.ts";

/** One scenario. */
export interface HttpScenario {
  readonly load: LoadName;
  readonly summary: string;
  readonly connections: number;
  readonly wallets: number;
  readonly hotWallets: number;
  readonly slices: number;
  /** Whether the baseline is measured beside it. */
  readonly isCompared: boolean;
  /** Whether Coffer is measured once more, at the rate at which the baseline was full. */
  readonly isPaced: boolean;
  /** Shards of the installation when nothing else is asked for. */
  readonly shards: number;
  /** In place of the one that is asked for. */
  readonly durability: "relaxed" | null;
  /** Ten times the connections for a while, and what happens then. */
  readonly isSurge: boolean;
  /** Whether requests may be turned away, or not settle in time. */
  readonly isSpared: boolean;
}

/** On two cores one shard takes every move in one record; docs/performance-http.md has the others. */
export const SHARDS_DEFAULT = 1;
const CROSS_SHARDS = 4;
const SURGE_FACTOR = 10;
/** Without other words, s. */
const [LOAD_SECONDS, SURGE_SECONDS, CALM_SECONDS] = [6, 60, 10];

const UNIFORM: HttpScenario = {
  load: "uniform",
  summary: "one transfer a request between random ones of 10,000 owners",
  ...{ connections: 200, wallets: 10_000, hotWallets: 0, slices: 1, shards: SHARDS_DEFAULT },
  ...{ isCompared: false, isPaced: false, durability: null, isSurge: false, isSpared: false },
};

/** All scenarios by name, in the order in which they run. */
export const HTTP_SCENARIOS: ReadonlyMap<string, HttpScenario> = new Map<string, HttpScenario>([
  ["uniform", { ...UNIFORM, slices: 2, isCompared: true, isPaced: true }],
  [
    "hot",
    {
      ...{ ...UNIFORM, load: "hot", hotWallets: 10, slices: 2, isCompared: true },
      summary: "one of 10 hot wallets in every transfer",
    },
  ],
  [
    "batches",
    {
      ...{ ...UNIFORM, load: "batches", connections: 32, slices: 2, isCompared: true },
      summary: "100 transfers a request between random ones of 10,000 owners",
    },
  ],
  [
    "single-hot",
    { ...UNIFORM, load: "single-hot", hotWallets: 1, summary: "the same wallet in every transfer" },
  ],
  [
    "cross",
    {
      ...{ ...UNIFORM, load: "cross", shards: CROSS_SHARDS },
      summary: "one transfer a request between owners of two of 4 shards",
    },
  ],
  [
    "reads",
    {
      ...{ ...UNIFORM, load: "reads", wallets: 1_000, isCompared: true },
      summary: "95 cached reads of 1,000 balances to 5 transfers between them",
    },
  ],
  [
    "surge",
    {
      ...UNIFORM,
      isSurge: true,
      isSpared: true,
      summary: "ten times the clients that are served at best, for a minute",
    },
  ],
  ["storm", { ...UNIFORM, load: "storm", summary: "every transfer 10 times, some altered" }],
  [
    "campaign",
    {
      ...{ ...UNIFORM, load: "claims", connections: 1_000, wallets: 100_001, isSpared: true },
      summary: "100,000 owners claim once, with a budget for half of them",
    },
  ],
  [
    "uniform-relaxed",
    { ...UNIFORM, durability: "relaxed", summary: "as uniform, without a sync before an answer" },
  ],
]);

/** What flags say of phases; null = what the scenario has. */
export interface PhaseSettings {
  readonly seconds: number | null;
  readonly warmUpSeconds: number;
  readonly connections: number | null;
  readonly clients: number | null;
  readonly patience: number;
  readonly ratePerSecond: number | null;
}

/** The phases of a scenario, and which of them the figures are of. */
export function phasesOf(
  { load, connections: usual, isSurge }: HttpScenario,
  { seconds, warmUpSeconds, connections: asked, clients, patience: told, ratePerSecond }: PhaseSettings,
): { readonly phases: LoadPhase[]; readonly measured: string } {
  const connections = asked ?? usual;
  // Each claimant is another one: who is turned away keeps nobody waiting.
  const patience = load === "claims" ? 0 : told;
  const calm = { connections, clients: connections, patience, ratePerSecond };
  const warmUp = warmUpSeconds > 0 ? [{ ...calm, name: "warm-up", seconds: warmUpSeconds }] : [];
  if (!isSurge)
    return {
      phases: [...warmUp, { ...calm, name: "load", seconds: seconds ?? LOAD_SECONDS }],
      measured: "load",
    };
  const many = connections * SURGE_FACTOR;
  const surge = { connections: many, clients: Math.max(many, clients ?? many), patience, ratePerSecond };
  const calmSeconds = seconds ?? CALM_SECONDS;
  return {
    phases: [
      ...warmUp,
      { ...calm, name: "calm", seconds: calmSeconds },
      { ...surge, name: "surge", seconds: seconds ?? SURGE_SECONDS },
      { ...calm, name: "after", seconds: calmSeconds },
    ],
    measured: "surge",
  };
}
