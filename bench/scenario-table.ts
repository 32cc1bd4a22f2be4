// The scenarios that a run can be asked for, by name.
// Apart from scenario.ts, which the scenarios import, so that no import runs in a circle.

import { framesScenario } from "./frames-scenario.ts";
import type { Scenario } from "./scenario.ts";

/** All scenarios. */
export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map([[framesScenario.name, framesScenario]]);
