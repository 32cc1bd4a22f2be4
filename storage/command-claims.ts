// Which command number an id belongs to: the only filter for duplicates, and it is for ever. The one door to
// it: nothing else knows how the index is laid out. Scope of an id: the addressed owner (which implies the
// tenant).
//
// The id comes first in the key, so that ids in time order (UUIDv7) are inserted at the end of the tree.

import type { CommandId } from "../protocol/command-id.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Connection } from "./database.ts";

/** See the file header. */
export class CommandClaims {
  readonly #writer = new ByteWriter(16);
  /** Always the first 16 bytes of the writer, which never grows. */
  readonly #key: Uint8Array;
  readonly #sql;

  constructor(database: Connection) {
    this.#writer.uint64(0);
    this.#writer.uint64(0);
    this.#key = this.#writer.view();
    this.#sql = {
      claim: database.prepare<[Uint8Array, number, number]>(
        "INSERT INTO command_index (id, owner, number) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      ),
      find: database
        .prepare<[Uint8Array, number], number>("SELECT number FROM command_index WHERE id = ? AND owner = ?")
        .pluck(),
    };
  }

  /**
   * Claims an id for a number.
   * @param owner the owner's number
   * @returns null when the id was free and now has the number, else the number that holds it
   */
  claim(owner: number, id: CommandId, number: number): number | null {
    const key = this.#keyOf(id);
    if (this.#sql.claim.run(key, owner, number).changes === 1) return null;
    return this.find(owner, id);
  }

  /** @returns the number that holds the id, or null. */
  find(owner: number, id: CommandId): number | null {
    return this.#sql.find.get(this.#keyOf(id), owner) ?? null;
  }

  #keyOf(id: CommandId): Uint8Array {
    this.#writer.reset();
    this.#writer.id(id);
    return this.#key;
  }
}
