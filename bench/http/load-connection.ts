// One connection of autocannon, as this load uses it: requests are bytes of ours, answers are read by ResponseSkim, and
// the next request leaves when a turn is there and not always at once.
//
//   free ──turn──► under way ──answer──► free           under way ──connection lost──► given up, next request
//
// This is the one place that knows autocannon's insides (version 9, lib/httpClient.js): it asks `requestBuffer` of what
// it believes to be the request for the bytes to send, calls its own `_doRequest` when it may send again, and two of the
// callbacks that it gives its parser, at an answer's headers and at its end. Its own way of sending at a rate is not
// used: it sends each connection's share at once at the start of every second.

import type { Client } from "autocannon";
import { assert } from "../../protocol/assert.ts";
import type { RequestLane } from "./request-lane.ts";
import { ResponseSkim } from "./response-skim.ts";

/** Who gives turns and hears of answers. */
export interface ConnectionKeeper {
  readonly steadyMs: () => number;
  /** The connection may send. @returns when its request was due, ms; null = it is called when a turn is there */
  turnFor(connection: LoadConnection): number | null;
  /** Its request is answered. Latency counts from `dueMs`. */
  onAnswer(connection: LoadConnection, answer: ResponseSkim, dueMs: number): void;
}

/** What is used of autocannon's client. */
interface ClientInsides {
  parser: object;
  _doRequest: () => void;
}
type ParserCalls = Record<string, (about: { readonly statusCode: number }) => void>;

/** See the file header. */
export class LoadConnection {
  readonly lane: RequestLane;
  readonly #keeper: ConnectionKeeper;
  readonly #skim: ResponseSkim;
  readonly #send: () => void;
  #dueMs = 0;
  #isUnderWay = false;

  /** Takes over a client that has not connected yet. */
  constructor(client: Client, lane: RequestLane, keeper: ConnectionKeeper) {
    this.lane = lane;
    this.#keeper = keeper;
    const insides = client as unknown as ClientInsides;
    const send = insides._doRequest;
    assert(typeof send === "function", "autocannon sends by _doRequest");
    this.#send = () => send.call(insides);
    insides._doRequest = () => this.#onFree();
    this.#skim = skimFor(insides);
    client.setRequests([new BytesOfLane(() => this.#bytes())]);
    client.on("response", () => this.#onAnswer());
  }

  /** A turn that was due at a moment is there. */
  go(dueMs: number): void {
    this.#dueMs = dueMs;
    this.#send();
  }

  /** Nothing more is sent or heard. */
  end(): void {
    if (this.#isUnderWay) this.lane.giveUp();
    this.#isUnderWay = false;
  }

  /** autocannon would send now: after an answer, or on a new connection in place of one that was lost. */
  #onFree(): void {
    if (this.#isUnderWay) {
      this.lane.giveUp();
      this.#skim.reset();
      this.#send();
      return;
    }
    const dueMs = this.#keeper.turnFor(this);
    if (dueMs !== null) this.go(dueMs);
  }

  #bytes(): Buffer {
    this.#isUnderWay = true;
    return this.lane.next(this.#keeper.steadyMs());
  }

  #onAnswer(): void {
    this.#isUnderWay = false;
    this.#keeper.onAnswer(this, this.#skim, this.#dueMs);
  }
}

/** Puts our reader into the place of autocannon's. */
function skimFor(insides: ClientInsides): ResponseSkim {
  const names = insides.parser.constructor as unknown as Record<string, string>;
  const [onHeaders = "", onEnd = ""] = [names["kOnHeadersComplete"], names["kOnMessageComplete"]];
  assert(onHeaders !== "" && onEnd !== "", "autocannon's parser calls back");
  const skim = new ResponseSkim(() => {
    calls[onHeaders]?.({ statusCode: skim.status });
    calls[onEnd]?.({ statusCode: skim.status });
  });
  const calls = skim as unknown as ParserCalls;
  insides.parser = skim;
  return skim;
}

/** What autocannon takes for a request: it puts a rendering of its own there once, which nobody wants. */
class BytesOfLane {
  readonly method = "POST";
  headers = {};
  readonly #next: () => Buffer;

  constructor(next: () => Buffer) {
    this.#next = next;
  }

  get requestBuffer(): Buffer {
    return this.#next();
  }

  set requestBuffer(_rendered: unknown) {
    // Ours is made when it is sent.
  }
}
