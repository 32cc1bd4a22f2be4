// Owners and ids of the commands that were claimed last, by number: what the command index compares with. Commands
// are asked for by id soon after they were claimed, by a capture or a duplicate, and finding one's row means reading
// and decoding the run that holds it. Forgetting is always right: the rows say the same.

import type { CommandId } from "../protocol/command-id.ts";

/** Commands kept; about 100 bytes each. */
const KEPT = 16_384;

/** See the file header. */
export class RecentClaims {
  readonly #numbers = new Float64Array(KEPT);
  readonly #owners = new Float64Array(KEPT);
  readonly #ids: CommandId[] = [];

  /** Notes a claim, in the order of numbers. */
  note(number: number, owner: number, id: CommandId): void {
    const place = number % KEPT;
    this.#numbers[place] = number;
    this.#owners[place] = owner;
    this.#ids[place] = id;
  }

  /** Whether a command has the owner's number and the id; undefined when it is not kept. */
  isClaim(number: number, owner: number, id: CommandId): boolean | undefined {
    const place = number % KEPT;
    if (this.#numbers[place] !== number) return;
    return this.#owners[place] === owner && this.#ids[place] === id;
  }

  /** Forgets everything: a rollback, after which numbers are given anew. */
  drop(): void {
    this.#numbers.fill(0);
    this.#ids.length = 0;
  }
}
