// The scenarios that a run can be asked for, by name.
// Apart from scenario.ts, which the scenarios import, so that no import runs in a circle.

import { crossScenario } from "./cross-scenario.ts";
import { fanOutScenario } from "./fan-out-scenario.ts";
import { framesScenario } from "./frames-scenario.ts";
import { growthScenario } from "./growth-scenario.ts";
import { holdsScenario } from "./holds-scenario.ts";
import { hotScenario } from "./hot-scenario.ts";
import { idleScenario } from "./idle-scenario.ts";
import { manyLegsScenario } from "./many-legs-scenario.ts";
import { mixedScenario } from "./mixed-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { singlesScenario } from "./singles-scenario.ts";
import { soakScenario } from "./soak-scenario.ts";

const ALL: readonly Scenario[] = [
  framesScenario,
  singlesScenario,
  crossScenario,
  hotScenario,
  fanOutScenario,
  manyLegsScenario,
  holdsScenario,
  mixedScenario,
  growthScenario,
  soakScenario,
  idleScenario,
];

/** All scenarios. */
export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(ALL.map((each) => [each.name, each]));
