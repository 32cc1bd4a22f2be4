// CPU and memory of the processes under test, read from /proc before and after a run. Elsewhere than on Linux, or for
// a process that is gone, the figures are null.

import { readFile } from "node:fs/promises";

/** Clock ticks per second of /proc; a constant of the Linux interface. */
const TICKS_PER_SECOND = 100;

/** What the report shows the share of the machine of: one process, or several of one kind together. */
export interface WatchedProcess {
  readonly name: string;
  readonly pids: readonly number[];
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

/** Readings by name; a name without a process that can be read is left out. */
export async function usageOfAll(
  watched: readonly WatchedProcess[],
): Promise<ReadonlyMap<string, ProcessUsage>> {
  const usages = new Map<string, ProcessUsage>();
  for (const { name, pids } of watched) {
    const found = await Promise.all(pids.map((pid) => usageOf(pid)));
    const known = found.filter((usage) => usage !== null);
    if (known.length > 0) usages.set(name, known.reduce(sumOf));
  }
  return usages;
}

function sumOf(one: ProcessUsage, other: ProcessUsage): ProcessUsage {
  return {
    cpuSeconds: one.cpuSeconds + other.cpuSeconds,
    rssBytes: one.rssBytes + other.rssBytes,
  };
}
