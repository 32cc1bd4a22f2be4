// What a command of the `coffer` program is: its words, its table of arguments and flags, its help, and the
// function that runs it. Parser, help, completion and docs all read these tables, so they cannot disagree.
//
// Owns: the shape of a command, the flags that every command has.
// Does not own: parsing (arguments.ts), rendering (help.ts), the list of commands (catalog.ts).

import type { ExitCode } from "./exit-code.ts";
import type { Output } from "./output.ts";
import type { Parsed } from "./parsed.ts";
import type { Surroundings } from "./surroundings.ts";

/** One flag. `value` is the placeholder in the help, null for a flag that is there or not. */
export interface FlagSpec {
  /** With both dashes: `--hold-ttl`. */
  readonly name: `--${string}`;
  readonly value: string | null;
  readonly summary: string;
  /** May be given several times. */
  readonly repeats?: boolean;
  /** The only values allowed; also offered by the completion. */
  readonly choices?: readonly string[];
}

/** One positional argument, in the order of the table. Optional ones come last. */
export interface ArgumentSpec {
  /** In capitals: `WALLET`. */
  readonly name: string;
  readonly summary: string;
  readonly optional?: boolean;
  readonly choices?: readonly string[];
}

/** One example of the help: the arguments after the program's name, and what they do. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What a command gets to work with. */
export interface Invocation {
  readonly parsed: Parsed;
  readonly output: Output;
  readonly surroundings: Surroundings;
}

/** A command of the program. */
export interface CliCommand {
  /** One or two words: `transfer`, `wallet open`. */
  readonly path: string;
  readonly summary: string;
  /** More than the summary says, as paragraphs; wrapped by hand. */
  readonly details?: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly flags: readonly FlagSpec[];
  /** At least one. */
  readonly examples: readonly Example[];
  /**
   * Does the work and returns the exit code, having printed its result.
   * Errors: throws CliFailure for what the user should read; everything else that it throws is a bug.
   */
  run(invocation: Invocation): Promise<ExitCode>;
}

/** Flags that every command takes. */
export const COMMON_FLAGS: readonly FlagSpec[] = [
  { name: "--json", value: null, summary: "print JSON, errors included, on standard output" },
  {
    name: "--server",
    value: "URL",
    summary:
      "the NATS server (default: NATS_URL, else the running dev of ./.coffer, else nats://127.0.0.1:4222)",
  },
  { name: "--creds", value: "FILE", summary: "a NATS credentials file" },
  { name: "--tenant", value: "NAME", summary: "the tenant (default: demo)" },
  {
    name: "--timeout",
    value: "TIME",
    summary: "how long to wait for an answer: 500ms, 10s, 2m (default: 10s)",
  },
  { name: "--help", value: null, summary: "print this help" },
];

/** All flags of a command, its own first. */
export function flagsOf(command: CliCommand): readonly FlagSpec[] {
  return [...command.flags, ...COMMON_FLAGS];
}
