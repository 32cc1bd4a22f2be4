// Every code that the outcome of a command may be counted under: statuses, refusals, and what is said without an outcome.
// Does not own them: the contract's tables do, in protocol/outcome.ts.
// Guards against: a refusal that is counted as `other` because it is newer than a list here.

import { REFUSALS, STATUSES } from "../../protocol/outcome.ts";

/** See the file header. */
export const OUTCOME_CODES: readonly string[] = [
  ...STATUSES.filter((status) => status !== "refused"),
  ...REFUSALS.map(({ code }) => code),
  ...["pending", "unknown", "busy"],
];
