// The window bounds what one client has on the way: commands and their bytes, over all shards together.
// There is no backpressure on the socket, so this is the only thing between a fast caller and unbounded memory.
// Invariant: what was taken is given back exactly once; those who wait get in in the order they came.

/** Bounds of a window. */
export interface WindowBounds {
  readonly commandsMax: number;
  readonly bytesMax: number;
}

/** Counts what is on the way. Knows nothing of commands. */
export class Window {
  readonly #bounds: WindowBounds;
  #commands = 0;
  #bytes = 0;

  constructor(bounds: WindowBounds) {
    this.#bounds = bounds;
  }

  /** Commands on the way. */
  get commands(): number {
    return this.#commands;
  }

  /** Takes room for one command. A command larger than the whole window gets in when it is alone. */
  tryTake(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.#commands += 1;
    this.#bytes += bytes;
    return true;
  }

  /** Whether `tryTake` would succeed. */
  hasRoom(bytes: number): boolean {
    if (this.#commands === 0) return true;
    return this.#commands < this.#bounds.commandsMax && this.#bytes + bytes <= this.#bounds.bytesMax;
  }

  /** Gives back the room of one command. */
  giveBack(bytes: number): void {
    this.#commands -= 1;
    this.#bytes -= bytes;
  }
}
