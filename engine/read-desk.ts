// Answers `coffer.get` from committed state, between turns. A read is strong: on the owner of the newest epoch
// the file shows every outcome that was settled before the read was sent. A read that names a position waits
// until it is applied; one that would show a wallet with a timer due by the owner's clock waits for a tick that
// touches its owner. Waiting is bounded in number and time; beyond it the answer is `busy`.

import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Connection } from "../cluster/connection.ts";
import { READ_WAIT_MS_MAX, READS_WAITING_MAX } from "../protocol/limits.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import { decodeRead, type ReadRequest } from "../protocol/read.ts";
import { encodeReadAnswer, type ReadFailure } from "../protocol/read-answer.ts";
import { askedGets, isAnswerSubject, parseAsk } from "../protocol/subject.ts";
import { lookUp } from "./read-lookup.ts";
import type { ShardScope } from "./shard-scope.ts";
import type { Ticker, TickTicket } from "./ticker.ts";

interface Address {
  readonly tenant: TenantName;
  readonly owner: OwnerName;
}

interface WaitingRead {
  readonly address: Address;
  readonly request: ReadRequest;
  readonly reply: string;
  readonly ticket: TickTicket | null;
  readonly untilMs: number;
}

/** See the file header. */
export class ReadDesk {
  readonly #scope: ShardScope;
  readonly #connection: Connection;
  readonly #ticker: Ticker;
  readonly #onFault: (error: unknown) => void;
  #subscription: Subscription | null = null;
  #waiting: WaitingRead[] = [];

  /** @param onFault committed state cannot be read: the shard must stop */
  constructor(scope: ShardScope, connection: Connection, ticker: Ticker, onFault: (error: unknown) => void) {
    this.#scope = scope;
    this.#connection = connection;
    this.#ticker = ticker;
    this.#onFault = onFault;
  }

  /** Starts to listen. */
  open(): void {
    this.#subscription = this.#connection.nc.subscribe(askedGets(this.#scope.shard), {
      callback: (error, message) => {
        if (!error) this.#guard(message.reply, () => this.#onGet(message));
      },
    });
  }

  /** Stops listening; waiting reads get no answer and time out at the caller. */
  close(): void {
    this.#subscription?.unsubscribe();
    this.#waiting = [];
  }

  /** Answers the reads whose position or tick was applied; after each turn. */
  onApplied(): void {
    if (this.#waiting.length === 0) return;
    const due = this.#waiting.filter((read) => this.#isReady(read));
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter((read) => !due.includes(read));
    for (const { address, request, reply } of due) {
      this.#guard(reply, () => this.#answer(address, request, reply));
    }
  }

  #guard(reply: string | undefined, read: () => void): void {
    try {
      read();
    } catch (error) {
      if (reply && isAnswerSubject(reply)) this.#refuse(reply, busy("the shard stops"));
      this.#onFault(error);
    }
  }

  #sweep(): void {
    const now = this.#scope.clock.monotonicMs();
    const late = this.#waiting.filter(({ untilMs }) => untilMs <= now);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ untilMs }) => untilMs > now);
    for (const { reply } of late) this.#refuse(reply, busy("not applied in time"));
  }

  #onGet(message: Msg): void {
    const address = parseAsk(message.subject);
    const reply = message.reply;
    if (!address || !reply || !isAnswerSubject(reply)) return;
    const decoded = decodeRead(Buffer.from(message.data), address);
    if (!decoded.ok) {
      this.#refuse(reply, decoded.error);
      return;
    }
    const request = decoded.value;
    const ticket = this.#ticketFor(address, request);
    const read = {
      address,
      request,
      reply,
      ticket,
      untilMs: this.#scope.clock.monotonicMs() + READ_WAIT_MS_MAX,
    };
    if (this.#isReady(read)) this.#answer(address, request, reply);
    else if (this.#waiting.length >= READS_WAITING_MAX)
      this.#refuse(reply, busy("too many reads are waiting"));
    else this.#wait(read);
  }

  #ticketFor({ tenant, owner }: Address, request: ReadRequest): TickTicket | null {
    if (request.get === "outcome" || !this.#scope.file.hasDueTimer(tenant, owner, this.#scope.clock.nowMs()))
      return null;
    return this.#ticker.touch(tenant, owner) ?? { sequence: Number.POSITIVE_INFINITY };
  }

  #wait(read: WaitingRead): void {
    this.#waiting.push(read);
    if (this.#waiting.length === 1) this.#scheduleSweep();
  }

  #scheduleSweep(): void {
    setTimeout(() => {
      this.#sweep();
      if (this.#waiting.length > 0) this.#scheduleSweep();
    }, READ_WAIT_MS_MAX / 4).unref();
  }

  #isReady({ request, ticket }: WaitingRead): boolean {
    const { position } = this.#scope.file;
    if (request.after !== null && position < request.after) return false;
    return ticket === null || (ticket.sequence !== null && position >= ticket.sequence);
  }

  #answer({ tenant, owner }: Address, request: ReadRequest, reply: string): void {
    this.#publish(reply, encodeReadAnswer(lookUp(this.#scope.file.reads, { tenant, owner }, request)));
  }

  #refuse(reply: string, failure: Omit<ReadFailure, "kind">): void {
    this.#publish(reply, encodeReadAnswer({ kind: "failed", ...failure }));
  }

  #publish(reply: string, answer: Uint8Array): void {
    if (!this.#connection.nc.isClosed()) this.#connection.nc.publish(reply, answer);
  }
}

function busy(detail: string): Omit<ReadFailure, "kind"> {
  return { code: "busy", detail };
}
