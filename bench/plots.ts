// Where the pictures of a run are drawn.
// Called once at the end of a run that was asked for them, with everything that is known of it.
// Does not own the samples (samples.ts).

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runPlot } from "./plot/run-plot.ts";
import type { BenchReport, BenchRun } from "./report.ts";

/** Writes the pictures of a run into `directory`, which exists. @returns their paths */
export async function writePlots(
  directory: string,
  { report, samples }: BenchRun,
): Promise<readonly string[]> {
  const path = join(directory, `${report.scenario}-${report.durability}.svg`);
  await writeFile(path, runPlot({ ...runTitle(report), slots: samples }));
  return [path];
}

/** What stands above the picture of a run. */
function runTitle(report: BenchReport): { readonly title: string; readonly subtitle: string } {
  const { scenario, durability, shards, wallets, frameCommands, inFlight, offeredPerSecond } = report;
  const counted = (value: number): string => value.toLocaleString("en-US");
  const offered = offeredPerSecond === null ? "" : `, ${counted(offeredPerSecond)} a second offered`;
  return {
    title: `${scenario}, ${durability}: rate and latency over time`,
    subtitle: `${counted(wallets)} wallets on ${shards} shards, ${frameCommands} commands in a frame, up to ${inFlight} messages in flight${offered}`,
  };
}
