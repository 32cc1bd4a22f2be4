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
 * On return everything that was in the tree when it was visited is on the disk. Files that vanish meanwhile are skipped.
 * Returns the number of files and directories synced. Errors: those of the file system (an fsync that failed is never retried).
 */
export async function syncTree(directory: string): Promise<number> {
  let count = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) count += await syncTree(path);
    else if (entry.isFile()) count += await syncPath(path);
  }
  return count + (await syncPath(directory));
}

async function syncPath(path: string): Promise<number> {
  const file = await open(path, "r").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
  if (file === null) return 0;
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return 1;
}
