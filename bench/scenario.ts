// A scenario says what a run sends, and what figures it adds to the report. Adding one = adding a file that exports a
// Scenario, and a line in scenario-table.ts.

import type { Replicas } from "../cluster/cluster-file.ts";
import type { Durability } from "../protocol/info.ts";
import type { Stage } from "./stage.ts";

/** What a run takes when its options do not say otherwise. */
export interface ScenarioDefaults {
  /** Of what is measured. With `warmUpSeconds` at most 60. */
  readonly seconds: number;
  /** Of the same load before it; 0 = there is no steady state to wait for, and none may be asked for. */
  readonly warmUpSeconds: number;
  readonly wallets: number;
  readonly frameCommands: number;
  /** Messages without all outcomes at once. */
  readonly inFlight: number;
  /** Commands per second on a fixed schedule; without it, as many as `inFlight` lets through. */
  readonly ratePerSecond?: number;
  /** Shards of an installation of the bench's own. */
  readonly shards: Readonly<Record<Durability, number>>;
  /** Its copies of each log, each on a nats-server of its own; 1 when absent. */
  readonly replicas?: Readonly<Record<Durability, Replicas>>;
}

/** Most scenarios' defaults. */
export const USUAL_DEFAULTS: ScenarioDefaults = {
  seconds: 20,
  warmUpSeconds: 3,
  wallets: 10_000,
  frameCommands: 100,
  inFlight: 64,
  shards: { strict: 4, relaxed: 4 },
};

/** Figures that only one scenario has; plain JSON. */
export type ExtraFigures = Readonly<Record<string, unknown>>;

/** One way of loading the engine. */
export interface Scenario {
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  readonly defaults: ScenarioDefaults;
  /**
   * Drives the run: `stage.warmUp` unless there is none by default, then one or several `stage.load`, which end when
   * every outcome came. Wallets are open and funded.
   * Errors: BenchFailure.
   */
  run(stage: Stage): Promise<ExtraFigures>;
}
