// Where a reader of events stands: the last message of the event stream that it is through with, and the last event
// that it was handed from each shard. As text it can be stored and given back after a restart.
//
// Invariant: judging a message by its position hands out every event once and in order, or says that some are gone.

import { isJsonObject } from "../protocol/canonical-json.ts";
import {
  compareEventIds,
  type Event,
  type EventId,
  type EventMessage,
  eventIdText,
  parseEventId,
} from "../protocol/event.ts";
import { CofferOptionsInvalid } from "./errors.ts";

const VERSION = 1;

/** What a message holds for this reader: new events (none when all were seen), or a gap before it. */
export type Judged =
  | { readonly kind: "events"; readonly events: readonly Event[] }
  | { readonly kind: "gap"; readonly detail: string };

/** See the file header. */
export class EventPosition {
  /** Sequence of the last stream message that is wholly consumed; 0 = none. */
  sequence: number;
  readonly #last: Map<number, EventId>;

  constructor(sequence: number, last: ReadonlyMap<number, EventId> = new Map()) {
    this.sequence = sequence;
    this.#last = new Map(last);
  }

  /** Reads what `text()` gave. Errors: CofferOptionsInvalid. */
  static parse(text: string): EventPosition {
    const fields = parseObject(text);
    const sequence = fields?.["sequence"];
    const shards = fields?.["shards"];
    if (fields?.["version"] !== VERSION || !isCount(sequence) || !isJsonObject(shards)) throw invalid();
    const last = Object.values(shards).map((id) => {
      const parsed = parseEventId(id);
      if (parsed === undefined) throw invalid();
      return [parsed.shard, parsed] as const;
    });
    return new EventPosition(sequence, new Map(last));
  }

  /** Text that can be stored. */
  text(): string {
    const shards = [...this.#last].map(([shard, id]) => [shard, eventIdText(id)]);
    return JSON.stringify({ version: VERSION, sequence: this.sequence, shards: Object.fromEntries(shards) });
  }

  /** Judges the next message of the stream, whose events may be just those that are wanted. Changes nothing. */
  judge({ from, previous, events }: EventMessage): Judged {
    const last = this.#last.get(from.shard);
    if (last === undefined) return { kind: "events", events };
    const fresh = events.filter((event) => compareEventIds(event.id, last) > 0);
    const isChained = compareEventIds(from, last) <= 0 || isAtMost(previous, last);
    if (isChained) return { kind: "events", events: fresh };
    const detail = `shard ${from.shard} goes on at ${eventIdText(from)}, the last one seen was ${eventIdText(last)}.`;
    return { kind: "gap", detail };
  }

  /** The last event of a shard that was handed out or passed over; null = none yet. */
  last(shard: number): EventId | null {
    return this.#last.get(shard) ?? null;
  }

  /** Notes that an event was handed out. */
  handedOut(event: Event): void {
    this.#last.set(event.id.shard, event.id);
  }

  /** Notes that the reader is through with a message: with its last event, too, when nobody wanted that one. */
  through({ to }: EventMessage, sequence: number): void {
    const last = this.#last.get(to.shard);
    if (last === undefined || compareEventIds(to, last) > 0) this.#last.set(to.shard, to);
    this.sequence = sequence;
  }
}

function isAtMost(previous: EventId | null, last: EventId): boolean {
  return previous !== null && compareEventIds(previous, last) <= 0;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function invalid(): CofferOptionsInvalid {
  return new CofferOptionsInvalid("from: is not a position that an event feed gave");
}
