// Writes one stream's text to its socket: what comes in one turn of the event loop leaves in one write.
//
//   not begun ──begin──► open ──end──► closed
//                          └──too far behind, or no drain──► closed (the connection is destroyed)
//
// Invariant: at most UNREAD_BYTES_MAX and the text of one turn wait in memory for a reader who does not read; what a turn
// brings never drops a reader by itself, because the socket takes nothing within a turn.
// Does not own: what is written (live-stream.ts), nor when somebody looks whether it drains (live-events.ts).

import type { ServerResponse } from "node:http";
import { assert } from "../../protocol/assert.ts";
import { UNREAD_BYTES_MAX } from "./live-settings.ts";

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};

/** The answer to a request, before anything of it was sent. */
export interface StreamAnswer {
  readonly raw: ServerResponse;
  /** Whether nothing but the head is asked for. */
  readonly isHeadOnly: boolean;
  /** Takes the answer over for good; the headers that it has so far are set. */
  takeOver(): void;
}

/** See the file header. */
export class StreamWriter {
  readonly #answer: StreamAnswer;
  readonly #raw: ServerResponse;
  readonly #steadyMs: () => number;
  #text = "";
  #hasBegun = false;
  #isClosed = false;
  /** When the socket began to take no more; null while it takes. */
  #fullSinceMs: number | null = null;
  /** When something was last written. */
  #writtenAtMs: number;

  constructor(answer: StreamAnswer, steadyMs: () => number) {
    const { raw } = answer;
    this.#answer = answer;
    this.#raw = raw;
    this.#steadyMs = steadyMs;
    this.#writtenAtMs = steadyMs();
    raw.on("drain", () => {
      this.#fullSinceMs = null;
    });
  }

  /** Whether the head was sent. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Whether nothing more can be written. */
  get isClosed(): boolean {
    return this.#isClosed || this.#raw.destroyed;
  }

  /** Takes the answer over and sends its head. */
  begin(): void {
    assert(!this.#hasBegun, "a stream begins once");
    this.#hasBegun = true;
    this.#answer.takeOver();
    if (!this.isClosed) this.#raw.writeHead(200, HEADERS);
  }

  /** Writes text with the end of this turn; the stream is dropped then if its reader is too far behind. */
  write(text: string): void {
    assert(this.#hasBegun, "the head goes first");
    if (this.isClosed) return;
    if (this.#text === "") setImmediate(() => this.#flush());
    this.#text += text;
  }

  /** Ends the stream; what was written still arrives, if its reader reads. */
  end(): void {
    if (this.isClosed) return;
    this.#flush();
    this.#isClosed = true;
    if (this.#fullSinceMs !== null) this.#raw.destroy();
    else this.#raw.end();
  }

  /** Ends the stream with its connection. */
  drop(): void {
    this.#isClosed = true;
    this.#text = "";
    this.#raw.destroy();
  }

  /** Whether the socket has taken nothing for `drainMs`. */
  isStuck(drainMs: number): boolean {
    return this.#fullSinceMs !== null && this.#steadyMs() - this.#fullSinceMs >= drainMs;
  }

  /** For how long nothing was written, ms. */
  get silentMs(): number {
    return this.#steadyMs() - this.#writtenAtMs;
  }

  #flush(): void {
    const text = this.#text;
    this.#text = "";
    if (text === "" || this.isClosed) return;
    if (this.#raw.writableLength > UNREAD_BYTES_MAX) {
      this.drop();
      return;
    }
    this.#writtenAtMs = this.#steadyMs();
    if (!this.#raw.write(text)) this.#fullSinceMs ??= this.#writtenAtMs;
  }
}
