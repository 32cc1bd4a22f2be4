// Publishes what the journal says into the bounded event stream: one unacknowledged run of messages, cut by
// bytes; what comes meanwhile joins the next run. (One message at a time would mean one a turn.) The journal is
// the source, so nothing is lost between COMMIT and publish: the file keeps the last step whose events are all
// acknowledged, and a new owner sends again from there. Readers drop what they have; each message names the event
// before it, taken from the journal and not from what was sent.
//
// A message costs the log a write of its own, under strict with a sync: so a run that follows another waits until
// there is enough for it, or for a bounded time. The first one after a quiet time leaves at once.

import { type EventId, joinEventMessage } from "../protocol/event.ts";
import {
  EVENTS_EAGER_MIN,
  EVENTS_PAUSE_MS,
  EVENTS_UNDER_WAY_MAX,
  OUTPUT_BYTES_MAX,
} from "../protocol/limits.ts";
import type { TenantName } from "../protocol/names.ts";
import { eventSubject } from "../protocol/subject.ts";
import type { EventRun } from "../storage/event-runs.ts";
import type { StepPlaceInLog } from "../storage/journal-step.ts";
import type { ShardScope } from "./shard-scope.ts";

/** Pause before messages without PubAck are sent again, in ms. */
const RETRY_MS = 500;

/** Runs of one tenant that go into one message, and their bytes. */
interface Part {
  readonly runs: [EventRun, ...EventRun[]];
  bytes: number;
}

/** See the file header. */
export class EventPump {
  readonly #scope: ShardScope;
  readonly #onFault: (error: unknown) => void;
  #isSending = false;
  /** Until when nothing is sent: for less than `#waitsFor` steps. */
  #timer: NodeJS.Timeout | null = null;
  #waitsFor = 0;
  #isClosed = false;

  /** @param onFault the journal cannot be read: the shard must stop */
  constructor(scope: ShardScope, onFault: (error: unknown) => void) {
    this.#scope = scope;
    this.#onFault = onFault;
  }

  /** Steps whose events no PubAck covers yet. */
  get pending(): number {
    const { file } = this.#scope;
    return file.counters().steps - file.eventsPublished;
  }

  /** Sends the next messages unless some are under way or too few wait; after each turn. */
  pump(): void {
    if (this.#isClosed || this.#isSending) return;
    const { pending } = this;
    if (pending === 0 || (this.#timer && pending < this.#waitsFor)) return;
    this.#endPause();
    this.#isSending = true;
    this.#send().catch(this.#onFault);
  }

  /** Stops for good. */
  close(): void {
    this.#isClosed = true;
    this.#endPause();
  }

  async #send(): Promise<void> {
    const { file, writer, shard } = this.#scope;
    const runs = file.reads.events(file.eventsPublished, EVENTS_UNDER_WAY_MAX);
    const last = runs.at(-1);
    const messages = partsOf(runs).map(({ runs: [first, ...more] }) => ({
      subject: eventSubject(first.tenant, shard),
      data: messageOf(first, more, shard),
    }));
    const results = await Promise.all(messages.map((message) => writer.publish(message)));
    this.#isSending = false;
    if (this.#isClosed) return;
    if (last && results.every(({ kind }) => kind === "ok")) {
      file.setEventsPublished(last.last);
      this.#pause(EVENTS_PAUSE_MS, EVENTS_EAGER_MIN);
      this.pump();
    } else this.#pause(RETRY_MS, Number.POSITIVE_INFINITY);
  }

  #pause(ms: number, waitsFor: number): void {
    this.#waitsFor = waitsFor;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.pump();
    }, ms);
  }

  #endPause(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Runs as the parts that fit into a message each; a tenant's in order. */
function partsOf(runs: readonly EventRun[]): Part[] {
  const parts: Part[] = [];
  const growing = new Map<TenantName, Part>();
  for (const run of runs) {
    const part = growing.get(run.tenant);
    if (part !== undefined && part.bytes + run.bytes.length <= OUTPUT_BYTES_MAX) {
      part.runs.push(run);
      part.bytes += run.bytes.length;
      continue;
    }
    const next: Part = { runs: [run], bytes: run.bytes.length };
    growing.set(run.tenant, next);
    parts.push(next);
  }
  return parts;
}

function messageOf(first: EventRun, more: readonly EventRun[], shard: number): Uint8Array {
  const ends = {
    from: idOf(first.from, shard),
    to: idOf((more.at(-1) ?? first).to, shard),
    previous: first.previous && idOf(first.previous, shard),
  };
  return joinEventMessage(ends, [first.bytes, ...more.map(({ bytes }) => bytes)]);
}

function idOf({ position, index }: StepPlaceInLog, shard: number): EventId {
  return { shard, position, index };
}
