// The processes of an installation, found from /proc by who started whom, and named by what they run.
// Elsewhere than on Linux there are none to be found.

import { readdir, readFile } from "node:fs/promises";
import type { WatchedProcess } from "../process-usage.ts";

/** What a command line has, and what its process is called in reports. */
const NAMES: readonly (readonly [part: string, name: string])[] = [
  ["nats-server", "nats-server"],
  ["gateway/node-main", "gateway"],
  ["engine/node-main", "engine"],
  ["cli/main", "cli"],
];

/** A process and all that it started, directly or not, by name; what has no name is left out. Never rejects. */
export async function processTree(root: number): Promise<WatchedProcess[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(await Promise.all(pids.map(async (pid) => [pid, await parentOf(pid)] as const)));
  const isBelow = (pid: number): boolean => {
    for (let each: number | undefined = pid; each !== undefined && each > 1; each = parents.get(each))
      if (each === root) return true;
    return false;
  };
  const found = new Map<string, number[]>();
  for (const pid of pids.filter(isBelow)) {
    const name = await nameOf(pid);
    if (name !== null) found.set(name, [...(found.get(name) ?? []), pid]);
  }
  return [...found].map(([name, members]) => ({ name, pids: members }));
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

async function nameOf(pid: number): Promise<string | null> {
  const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  // What a shell is told to start is not yet what it runs.
  if (words[0] === "/bin/sh") return null;
  return NAMES.find(([part]) => words.some((word) => word.includes(part)))?.[1] ?? null;
}
