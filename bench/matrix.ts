// Measures configurations many times and keeps each result as soon as it is there.
//
//   file ► what is missing ► run ► append ► run ► append …      stopped at any moment: the next start goes on
//
// Repetitions go around all configurations, so that an hour in which the machine was slow touches each of them once
// and not one of them five times.
//
// Does not own: how a run is made (matrix-main.ts starts `coffer bench`) and what the figures mean (figures.ts).

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { MachineFacts } from "./machine-facts.ts";
import type { Configuration } from "./matrix-plan.ts";
import type { Fields, ResultLine } from "./result-line.ts";
import { decodeResultLines, encodeResultLine } from "./result-line.ts";

/** One run that is to be made. */
export interface MatrixTask {
  readonly configuration: Configuration;
  /** 1.. */
  readonly repeat: number;
  /** What `coffer bench` is called with. */
  readonly arguments: readonly string[];
}

/** What a matrix is made of. */
export interface MatrixSettings {
  readonly configurations: readonly Configuration[];
  readonly repeats: number;
  /** Flags for every run, behind the configuration's own. */
  readonly extra: readonly string[];
  /** The JSONL file. */
  readonly out: string;
}

/** Who makes the runs. */
export interface MatrixRunner {
  readonly machine: MachineFacts;
  /** ISO 8601. */
  now(): string;
  /** Makes one run. @returns its report; null when it failed, which the runner has told */
  run(task: MatrixTask): Promise<Fields | null>;
  /** Whether no further run is to be begun. */
  isStopped(): boolean;
  onProgress(done: number, total: number, task: MatrixTask): void;
}

/** Tasks that have no result yet, in the order of their runs. A configuration whose flags changed is measured anew. */
export function missingTasks(settings: MatrixSettings, results: readonly ResultLine[]): MatrixTask[] {
  const there = new Set(results.map(({ name, repeat, arguments: words }) => keyOf(name, repeat, words)));
  const repeats = Array.from({ length: settings.repeats }, (_, index) => index + 1);
  return repeats
    .flatMap((repeat) =>
      settings.configurations.map((configuration): MatrixTask => {
        return { configuration, repeat, arguments: [...configuration.arguments, ...settings.extra] };
      }),
    )
    .filter((task) => !there.has(keyOf(task.configuration.name, task.repeat, task.arguments)));
}

/**
 * Makes the runs that are missing. A result is on the disk before the next run begins.
 * @returns how many runs failed; they are missing still
 */
export async function runMatrix(settings: MatrixSettings, runner: MatrixRunner): Promise<number> {
  const total = settings.configurations.length * settings.repeats;
  const tasks = missingTasks(settings, readResults(settings.out));
  let done = total - tasks.length;
  let failed = 0;
  for (const task of tasks) {
    if (runner.isStopped()) break;
    runner.onProgress(done, total, task);
    const report = await runner.run(task);
    if (report === null) {
      // A run that was stopped has not failed.
      if (!runner.isStopped()) failed += 1;
      continue;
    }
    const { configuration, repeat } = task;
    const { machine } = runner;
    appendResult(settings.out, {
      name: configuration.name,
      arguments: task.arguments,
      repeat,
      date: runner.now(),
      machine,
      report,
    });
    done += 1;
  }
  return failed;
}

/** The results in a file; none when it does not exist. */
export function readResults(path: string): ResultLine[] {
  return existsSync(path) ? decodeResultLines(readFileSync(path, "utf8")) : [];
}

/** Where the samples of a run lie, beside the file of results. */
export function samplesPath(out: string, { name, repeat }: { name: string; repeat: number }): string {
  return `${out.replace(/\.jsonl$/, "")}-samples/${name.replaceAll("/", "-")}-${repeat}.csv`;
}

/** Appends one line, synced; ends a line first that an earlier process left unfinished. */
export function appendResult(path: string, line: ResultLine): void {
  mkdirSync(dirname(path), { recursive: true });
  const isUnfinished = existsSync(path) && !/(^|\n)$/.test(readFileSync(path, "utf8").slice(-1));
  const file = openSync(path, "a");
  try {
    writeSync(file, `${isUnfinished ? "\n" : ""}${encodeResultLine(line)}`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function keyOf(name: string, repeat: number, words: readonly string[]): string {
  return JSON.stringify([name, repeat, words]);
}
