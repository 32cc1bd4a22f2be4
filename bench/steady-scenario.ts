// The form that most scenarios have: one source of messages, sent for a warm-up and then for what is measured.
//
// Does not own the source, nor scenarios that load in slices or bring something to its end.

import type { MessageSource } from "./message-source.ts";
import { type ExtraFigures, type Scenario, type ScenarioDefaults, USUAL_DEFAULTS } from "./scenario.ts";
import type { StageParts } from "./stage.ts";

/** What such a scenario says of itself. */
export interface SteadyPlan extends Pick<Scenario, "name" | "title"> {
  readonly sourceOf: (parts: StageParts) => MessageSource;
  /** Where it differs from most scenarios. */
  readonly defaults?: Partial<ScenarioDefaults>;
  readonly figures?: (parts: StageParts) => ExtraFigures;
}

/** See the file header. */
export function steadyScenario({ name, title, sourceOf, defaults = {}, figures }: SteadyPlan): Scenario {
  return {
    name,
    title,
    defaults: { ...USUAL_DEFAULTS, ...defaults },
    run: async (stage) => {
      const source = sourceOf(stage.parts);
      await stage.warmUp(source);
      await stage.load(source);
      return figures?.(stage.parts) ?? {};
    },
  };
}
