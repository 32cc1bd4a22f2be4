// Starts the process that makes the load and waits for its result.
// The process ends with this one: it hears when the channel between them closes.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BenchFailure } from "../bench-failure.ts";
import type { LoadPlan, LoadResult } from "./load-plan.ts";

const MAIN_FILE = fileURLToPath(new URL("load-main.ts", import.meta.url));
const ERROR_BYTES_KEPT = 4_096;
/** How much longer than planned a load may take, ms. */
const LATE_MS_MAX = 60_000;

/**
 * Runs a load in a process of its own.
 * Errors: BenchFailure when the process ends without a result.
 */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const child = spawn(process.execPath, [MAIN_FILE], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let errorOutput = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errorOutput = (errorOutput + text).slice(-ERROR_BYTES_KEPT);
  });
  child.send(plan, () => undefined);
  const seconds = plan.phases.reduce((sum, phase) => sum + phase.seconds, 0);
  const late = setTimeout(() => child.kill("SIGKILL"), seconds * 1000 + LATE_MS_MAX);
  let result: LoadResult | null = null;
  child.on("message", (message: LoadResult) => {
    result = message;
  });
  await new Promise<void>((resolve) => {
    child.once("error", (error) => {
      errorOutput += error.message;
      resolve();
    });
    child.once("close", () => resolve());
  });
  clearTimeout(late);
  if (result === null) throw new BenchFailure(`the load ended without a result: ${errorOutput.trim()}`);
  return result;
}
