// The exit codes of the program. Scripts branch on these: a code never changes its meaning, the list only grows.
// Invariant: 3 and 4 are never mixed up: after 4 nothing was recorded, after 3 nobody knows.

/** What the process ends with. Scripts branch on these; the list only grows. */
export const EXIT = {
  /** Done. */
  done: 0,
  /** The engine refused, a violation was found, or the command could not do its work here. */
  refused: 1,
  /** The command line is wrong; nothing was sent. */
  usage: 2,
  /** Nobody knows yet: ask again with the same id. */
  unknown: 3,
  /** No server, no engine, or one that takes nothing at the moment; nothing was recorded. */
  unreachable: 4,
} as const;

/** One exit code. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
