// Answers `coffer.call`: one JSON command, appended to the shard's own log by its owner, answered with the
// settled outcome. A call's record carries a token of this engine in a header; when the record or its saga
// settles, the token leads back to the caller. Waiting calls are bounded; a restart forgets them and callers
// ask by id. Shape refusals are answered at once and never reach the log.

import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Connection } from "../cluster/connection.ts";
import { decodeCommandMessage } from "../protocol/command-json.ts";
import { isRefusedShape, type RefusedShape } from "../protocol/decoded-command.ts";
import { CALLS_WAITING_MAX } from "../protocol/limits.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { outcomeToJson } from "../protocol/outcome-json.ts";
import {
  askedCalls,
  CALL_HEADER,
  isAnswerSubject,
  parseAsk,
  shardCommandSubject,
} from "../protocol/subject.ts";
import { busyAnswer, encodeAnswer } from "./answer.ts";
import type { ShardScope } from "./shard-scope.ts";

/** How long a caller is remembered, in ms; NATS requests give up much earlier. */
const CALL_TIMEOUT_MS = 60_000;

/** What answering calls needs of a shard; not its file: one that does not open has callers too. */
export type CallScope = Pick<ShardScope, "shard" | "shards" | "writer" | "clock">;

interface Waiting {
  readonly reply: string;
  readonly untilMs: number;
}

/** See the file header. */
export class CallDesk {
  readonly #scope: CallScope;
  readonly #connection: Connection;
  readonly #token: string;
  readonly #refusesCalls: () => string | null;
  readonly #waiting = new Map<string, Waiting>();
  #subscription: Subscription | null = null;
  #count = 0;

  /**
   * @param token random text that nobody else knows: with a counter it names a call
   * @param refusesCalls why a call is `busy` right now, or null
   */
  constructor(scope: CallScope, connection: Connection, token: string, refusesCalls: () => string | null) {
    this.#scope = scope;
    this.#connection = connection;
    this.#token = token;
    this.#refusesCalls = refusesCalls;
  }

  /** Starts to listen. */
  open(): void {
    this.#subscription = this.#connection.nc.subscribe(askedCalls(this.#scope.shard), {
      callback: (error, message) => {
        if (!error) this.#onCall(message);
      },
    });
  }

  /** Stops listening and forgets every caller. */
  close(): void {
    this.#subscription?.unsubscribe();
    this.#waiting.clear();
  }

  /** Calls that wait for their outcome. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Answers the call of a token. @returns whether the token belongs to a waiting call */
  answer = (token: string, outcome: Outcome): boolean => {
    const waiting = this.#waiting.get(token);
    if (!waiting) return false;
    this.#waiting.delete(token);
    this.#respond(waiting.reply, outcomeToJson(outcome));
    return true;
  };

  /** Forgets callers that have long stopped waiting; called once a second. */
  sweep(): void {
    const now = this.#scope.clock.monotonicMs();
    for (const [token, { untilMs }] of this.#waiting) {
      if (untilMs > now) return;
      this.#waiting.delete(token);
    }
  }

  #onCall(message: Msg): void {
    const address = parseAsk(message.subject);
    const reply = message.reply;
    if (!address || !reply || !isAnswerSubject(reply)) return;
    const { shard, shards, clock } = this.#scope;
    const data = Buffer.from(message.data);
    const [decoded, ...others] = decodeCommandMessage(data, { ...address, shard, shards });
    if (!decoded || others.length > 0 || data[data.findIndex((byte) => byte > 0x20)] === ARRAY_START) {
      this.#respond(reply, outcomeToJson(refusedShape(NOT_ONE_COMMAND, shard, clock.nowMs())));
    } else if (isRefusedShape(decoded)) {
      this.#respond(reply, outcomeToJson(refusedShape(decoded, shard, clock.nowMs())));
    } else {
      const subject = shardCommandSubject(shard, address.tenant, address.owner);
      this.#append({ subject, data }, reply, decoded.command.id);
    }
  }

  #append(message: { subject: string; data: Uint8Array }, reply: string, id: string): void {
    const { writer, clock } = this.#scope;
    const reason =
      this.#waiting.size >= CALLS_WAITING_MAX ? "too many calls are waiting" : this.#refusesCalls();
    if (reason !== null) {
      this.#respond(reply, busyAnswer(reason, id));
      return;
    }
    this.#count += 1;
    const token = `${this.#token}.${this.#count}`;
    const refuse = (): void => {
      if (this.#waiting.delete(token)) this.#respond(reply, busyAnswer("the log takes no command now", id));
    };
    this.#waiting.set(token, { reply, untilMs: clock.monotonicMs() + CALL_TIMEOUT_MS });
    const isSent = writer.send({ ...message, headers: [[CALL_HEADER, token]] }, ({ kind }) => {
      // After a time-out the command may be in the log: the caller is answered when it settles, or asks by id.
      if (kind !== "ok" && kind !== "timeout" && kind !== "unknown") refuse();
    });
    if (!isSent) refuse();
  }

  #respond(reply: string, answer: object): void {
    if (!this.#connection.nc.isClosed()) this.#connection.nc.publish(reply, encodeAnswer(answer));
  }
}

/** `[` in UTF-8: an array of commands is for the command subject. */
const ARRAY_START = 0x5b;
const NOT_ONE_COMMAND: RefusedShape = {
  id: null,
  op: null,
  shape: { code: "malformed", detail: "one command as a JSON object is expected" },
};

function refusedShape({ id, op, shape }: RefusedShape, shard: number, timeMs: number): Outcome {
  return {
    id,
    op,
    status: "refused",
    refusal: shape,
    replayed: false,
    shard,
    position: 0,
    timeMs,
    balances: null,
  };
}
