// The scenarios that a run can be asked for, by name.

import { framesScenario } from "./frames-scenario.ts";
import type { Scenario } from "./scenario.ts";

/** All scenarios. */
export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map([[framesScenario.name, framesScenario]]);
