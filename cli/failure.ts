// The one error class of this room: something that the user should read, with a stable code and the exit code
// that goes with it. Outcomes of commands are values and never pass through here; anything else that is
// thrown is a bug and is shown as one.

import { CofferError, CofferReadRefused } from "../client/errors.ts";
import { ClusterError } from "../cluster/cluster-error.ts";
import type { ExitCode } from "./exit-code.ts";
import { EXIT } from "./exit-code.ts";

/** An error for the user. The message is a sentence; the hint says what to try. */
export class CliFailure extends Error {
  override readonly name = "CliFailure";
  readonly code: string;
  readonly exit: ExitCode;

  constructor(code: string, message: string, exit: ExitCode = EXIT.refused, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.exit = exit;
  }
}

/** A wrong command line: exit 2, nothing was sent. `code` is the contract's where it has one. */
export function usageFailure(message: string, code = "usage"): CliFailure {
  return new CliFailure(code, message, EXIT.usage);
}

/** Nobody answers, or what answers takes nothing now: exit 4, nothing was recorded. */
export function unreachableFailure(message: string, code = "unreachable", cause?: unknown): CliFailure {
  return new CliFailure(code, message, EXIT.unreachable, { cause });
}

/** The text of whatever was thrown. Never throws. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Errors of the rooms below that mean: nobody answers, or what answers takes nothing now. */
const UNREACHABLE = [
  "nats_unreachable",
  "jetstream_unavailable",
  "unreachable",
  "busy",
  "overloaded",
  "closed",
];

/** What whatever was thrown means to the user; an error of no known class is a bug. Never throws. */
export function failureFrom(thrown: unknown): CliFailure {
  if (thrown instanceof CliFailure) return thrown;
  if (thrown instanceof CofferReadRefused) {
    return new CliFailure(thrown.reason, thrown.message, EXIT.refused, { cause: thrown });
  }
  if (thrown instanceof CofferError || thrown instanceof ClusterError) {
    const exit = UNREACHABLE.includes(thrown.code) ? EXIT.unreachable : EXIT.refused;
    const isUsage = thrown.code === "options_invalid";
    return new CliFailure(thrown.code, thrown.message, isUsage ? EXIT.usage : exit, { cause: thrown });
  }
  const trace = thrown instanceof Error && thrown.stack !== undefined ? thrown.stack : messageOf(thrown);
  const message = `this should not have happened; please report it.\n${trace}`;
  return new CliFailure("bug", message, EXIT.refused, { cause: thrown });
}
