// The process that makes the load: what it is told and the result go over IPC, then it ends.
// Its own process, so that its CPU is known and its event loop delays nobody else's.

import { runHttpLoad } from "./http-load.ts";
import type { LoadPlan, LoadResult } from "./load-plan.ts";
import { RequestSource, unansweredOf } from "./request-source.ts";

const clock = { steadyMs: (): number => performance.now() };
process.once("disconnect", () => process.exit(1));
const plan = await new Promise<LoadPlan>((resolve) => process.once("message", resolve));

const source = new RequestSource(plan);
const warmUp =
  plan.warmUpSeconds > 0 ? await runHttpLoad(source, { plan, seconds: plan.warmUpSeconds, clock }) : null;
const before = process.cpuUsage();
const run = await runHttpLoad(source, { plan, seconds: plan.seconds, clock });
const { user, system } = process.cpuUsage(before);
const answered = Object.values(run.statuses).reduce((sum, count) => sum + count, 0);
const result: LoadResult = {
  seconds: run.seconds,
  statuses: run.statuses,
  warmUpStatuses: warmUp?.statuses ?? {},
  latency: run.latency.parts,
  samples: run.samples,
  commandsPerRequest: source.commandsPerRequest,
  changes: source.changes,
  unanswered: [...(warmUp?.unanswered ?? []), ...run.unanswered].map(unansweredOf),
  errors: run.errors + (warmUp?.errors ?? 0),
  generatorMicros: answered === 0 ? 0 : Math.round((user + system) / answered),
};
process.removeAllListeners("disconnect");
process.send?.(result, () => process.disconnect?.());
