// Owners and ids of the commands that were claimed last, by number: what the command index compares with. Commands
// are asked for by id soon after they were claimed, by a capture or a duplicate, and finding one's row means reading
// and decoding the run that holds it. Forgetting is always right: the rows say the same.

import { type CommandId, commandIdAt } from "../protocol/command-id.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** Commands kept, 32 bytes each: as text the ids would outlive two young generations and fill the old one. */
const KEPT = 16_384;
const ID_BYTES = 16;

/** See the file header. */
export class RecentClaims {
  readonly #numbers = new Float64Array(KEPT);
  readonly #owners = new Float64Array(KEPT);
  readonly #ids = new Uint8Array(KEPT * ID_BYTES);

  /**
   * Notes a claim, in the order of numbers.
   * @param writer has the id as the one written last
   */
  note(number: number, owner: number, writer: ByteWriter): void {
    const place = number % KEPT;
    this.#numbers[place] = number;
    this.#owners[place] = owner;
    writer.copyLastId(this.#ids, place * ID_BYTES);
  }

  /** Whether a command has the owner's number and the id; undefined when it is not kept. */
  isClaim(number: number, owner: number, id: CommandId): boolean | undefined {
    const place = number % KEPT;
    if (this.#numbers[place] !== number) return;
    return this.#owners[place] === owner && commandIdAt(this.#ids, place * ID_BYTES) === id;
  }

  /** Forgets everything: a rollback, after which numbers are given anew. */
  drop(): void {
    this.#numbers.fill(0);
  }
}
