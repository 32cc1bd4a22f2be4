/**
 * Ends a child process: TERM, and KILL for one that does not end by itself.
 *
 * Does not own what its end means; whoever started it does, and hears of it in any case.
 */
import type { ChildProcess } from "node:child_process";

/**
 * Asks the child to end and waits until it has. Safe for one that is gone.
 * @param exited resolves when it is gone, and never rejects
 * @param waitMs after which it is killed
 */
export async function stopChild<Exit>(
  child: ChildProcess,
  exited: Promise<Exit>,
  waitMs: number,
): Promise<Exit> {
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), waitMs);
  try {
    return await exited;
  } finally {
    clearTimeout(killer);
  }
}
