// CPU and memory of the processes under test, read from /proc before and after a run. Elsewhere than on Linux, or for
// a process that is gone, the figures are null.

import { readFile } from "node:fs/promises";

/** Clock ticks per second of /proc; a constant of the Linux interface. */
const TICKS_PER_SECOND = 100;

/** A process whose share of the machine the report shows. */
export interface WatchedProcess {
  readonly name: string;
  readonly pid: number;
}

/** One reading. */
export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** Reads one process; null when it cannot be read. Never rejects. */
export async function usageOf(pid: number): Promise<ProcessUsage | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = await readFile(`/proc/${pid}/status`, "latin1");
    const rssKb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    return Number.isFinite(cpuSeconds) ? { cpuSeconds, rssBytes: Number(rssKb ?? 0) * 1024 } : null;
  } catch {
    return null;
  }
}

/** Readings of several processes by name. */
export async function usageOfAll(
  watched: readonly WatchedProcess[],
): Promise<ReadonlyMap<string, ProcessUsage>> {
  const usages = new Map<string, ProcessUsage>();
  for (const { name, pid } of watched) {
    const usage = await usageOf(pid);
    if (usage !== null) usages.set(name, usage);
  }
  return usages;
}
