// Scenario `holds`: authorisations and what becomes of them, each step after the outcome of the one before: taken in
// parts, taken at once with the rest given back, released, and reversed after they were taken.

import type { Errand } from "./errand.ts";
import { Steps } from "./errand.ts";
import { ErrandSource } from "./errand-source.ts";
import type { Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import { FINISHING, type Stage } from "./stage.ts";
import { LocalChoice, shardsOf } from "./transfer-choice.ts";

const AMOUNT = 100;
const PART = 40;

/** See the file header. */
export const holdsScenario: Scenario = {
  name: "holds",
  title: "holds: placed, taken in parts, released, reversed",
  defaults: { ...USUAL_DEFAULTS, inFlight: 32 },
  run: async (stage) => {
    const source = new ErrandSource(stage.parts, holdErrands(stage));
    await stage.warmUp(source);
    await stage.load(source);
    source.finish();
    await stage.load(source, FINISHING);
    return {};
  },
};

/** Makes errands of all kinds, between wallets of one shard or, for the share asked for, of two. */
export function holdErrands({ parts }: Stage): () => Errand {
  const { fleet, random } = parts;
  const shards = shardsOf(fleet);
  const choice = new LocalChoice(parts);
  const kinds = [takenInParts, takenOnce, released, reversed];
  return () => {
    choice.next(shards[random.below(shards.length)] ?? 0);
    const steps = new Steps(fleet, { from: choice.from, to: choice.to, amount: AMOUNT });
    return (kinds[random.below(kinds.length)] ?? released)(steps);
  };
}

function* takenInParts(steps: Steps): Errand {
  const hold = yield steps.place();
  yield steps.capture(hold, { amount: PART, isFinal: false });
  yield steps.capture(hold, { amount: AMOUNT - PART, isFinal: true });
}

function* takenOnce(steps: Steps): Errand {
  const hold = yield steps.place();
  yield steps.capture(hold, { amount: PART, isFinal: true });
}

function* released(steps: Steps): Errand {
  const hold = yield steps.place();
  yield steps.capture(hold, { amount: PART, isFinal: false });
  yield steps.release(hold);
}

function* reversed(steps: Steps): Errand {
  const hold = yield steps.place();
  yield steps.capture(hold, { amount: AMOUNT, isFinal: true });
  yield steps.reverse(hold, AMOUNT);
}
