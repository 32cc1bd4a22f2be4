// What everybody has seen of wallets, and when, so that an answer can be called too old: a read that was sent at t and
// tells an age of a shows at least every version that anybody had seen by t - a.
//
// Remembers the last seconds of each wallet: the greatest version that was seen up to the end of each of them.

/** Seconds that are remembered; more than the age that an answer may have and the second that rounding takes. */
const SECONDS = 10;

/** See the file header. */
export class SeenVersions {
  readonly #versions: Float64Array;
  readonly #lastSecond: Int32Array;

  constructor(wallets: number) {
    this.#versions = new Float64Array(wallets * SECONDS);
    this.#lastSecond = new Int32Array(wallets).fill(-1);
  }

  /** Notes that a version of a wallet was seen. @param atMs since some moment, never going back */
  note(wallet: number, version: number, atMs: number): void {
    const second = Math.floor(atMs / 1_000);
    const last = this.#lastSecond[wallet] ?? -1;
    const known = last < 0 ? 0 : this.#at(wallet, last);
    for (let each = Math.max(last + 1, second - SECONDS + 1); each <= second; each += 1)
      this.#versions[wallet * SECONDS + (each % SECONDS)] = known;
    this.#lastSecond[wallet] = Math.max(last, second);
    const place = wallet * SECONDS + (Math.max(last, second) % SECONDS);
    this.#versions[place] = Math.max(this.#versions[place] ?? 0, version);
  }

  /** The least version that may be shown of a wallet as it was at a moment; 0 when nothing is known. */
  leastAt(wallet: number, atMs: number): number {
    const last = this.#lastSecond[wallet] ?? -1;
    // Of the second that the moment lies in, some was seen after it.
    const second = Math.min(Math.floor(atMs / 1_000) - 1, last);
    return second < 0 || second <= last - SECONDS ? 0 : this.#at(wallet, second);
  }

  #at(wallet: number, second: number): number {
    return this.#versions[wallet * SECONDS + (second % SECONDS)] ?? 0;
  }
}
