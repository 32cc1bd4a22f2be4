// One line of a matrix file: which configuration, which repetition, on what machine, when, and the report as
// `coffer bench --json` printed it. Lines are only ever appended.
//
// Invariant: a line that cannot be read is no result; a line that was cut off by the end of a process is one of them.

import type { MachineFacts } from "./machine-facts.ts";

/** A value as JSON holds it. */
export type Fields = Readonly<Record<string, unknown>>;

/** One result. */
export interface ResultLine {
  /** The configuration's name. */
  readonly name: string;
  readonly arguments: readonly string[];
  /** 1.. */
  readonly repeat: number;
  /** When the run ended, ISO 8601. */
  readonly date: string;
  readonly machine: MachineFacts;
  readonly report: Fields;
}

/** The line as text, with its end. */
export function encodeResultLine(line: ResultLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** All results of a file's text, in order. Never throws. */
export function decodeResultLines(text: string): ResultLine[] {
  return text.split("\n").flatMap((line) => {
    const decoded = decodeResultLine(line);
    return decoded === null ? [] : [decoded];
  });
}

/** The report that a run printed, or null when it printed something else. Never throws. */
export function reportIn(text: string): Fields | null {
  const value = parsed(text);
  return value !== null && typeof value["settledPerSecond"] === "number" ? value : null;
}

/** The number at the end of a path of names, such as `latencyMs.p99`; null when there is none. */
export function figureAt(report: Fields, path: string): number | null {
  const value = valueAt(report, path);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** What stands at the end of a path of names; null when nothing does. */
export function valueAt(report: Fields, path: string): unknown {
  let value: unknown = report;
  for (const name of path.split(".")) {
    const fields = fieldsOf(value);
    if (fields === null) return null;
    value = fields[name] ?? null;
  }
  return value;
}

function decodeResultLine(text: string): ResultLine | null {
  const value = parsed(text);
  const machine = fieldsOf(value?.["machine"]);
  const report = fieldsOf(value?.["report"]);
  if (value === null || machine === null || report === null) return null;
  const { name, repeat, date } = value;
  const words = value["arguments"];
  if (typeof name !== "string" || typeof repeat !== "number" || typeof date !== "string") return null;
  if (!Array.isArray(words) || !words.every((word) => typeof word === "string")) return null;
  return { name, arguments: words, repeat, date, machine: machineIn(machine), report };
}

function machineIn(fields: Fields): MachineFacts {
  const text = (name: string): string => String(fields[name] ?? "unknown");
  const { commit } = fields;
  return {
    cpu: text("cpu"),
    cores: Number(fields["cores"]),
    memoryBytes: Number(fields["memoryBytes"]),
    kernel: text("kernel"),
    node: text("node"),
    natsServer: text("natsServer"),
    commit: typeof commit === "string" ? commit : null,
  };
}

function parsed(text: string): Fields | null {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return null;
  }
}

function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
}
