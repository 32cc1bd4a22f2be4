// The fixed schedule of an open loop: when each command is to be sent, whatever the engine does meanwhile. A latency
// that is counted from here includes the wait of commands that could not be sent in time (no coordinated omission).

/** See the file header. */
export class Schedule {
  readonly #startMs: number;
  readonly #msPerCommand: number;
  #lagMsMax = 0;

  /** @param ratePerSecond commands */
  constructor(startMs: number, ratePerSecond: number) {
    this.#startMs = startMs;
    this.#msPerCommand = 1000 / ratePerSecond;
  }

  /** When the command after `sent` others is to be sent. */
  intendedMs(sent: number): number {
    return this.#startMs + sent * this.#msPerCommand;
  }

  /** Notes that what was intended for `intendedMs` is sent now. */
  note(intendedMs: number, nowMs: number): void {
    this.#lagMsMax = Math.max(this.#lagMsMax, nowMs - intendedMs);
  }

  /** The greatest delay so far, ms. */
  get lagMsMax(): number {
    return this.#lagMsMax;
  }
}
