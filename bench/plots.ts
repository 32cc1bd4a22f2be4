// Where the pictures of a run are drawn.
// Called once at the end of a run that was asked for them, with everything that is known of it.
// Does not own the samples (samples.ts).

import type { BenchRun } from "./report.ts";

/** Writes the pictures of a run into `directory`, which exists. @returns their paths */
export async function writePlots(_directory: string, _run: BenchRun): Promise<readonly string[]> {
  return [];
}
