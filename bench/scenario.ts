// A scenario says what a run sends: which wallets it needs and which frames follow one another. Adding one = adding a
// file that exports a Scenario, and a line in the table of scenario-table.ts.

import type { BenchIds } from "./bench-ids.ts";
import type { Fleet } from "./fleet.ts";
import type { FrameSource } from "./load-generator.ts";
import type { SeededRandom } from "./random.ts";

/** What a scenario builds its frames from. */
export interface ScenarioParts {
  readonly fleet: Fleet;
  readonly random: SeededRandom;
  readonly ids: BenchIds;
  /** Where frames say that outcomes go. */
  readonly reply: string;
  readonly frameCommands: number;
  /** Whether another frame is wanted, given how many commands were made. */
  isWanted(made: number): boolean;
}

/** One way of loading the engine. */
export interface Scenario {
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** Share of transfers (0..1) whose wallets lie on two shards, for the report. */
  readonly crossShare: number;
  source(parts: ScenarioParts): FrameSource;
}
