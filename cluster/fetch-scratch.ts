/**
 * A directory for one fetch into a cache: made beside its target, so that a finished file can be renamed into place.
 *
 * Owns: its name, which tells the process that fetches, and its removal. Does not own: what is fetched, and the target.
 * Guards against: scratch directories of processes that died while fetching, which would stay for ever.
 */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isProcessAlive } from "./process-alive.ts";

/**
 * Calls `work` with a new directory in `home` (made when it is missing), and removes that directory afterwards.
 * Those of dead processes are removed first. Errors: what the file system says, and what `work` throws.
 */
export async function inFetchScratch<Result>(
  home: string,
  work: (scratchDir: string) => Promise<Result>,
): Promise<Result> {
  await mkdir(home, { recursive: true });
  await removeAbandoned(home);
  const scratchDir = await mkdtemp(join(home, `fetch-${process.pid}-`));
  try {
    return await work(scratchDir);
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}

async function removeAbandoned(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const pid = /^fetch-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isProcessAlive(Number(pid)))
      await rm(join(home, name), { recursive: true, force: true });
  }
}
