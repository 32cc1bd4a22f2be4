// Publishes what the journal says into the bounded event stream: one unacknowledged run of messages, cut by
// bytes; what comes meanwhile joins the next run. (One message at a time would mean one a turn.) The journal is
// the source, so nothing is lost between COMMIT and publish: the file keeps the last step whose events are all
// acknowledged, and a new owner sends again from there. Readers drop what they have; each message names the event
// before it, taken from the journal and not from what was sent.

import { type Event, type EventId, encodeEventMessage } from "../protocol/event.ts";
import { EVENTS_UNDER_WAY_MAX, OUTPUT_BYTES_MAX } from "../protocol/limits.ts";
import type { TenantName } from "../protocol/names.ts";
import { eventSubject } from "../protocol/subject.ts";
import type { JournalStep, StepPlaceInLog } from "../storage/journal-step.ts";
import type { ShardScope } from "./shard-scope.ts";

/** Pause before messages without PubAck are sent again, in ms. */
const RETRY_MS = 500;
/** Rough bytes of one event and of one wallet in it, to keep a message below its bound. */
const EVENT_BYTES = 200;
const WALLET_BYTES = 220;

/** Steps of one message, never none. */
type Part = [JournalStep, ...JournalStep[]];

/** See the file header. */
export class EventPump {
  readonly #scope: ShardScope;
  readonly #onFault: (error: unknown) => void;
  #isSending = false;
  #timer: NodeJS.Timeout | null = null;
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

  /** Sends the next messages unless some are under way; after each turn. */
  pump(): void {
    if (this.#isClosed || this.#isSending || this.#timer || this.pending === 0) return;
    this.#isSending = true;
    this.#send().catch(this.#onFault);
  }

  /** Stops for good. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  async #send(): Promise<void> {
    const { file, writer, shard } = this.#scope;
    const steps = file.reads.journal(file.eventsPublished, EVENTS_UNDER_WAY_MAX);
    const last = steps.at(-1);
    const messages = [...byTenant(steps)].flatMap(([tenant, own]) =>
      split(own).map((part) => ({ subject: eventSubject(tenant, shard), data: messageOf(part, shard) })),
    );
    const results = await Promise.all(messages.map((message) => writer.publish(message)));
    this.#isSending = false;
    if (this.#isClosed) return;
    if (last && results.every(({ kind }) => kind === "ok")) {
      file.setEventsPublished(last.number);
      this.pump();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.pump();
    }, RETRY_MS);
  }
}

/** Steps of one tenant as the parts that fit into a message each. */
function split(steps: readonly JournalStep[]): Part[] {
  const parts: Part[] = [];
  let bytes = 0;
  for (const step of steps) {
    const part = parts.at(-1);
    const more = EVENT_BYTES + step.wallets.length * WALLET_BYTES;
    bytes += more;
    if (part && bytes <= OUTPUT_BYTES_MAX) part.push(step);
    else {
      parts.push([step]);
      bytes = more;
    }
  }
  return parts;
}

function byTenant(steps: readonly JournalStep[]): Map<TenantName, Part> {
  const groups = new Map<TenantName, Part>();
  let tenant: TenantName | null = null;
  let group: Part | undefined;
  for (const step of steps) {
    if (step.tenant !== tenant) group = groups.get(step.tenant);
    tenant = step.tenant;
    if (group) group.push(step);
    else {
      group = [step];
      groups.set(tenant, group);
    }
  }
  return groups;
}

function messageOf(steps: Part, shard: number): Uint8Array {
  const [first] = steps;
  return encodeEventMessage({
    from: idOf(first, shard),
    to: idOf(steps.at(-1) ?? first, shard),
    previous: first.previous && idOf(first.previous, shard),
    events: steps.map((step) => eventOf(step, shard)),
  });
}

function eventOf(step: JournalStep, shard: number): Event {
  const { command, op, status, ref, wallets, timeMs } = step;
  return { id: idOf(step, shard), command, op, status, ref, wallets, timeMs };
}

function idOf({ position, index }: StepPlaceInLog, shard: number): EventId {
  return { shard, position, index };
}
