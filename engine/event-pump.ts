// Publishes what the journal says into the bounded event stream: one unacknowledged message per tenant, what
// comes meanwhile joins the next. The journal is the source, so nothing is lost between COMMIT and publish: the
// file keeps the last step whose events are all acknowledged and a new owner sends again from there. Readers
// drop what they have; each message names the event before it, taken from the journal and not from what was sent.

import { type Event, type EventId, encodeEventMessage } from "../protocol/event.ts";
import { EVENTS_PER_MESSAGE_MAX, OUTPUT_BYTES_MAX } from "../protocol/limits.ts";
import type { TenantName } from "../protocol/names.ts";
import { eventSubject } from "../protocol/subject.ts";
import type { JournalStep } from "../storage/journal-reader.ts";
import type { ShardScope } from "./shard-scope.ts";

/** Pause before messages without PubAck are sent again, in ms. */
const RETRY_MS = 500;
/** Rough bytes of one event and of one wallet in it, to keep a message below its bound. */
const EVENT_BYTES = 200;
const WALLET_BYTES = 220;

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
    const rows = bounded(file.reads.journal(file.eventsPublished, EVENTS_PER_MESSAGE_MAX));
    const last = rows.at(-1);
    const results = await Promise.all(
      [...byTenant(rows)].map(([tenant, own]) =>
        writer.publish({ subject: eventSubject(tenant, shard), data: messageOf(own, shard) }),
      ),
    );
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

function bounded(steps: readonly JournalStep[]): readonly JournalStep[] {
  let bytes = 0;
  const end = steps.findIndex(({ wallets }) => {
    bytes += EVENT_BYTES + wallets.length * WALLET_BYTES;
    return bytes > OUTPUT_BYTES_MAX;
  });
  return end < 0 ? steps : steps.slice(0, Math.max(1, end));
}

function byTenant(steps: readonly JournalStep[]): Map<TenantName, [JournalStep, ...JournalStep[]]> {
  const groups = new Map<TenantName, [JournalStep, ...JournalStep[]]>();
  for (const step of steps) {
    const group = groups.get(step.tenant);
    if (group) group.push(step);
    else groups.set(step.tenant, [step]);
  }
  return groups;
}

function messageOf(steps: readonly [JournalStep, ...JournalStep[]], shard: number): Uint8Array {
  const [first] = steps;
  const idOf = ({ position, index }: Pick<EventId, "position" | "index">): EventId => ({
    shard,
    position,
    index,
  });
  const events = steps.map((step): Event => ({ ...step, id: idOf(step) }));
  const to = idOf(steps.at(-1) ?? first);
  return encodeEventMessage({
    from: idOf(first),
    to,
    previous: first.previous && idOf(first.previous),
    events,
  });
}
