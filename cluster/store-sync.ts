/**
 * Syncs a directory tree to the disk once: every file, then every directory from the leaves up.
 *
 * Why it exists: with an interval for `sync_interval` the server never syncs the metadata files of a new stream. A power
 * cut then takes the STREAMS themselves, with all their messages, instead of the tail of the last interval. One pass
 * after the streams have been created closes that.
 */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * On return everything that was in the tree when it was visited is on the disk. Files and directories that vanish
 * meanwhile are skipped: the server that owns the tree goes on.
 * Returns the number of files and directories synced. Errors: those of the file system, also when there is no such
 * directory to begin with (an fsync that failed is never retried).
 */
export async function syncTree(directory: string): Promise<number> {
  let count = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) count += (await unlessGone(syncTree(path))) ?? 0;
    else if (entry.isFile()) count += await syncPath(path);
  }
  return count + (await syncPath(directory));
}

async function syncPath(path: string): Promise<number> {
  const file = await unlessGone(open(path, "r"));
  if (file === null) return 0;
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return 1;
}

async function unlessGone<Value>(work: Promise<Value>): Promise<Value | null> {
  return await work.catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
}
