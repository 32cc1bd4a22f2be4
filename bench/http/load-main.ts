// The process that makes the load: what it is told and the result go over IPC, then it ends.
// Its own process, so that its CPU is known and its event loop delays nobody else's.

import { runStretch, stretchesOf } from "./http-load.ts";
import type { LoadPlan, LoadResult, PhaseResult } from "./load-plan.ts";
import { requestSource } from "./request-source.ts";

const clock = {
  steadyMs: (): number => performance.now(),
  wallMs: (): number => Date.now(),
  cpuMicros: (): number => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};
process.once("disconnect", () => process.exit(1));
const plan = await new Promise<LoadPlan>((resolve) => process.once("message", resolve));

const source = requestSource(plan);
const phases: PhaseResult[] = [];
let errors = 0;
for (const stretch of stretchesOf(plan.phases)) {
  const outcome = await runStretch(source, stretch, { url: plan.url, clock });
  phases.push(...outcome.phases);
  errors += outcome.errors;
}
source.close();
const { changes, unanswered, examples } = source.book;
const result: LoadResult = { phases, changes: [...changes], unanswered, errors, examples };
process.removeAllListeners("disconnect");
process.send?.(result, () => process.disconnect?.());
