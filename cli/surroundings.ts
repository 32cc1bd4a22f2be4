// Everything that a command takes from the process around it, in one value that main.ts makes: no other file
// of this room reads the clock, randomness, the environment or the standard streams.

import type { ClientClock } from "../client/clock.ts";

/** Where text goes; `isTerminal` decides whether a line may be rewritten in place. */
export interface Sink {
  readonly isTerminal: boolean;
  /** Whether its reader went away; writing is dropped from then on. */
  isBroken(): boolean;
  write(text: string): void;
}

/** The process around a command. */
export interface Surroundings {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The directory that relative paths start from. */
  readonly directory: string;
  /** Time and randomness, made in main.ts. */
  readonly clock: ClientClock;
  /** A fresh UUID, version 7. */
  newId(): string;
  /**
   * Aborts at the first SIGINT, SIGTERM or SIGHUP; a later one ends the process at once. Reading this takes the
   * signals over: a command that has nothing to stop does not read it.
   */
  readonly interrupted: AbortSignal;
  /** How a person calls this program, for texts that suggest a next command. */
  readonly program: string;
}
