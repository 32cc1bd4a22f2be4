// The checked words of one call, by name. Made by arguments.ts, read by the commands.
// Invariant: a command can only ask for what its own table names.

import { assert } from "../protocol/assert.ts";

/** Checked words of one call. Asking for a name that the command's table lacks is a bug. */
export class Parsed {
  readonly #known: ReadonlySet<string>;
  readonly #flags: ReadonlyMap<string, readonly string[]>;
  readonly #arguments: ReadonlyMap<string, string>;

  /** @param known every flag and argument of the command's table */
  constructor(
    known: ReadonlySet<string>,
    flags: ReadonlyMap<string, readonly string[]>,
    words: ReadonlyMap<string, string>,
  ) {
    this.#known = known;
    this.#flags = flags;
    this.#arguments = words;
  }

  /** Whether the flag was given. */
  has(flag: `--${string}`): boolean {
    return this.texts(flag).length > 0;
  }

  /** The flag's value (the last one given), or null. */
  text(flag: `--${string}`): string | null {
    return this.texts(flag).at(-1) ?? null;
  }

  /** All values of a flag, in the order given; a switch has empty ones. */
  texts(flag: `--${string}`): readonly string[] {
    assert(this.#known.has(flag), `the command's table has ${flag}`);
    return this.#flags.get(flag) ?? [];
  }

  /** A positional argument, or null when an optional one was left out. */
  argument(name: string): string | null {
    assert(this.#known.has(name), `the command's table has ${name}`);
    return this.#arguments.get(name) ?? null;
  }

  /** A positional argument that the table does not make optional. */
  required(name: string): string {
    const word = this.argument(name);
    assert(word !== null, `${name} was checked when the line was parsed`);
    return word;
  }
}
