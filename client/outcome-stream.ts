// Turns a stream of commands into a stream of outcomes in the same order, with a bounded number under way.
//
// Invariant: the source is read only while fewer than `inFlightMax` outcomes are owed to the caller; when the caller
// stops, the source is closed and nothing more is sent.

import type { ClientOutcome } from "./client-outcome.ts";

/** What a stream of outcomes is made of. */
export interface OutcomeStreamParts<Command> {
  readonly commands: Iterable<Command> | AsyncIterable<Command>;
  readonly inFlightMax: number;
  /** Sends one command; its rejections must be harmless when nobody looks. */
  send(command: Command): Promise<ClientOutcome>;
  /** Resolves when the window has room. */
  room(): Promise<void>;
}

/** Yields one outcome a command, in order. Throws what the source throws, and what `send` rejects with. */
export async function* orderedOutcomes<Command>(
  parts: OutcomeStreamParts<Command>,
): AsyncGenerator<ClientOutcome, void, undefined> {
  const queue = new OutcomeQueue();
  const filling = fill(parts, queue);
  // Whoever iterates sees what the source throws after the outcomes before it; until then it is not unhandled.
  filling.catch(() => undefined);
  try {
    for (let next = await queue.next(); next !== null; next = await queue.next()) yield await next.outcome;
    await filling;
  } finally {
    queue.stop();
  }
}

async function fill<Command>(parts: OutcomeStreamParts<Command>, queue: OutcomeQueue): Promise<void> {
  try {
    for await (const command of parts.commands) {
      await parts.room();
      if (queue.isStopped) return;
      queue.push(parts.send(command));
      await queue.below(parts.inFlightMax);
      if (queue.isStopped) return;
    }
  } finally {
    queue.end();
  }
}

/** Promises in order, with one who puts them in and one who takes them out. */
class OutcomeQueue {
  readonly #queue: { readonly outcome: Promise<ClientOutcome> }[] = [];
  #isEnded = false;
  readonly #wake: (() => void)[] = [];
  isStopped = false;

  push(outcome: Promise<ClientOutcome>): void {
    this.#queue.push({ outcome });
    this.#wakeAll();
  }

  /** The next promise, wrapped so that awaiting the queue does not await the outcome; null at the end. */
  async next(): Promise<{ readonly outcome: Promise<ClientOutcome> } | null> {
    while (this.#queue.length === 0 && !this.#isEnded) await this.#change();
    const next = this.#queue.shift() ?? null;
    this.#wakeAll();
    return next;
  }

  /** Resolves when fewer than `count` are queued, or the taker has stopped. */
  async below(count: number): Promise<void> {
    while (this.#queue.length >= count && !this.isStopped) await this.#change();
  }

  end(): void {
    this.#isEnded = true;
    this.#wakeAll();
  }

  stop(): void {
    this.isStopped = true;
    this.#wakeAll();
  }

  #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake.push(resolve);
    return promise;
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
