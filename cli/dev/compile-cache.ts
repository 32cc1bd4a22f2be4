// Node's compile cache for an engine that runs from source: where it is, and that it is filled before the first start.
//
// A thread that strips types by itself takes about 12 MB for it and keeps them: an idle engine has 50 MB more. A thread
// that finds its files in the cache does not. Does not own what is in it: Node does, by its version and each file's text.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The cache that engines share unless the environment names another. */
export const COMPILE_CACHE = fileURLToPath(new URL("../../.cache/compile", import.meta.url));

/**
 * Fills a cache that has nothing of this version of Node: a process loads what an engine loads, and ends. Takes about a
 * second then. Never throws: without a cache an engine only takes more memory.
 * @param words run the engine's main file so that it only loads: with the flags of an engine, on which the cache depends
 * @returns whether there was something to do
 */
export function fillCompileCache(cache: string, words: readonly string[]): boolean {
  if (entries(cache).some((name) => name.startsWith(`${process.version}-`))) return false;
  const env = { ...process.env, NODE_COMPILE_CACHE: cache };
  spawnSync(process.execPath, words, { env, stdio: "ignore" });
  return true;
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
