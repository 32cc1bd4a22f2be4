/**
 * Whether a process that somebody noted down still runs. A pid may be given to another process later, so this alone is
 * no ground to signal one: it says only that what was noted is surely over, or perhaps not.
 */

/** @returns false when there is no process with the pid; true also for one that we may not signal. Never throws. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
