// What a figure was measured on: without it a figure says nothing to anybody with another machine.
// Does not measure anything: what the machine can do at best is in each report (reference.ts).

import { execFile } from "node:child_process";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const GIT_MS_MAX = 10_000;

/** The machine and the versions of everything that was measured on it. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly natsServer: string;
  /** Of this project, with `+` behind it when files differ from it; null outside a repository. */
  readonly commit: string | null;
}

/** Reads them. `natsServer` is the version of the server that runs will use. Never rejects. */
export async function machineFacts(natsServer: string): Promise<MachineFacts> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    natsServer,
    commit: await commitOf(ROOT),
  };
}

async function commitOf(directory: string): Promise<string | null> {
  const git = async (...words: readonly string[]): Promise<string> => {
    const { stdout } = await run("git", words, { cwd: directory, timeout: GIT_MS_MAX });
    return stdout.trim();
  };
  try {
    const head = await git("rev-parse", "--short=12", "HEAD");
    const changed = await git("status", "--porcelain", "--untracked-files=no");
    return changed === "" ? head : `${head}+`;
  } catch {
    return null;
  }
}
