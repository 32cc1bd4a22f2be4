// Names for requests, by which an answer is found in the logs: the caller's own, when it sends one, else a fresh one.
// Invariant: an id has 1-64 characters of [A-Za-z0-9._-], so it fits a header, a log and a document as it is.

import type { ClientClock } from "../client/clock.ts";

const OWN = /^[A-Za-z0-9._-]{1,64}$/;
const TRACE = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/;
const TOKEN_BYTES = 5;

/** See the file header. */
export class RequestIds {
  readonly #prefix: string;
  #count = 0;

  /** @param clock its randomness tells this gateway's ids from those of others */
  constructor({ fillRandom }: Pick<ClientClock, "fillRandom">) {
    const bytes = new Uint8Array(TOKEN_BYTES);
    fillRandom(bytes);
    this.#prefix = `${Buffer.from(bytes).toString("hex")}-`;
  }

  /** The id of a request with this header; a fresh one when there is none, or one that does not fit. Never throws. */
  idOf(header: string | readonly string[] | undefined): string {
    if (typeof header === "string" && OWN.test(header)) return header;
    this.#count += 1;
    return this.#prefix + this.#count;
  }
}

/** The trace id of a `traceparent` header (W3C Trace Context), or null. Never throws. */
export function traceIdOf(header: string | readonly string[] | undefined): string | null {
  return typeof header === "string" ? (TRACE.exec(header)?.[1] ?? null) : null;
}
