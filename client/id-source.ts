// Makes command ids (UUIDv7) and the unique names of this client's subjects, out of the injected clock.
// Ids in time order keep the engine's index of ids fast; uniqueness comes from 74 random bits.

import { assert } from "../protocol/assert.ts";
import { type CommandId, commandIdFromBytes } from "../protocol/command-id.ts";
import type { ClientClock } from "./clock.ts";

/** Random bytes drawn at once: one call into the random source serves about 400 ids. */
const POOL_BYTES = 4096;
const ID_RANDOM_BYTES = 10;

/** Source of fresh ids and names. */
export class IdSource {
  readonly #clock: ClientClock;
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;

  constructor(clock: ClientClock) {
    this.#clock = clock;
  }

  /** A new UUIDv7 of this moment. */
  commandId(): CommandId {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    const timeMs = this.#clock.wallMs();
    view.setUint32(0, Math.floor(timeMs / 0x1_0000));
    view.setUint16(4, timeMs % 0x1_0000);
    bytes.set(this.#draw(ID_RANDOM_BYTES), 6);
    view.setUint8(6, (view.getUint8(6) & 0x0f) | 0x70);
    view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
    const id = commandIdFromBytes(bytes);
    assert(id !== undefined, "16 bytes are an id");
    return id;
  }

  /** 22 letters, digits, `-` and `_`: one token of a subject that nobody else uses. */
  subjectToken(): string {
    return Buffer.from(this.#draw(16)).toString("base64url");
  }

  /** A uniform number in [0, 1), for jitter. */
  fraction(): number {
    const [high = 0, low = 0] = this.#draw(2);
    return (high * 256 + low) / 65_536;
  }

  #draw(count: number): Uint8Array {
    if (this.#used + count > POOL_BYTES) {
      this.#clock.fillRandom(this.#pool);
      this.#used = 0;
    }
    this.#used += count;
    return this.#pool.subarray(this.#used - count, this.#used);
  }
}
