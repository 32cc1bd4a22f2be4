// Pauses that end at once when the gateway stops, so that nothing that waits holds a stop up.
// Does not own what is done after a pause: whoever pauses looks whether it still wants to go on.
// Guards against: a stop that takes as long as the longest pause.

import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** See the file header. */
export class Pauses {
  readonly #over = new AbortController();

  constructor() {
    // One for each stream that waits, which are bounded elsewhere.
    setMaxListeners(0, this.#over.signal);
  }

  /** Waits, or returns at once after `end`. Never rejects. */
  async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  /** Ends the pauses under way, and those to come. */
  end(): void {
    this.#over.abort();
  }
}
