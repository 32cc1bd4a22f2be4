// The output gate for outcomes: coalesced into one message per reply subject and turn, split below half of
// max_payload, sent over core NATS only after COMMIT. Also remembers whom to answer when an open command
// settles. All of it is send state: a restart forgets it and callers ask by id.
//
// Before the shard is active nothing leaves; what became due meanwhile is held up to a bound and leaves at
// activation.

import type { RecordAnswers } from "../actors/shard-record.ts";
import { CALLS_WAITING_MAX, OUTPUT_BYTES_MAX, REPLIES_HELD_BYTES_MAX } from "../protocol/limits.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { encodeOutcomes } from "../protocol/outcome-codec.ts";
import { encodeOutcomesJson } from "../protocol/outcome-json.ts";
import type { ReplyRoute } from "./record-decoder.ts";

/** Sends bytes to a literal subject over core NATS; may throw while the connection is down. */
export type Publish = (subject: string, data: Uint8Array) => void;
/** Answers a waiting call of this engine; false when the token is not one of its own. */
export type AnswerCall = (token: string, outcome: Outcome) => boolean;

/** Rough bytes of one outcome, for splitting before encoding: the largest has 128 balances of about 200 bytes. */
const OUTCOME_BYTES = 240;
const BALANCE_BYTES = 220;

/** Waiting routes per shard; the oldest are forgotten beyond it. */
const WAITING_ROUTES_MAX = CALLS_WAITING_MAX * 10;

/** Somebody who is to be told when an open command settles; `replayed` = of a copy of it. */
interface Waiting {
  readonly route: ReplyRoute;
  readonly replayed: boolean;
}

interface Batch {
  readonly route: ReplyRoute;
  readonly outcomes: Outcome[];
}

/** See the file header. */
export class Replies {
  readonly #publish: Publish;
  readonly #answerCall: AnswerCall;
  readonly #waiting = new Map<number, Waiting[]>();
  /** Of all open commands together. */
  #waitingCount = 0;
  readonly #due = new Map<string, Batch>();
  #heldBytes = 0;
  #open = false;

  constructor(publish: Publish, answerCall: AnswerCall) {
    this.#publish = publish;
    this.#answerCall = answerCall;
  }

  /** Notes what a committed record answers. */
  add(route: ReplyRoute, answers: RecordAnswers): void {
    for (const { number, replayed } of answers.waiting) this.#wait(number, { route, replayed });
    for (const { outcome } of answers.answered) this.#deliver(route, outcome);
    for (const { number, outcome } of answers.settled) this.#settle(number, outcome);
  }

  /** Sends everything that is due, if the gate is open. */
  flush(): void {
    if (!this.#open) return;
    for (const batch of this.#due.values()) this.#send(batch);
    this.#due.clear();
    this.#heldBytes = 0;
  }

  /** Opens the gate at activation; what was held leaves at once. */
  open(): void {
    this.#open = true;
    this.flush();
  }

  /** Closes the gate for good and forgets everybody. */
  close(): void {
    this.#open = false;
    this.#waiting.clear();
    this.#waitingCount = 0;
    this.#due.clear();
  }

  #wait(number: number, waiting: Waiting): void {
    if (waiting.route.subject === null && waiting.route.call === null) return;
    const others = this.#waiting.get(number);
    if (others) others.push(waiting);
    else this.#waiting.set(number, [waiting]);
    this.#waitingCount += 1;
    if (this.#waitingCount <= WAITING_ROUTES_MAX) return;
    const oldest = this.#waiting.keys().next();
    if (!oldest.done) this.#forget(oldest.value);
  }

  #settle(number: number, outcome: Outcome): void {
    for (const { route, replayed } of this.#forget(number)) {
      this.#deliver(route, replayed ? { ...outcome, replayed } : outcome);
    }
  }

  #forget(number: number): readonly Waiting[] {
    const waiting = this.#waiting.get(number) ?? [];
    this.#waiting.delete(number);
    this.#waitingCount -= waiting.length;
    return waiting;
  }

  #deliver(route: ReplyRoute, outcome: Outcome): void {
    if (route.call !== null) this.#answerCall(route.call, outcome);
    if (route.subject === null) return;
    if (!this.#open) {
      this.#heldBytes += bytesOf(outcome);
      if (this.#heldBytes > REPLIES_HELD_BYTES_MAX) return;
    }
    const key = `${route.encoding} ${route.subject}`;
    const batch = this.#due.get(key);
    if (batch) batch.outcomes.push(outcome);
    else this.#due.set(key, { route, outcomes: [outcome] });
  }

  #send({ route, outcomes }: Batch): void {
    if (route.subject === null) return;
    const encode = route.encoding === "json" ? encodeOutcomesJson : encodeOutcomes;
    for (const part of split(outcomes)) this.#publish(route.subject, encode(part));
  }
}

function bytesOf(outcome: Outcome): number {
  return OUTCOME_BYTES + (outcome.balances?.length ?? 0) * BALANCE_BYTES;
}

function split(outcomes: readonly Outcome[]): (readonly Outcome[])[] {
  const parts: Outcome[][] = [];
  let part: Outcome[] = [];
  let bytes = 0;
  for (const outcome of outcomes) {
    bytes += bytesOf(outcome);
    if (part.length > 0 && bytes > OUTPUT_BYTES_MAX) {
      parts.push(part);
      part = [];
      bytes = bytesOf(outcome);
    }
    part.push(outcome);
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
