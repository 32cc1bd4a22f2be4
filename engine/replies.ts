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
import { NumberedValues } from "../storage/numbered-values.ts";
import type { ReplyRoute } from "./record-decoder.ts";

/** Sends bytes to a literal subject over core NATS; may throw while the connection is down. */
export type Publish = (subject: string, data: Uint8Array) => void;
/** Answers a waiting call of this engine; false when the token is not one of its own. */
export type AnswerCall = (token: string, outcome: Outcome) => boolean;

/** Rough bytes of one outcome, for splitting before encoding: the largest has 128 balances of about 200 bytes. */
const OUTCOME_BYTES = 240;
const BALANCE_BYTES = 220;
/** A character of what a caller made up takes so many bytes at most: escaped in JSON. */
const CHAR_BYTES_MAX = 6;

/** Waiting routes per shard; the oldest are forgotten beyond it. */
const WAITING_ROUTES_MAX = CALLS_WAITING_MAX * 10;

/** Somebody who is to be told when an open command settles; `replayed` = of a copy of it. Commands of a record share one. */
interface Waiting {
  readonly route: ReplyRoute;
  readonly replayed: boolean;
  /** Who began to wait before. */
  readonly earlier: Waiting | null;
}

/** See the file header. */
export class Replies {
  readonly #publish: Publish;
  readonly #answerCall: AnswerCall;
  readonly #waiting = new NumberedValues<Waiting>();
  /** Of all open commands together. */
  #waitingCount = 0;
  /**
   * What is to be sent, by subject. Made anew for each turn: a Map that is cleared ties its old table to the next one, and
   * one such table that has grown old keeps the outcomes of every later turn until a major collection.
   */
  #due = { json: new Map<string, Outcome[]>(), msgpack: new Map<string, Outcome[]>() };
  #heldBytes = 0;
  #open = false;

  constructor(publish: Publish, answerCall: AnswerCall) {
    this.#publish = publish;
    this.#answerCall = answerCall;
  }

  /** Notes what a committed record answers. */
  add(route: ReplyRoute, answers: RecordAnswers): void {
    if (route.subject !== null || route.call !== null) this.#waitForAll(route, answers.waiting);
    this.#deliver(route, answers.answered);
    for (const { number, outcome } of answers.settled) this.#settle(number, outcome);
  }

  /** Sends everything that is due, if the gate is open. */
  flush(): void {
    if (!this.#open) return;
    for (const [subject, outcomes] of this.#due.json) this.#send(subject, outcomes, encodeOutcomesJson);
    for (const [subject, outcomes] of this.#due.msgpack) this.#send(subject, outcomes, encodeOutcomes);
    this.#forgetDue();
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
    this.#forgetDue();
  }

  #forgetDue(): void {
    this.#due = { json: new Map(), msgpack: new Map() };
    this.#heldBytes = 0;
  }

  #waitForAll(route: ReplyRoute, waiting: RecordAnswers["waiting"]): void {
    const first: Waiting = { route, replayed: false, earlier: null };
    for (const { number, replayed } of waiting) {
      const earlier = this.#waiting.get(number) ?? null;
      this.#wait(number, replayed || earlier !== null ? { route, replayed, earlier } : first);
    }
  }

  #wait(number: number, waiting: Waiting): void {
    this.#waiting.set(number, waiting);
    this.#waitingCount += 1;
    if (this.#waitingCount <= WAITING_ROUTES_MAX) return;
    const oldest = this.#waiting.oldest();
    if (oldest !== undefined) this.#forget(oldest);
  }

  #settle(number: number, outcome: Outcome): void {
    for (const { route, replayed } of this.#forget(number)) {
      this.#deliver(route, [{ outcome: replayed ? { ...outcome, replayed } : outcome }]);
    }
  }

  /** @returns who waited, first come first */
  #forget(number: number): readonly Waiting[] {
    const waiting: Waiting[] = [];
    for (let each = this.#waiting.take(number) ?? null; each !== null; each = each.earlier)
      waiting.push(each);
    this.#waitingCount -= waiting.length;
    return waiting.reverse();
  }

  /** Outcomes of one record, whose way back is looked up once. */
  #deliver(route: ReplyRoute, answered: readonly { readonly outcome: Outcome }[]): void {
    const { subject, encoding, call } = route;
    let batch: Outcome[] | undefined;
    for (const { outcome } of answered) {
      if (call !== null) this.#answerCall(call, outcome);
      if (subject === null || !this.#isTaken(outcome)) continue;
      batch ??= this.#batchOf(subject, encoding);
      batch.push(outcome);
    }
  }

  #batchOf(subject: string, encoding: ReplyRoute["encoding"]): Outcome[] {
    const due = this.#due[encoding];
    const known = due.get(subject);
    if (known) return known;
    const batch: Outcome[] = [];
    due.set(subject, batch);
    return batch;
  }

  /** Whether an outcome may wait for the gate to open. */
  #isTaken(outcome: Outcome): boolean {
    if (this.#open) return true;
    this.#heldBytes += bytesOf(outcome);
    return this.#heldBytes <= REPLIES_HELD_BYTES_MAX;
  }

  #send(subject: string, outcomes: Outcome[], encode: typeof encodeOutcomes): void {
    for (const part of split(outcomes)) this.#publish(subject, encode(part));
  }
}

function bytesOf({ id, op, refusal, balances }: Outcome): number {
  const bytes = OUTCOME_BYTES + (balances?.length ?? 0) * BALANCE_BYTES;
  if (refusal === null) return bytes;
  const echoed = (id?.length ?? 0) + (op?.length ?? 0) + (refusal.detail?.length ?? 0);
  return bytes + echoed * CHAR_BYTES_MAX;
}

/** Runs that fit into a message each; nearly always there is one. */
function split(outcomes: readonly Outcome[]): (readonly Outcome[])[] {
  const parts: (readonly Outcome[])[] = [];
  let start = 0;
  let bytes = 0;
  for (let index = 0; index < outcomes.length; index += 1) {
    const outcome = outcomes[index];
    const more = outcome ? bytesOf(outcome) : 0;
    bytes += more;
    if (index === start || bytes <= OUTPUT_BYTES_MAX) continue;
    parts.push(outcomes.slice(start, index));
    start = index;
    bytes = more;
  }
  if (start < outcomes.length) parts.push(start === 0 ? outcomes : outcomes.slice(start));
  return parts;
}
