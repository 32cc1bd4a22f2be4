// What a command prints. With --json everything that a program needs, errors included, is on standard output,
// one JSON document a line, and standard error stays empty. Without it, results are text on standard output,
// remarks are on standard error.
//
// Invariant: without a terminal no control character is ever written. A progress line is rewritten in place on a
// terminal; elsewhere only its milestones are printed.

import type { CliFailure } from "./failure.ts";
import type { Sink } from "./surroundings.ts";

/** A value that JSON can hold. Money is text, never a number. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** Where and how a command prints. */
export interface Output {
  readonly isJson: boolean;
  /** A result: the JSON under --json, else the text. */
  result(json: Json, text: string): void;
  /** A remark for a person; nothing under --json. */
  note(text: string): void;
  /** The state of something that takes a while; nothing under --json. Only milestones stay, and are printed without a terminal. */
  progress(text: string, milestone?: "milestone"): void;
  /** An error, as JSON or as text. */
  failure(failure: CliFailure): void;
}

const CLEAR_LINE = "\r\u001b[K";

/** Makes the output of one call. Never throws. */
export function outputTo(stdout: Sink, stderr: Sink, isJson: boolean): Output {
  let isProgressShown = false;
  const endProgress = (): void => {
    if (isProgressShown) stderr.write(CLEAR_LINE);
    isProgressShown = false;
  };
  const line = (sink: Sink, text: string): void => {
    endProgress();
    sink.write(`${text}\n`);
  };
  return {
    isJson,
    result: (json, text) => line(stdout, isJson ? JSON.stringify(json) : text),
    note: (text) => {
      if (!isJson) line(stderr, text);
    },
    progress: (text, milestone) => {
      if (isJson) return;
      if (milestone !== undefined) {
        line(stderr, text);
      } else if (stderr.isTerminal) {
        stderr.write(`${CLEAR_LINE}${text}`);
        isProgressShown = true;
      }
    },
    failure: ({ code, message }) => {
      if (isJson) line(stdout, JSON.stringify({ error: { code, message } }));
      else line(stderr, `coffer: ${message}`);
    },
  };
}

/** Rows of text as columns, two spaces apart; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[], indent = ""): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, index) =>
        index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0),
      );
      return `${indent}${cells.join("  ")}`.trimEnd();
    })
    .join("\n");
}
