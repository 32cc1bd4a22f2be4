// Events: what settled or changed on one shard, one message a turn and tenant, derived from the journal.
// Readers drop what they have and resume on a gap: each message names its first and last event and the one
// before it. An event's id is `shard:position:index`, index counting the events of the record from 0.

import { isJsonObject, parseJson } from "./canonical-json.ts";
import { OPS } from "./command.ts";
import { parseDecimal } from "./decimal.ts";
import { type EventContent, EventWriter } from "./event-writer.ts";
import type { JsonFields } from "./json-fields.ts";
import { readJsonFields } from "./json-fields.ts";
import { STATUSES } from "./outcome.ts";
import { readBalances } from "./outcome-json.ts";
import { failed, ok, type Result } from "./result.ts";

/** Where an event lies: ordered by position, then index, within one shard. */
export interface EventId {
  readonly shard: number;
  readonly position: number;
  readonly index: number;
}

/** One event. */
export interface Event extends EventContent {
  readonly id: EventId;
}

/** One message of the event stream; never without events. */
export interface EventMessage {
  readonly from: EventId;
  readonly to: EventId;
  /** The tenant's event in this shard before `from`; null if there is none. */
  readonly previous: EventId | null;
  readonly events: readonly Event[];
}

const EVENT_OPS: readonly Event["op"][] = [...OPS, "expire"];
const EVENT_STATUSES: readonly Event["status"][] = [...STATUSES, "pending", "expired"];
/** What stands for "no event before". */
const NONE = "0";
const COMMA = 0x2c;
/** Room that one event nearly always fits. */
const EVENT_BYTES = 2048;

/** The text of an event's id. */
export function eventIdText({ shard, position, index }: EventId): string {
  return `${shard}:${position}:${index}`;
}

/** @returns the id that the text names, else `undefined` (also for "0", which is no event). Never throws. */
export function parseEventId(value: unknown): EventId | undefined {
  const parts = typeof value === "string" ? value.split(":", 4) : [];
  if (parts.length !== 3) return undefined;
  const [shard, position, index] = parts.map(parseDecimal);
  if (shard === undefined || position === undefined || index === undefined) return undefined;
  return { shard, position, index };
}

/** Below 0 when `left` comes before `right` in one shard, 0 when they are the same place. */
export function compareEventIds(left: EventId, right: EventId): number {
  return left.position - right.position || left.index - right.index;
}

/** One message as UTF-8 JSON. Never throws for a valid message. */
export function encodeEventMessage({ from, to, previous, events }: EventMessage): Uint8Array {
  const writer = new EventWriter();
  events.forEach(({ id, ...event }, at) => {
    if (at > 0) writer.comma();
    writer.event({ ...event, position: id.position, index: id.index }, id.shard);
  });
  return joinEventMessage({ from, to, previous }, [writer.slice(0, writer.length)]);
}

/** One message of runs of events, each as {@link EventWriter} wrote them with commas between. */
export function joinEventMessage(
  { from, to, previous }: Omit<EventMessage, "events">,
  runs: readonly Uint8Array[],
): Uint8Array {
  const before = previous === null ? NONE : eventIdText(previous);
  const head = `{"from":"${eventIdText(from)}","to":"${eventIdText(to)}","previous":"${before}","events":[`;
  const bytes = Buffer.allocUnsafeSlow(runs.reduce((sum, { length }) => sum + length + 1, head.length + 1));
  let at = bytes.write(head, "latin1");
  for (const run of runs) {
    bytes.set(run, at);
    at += run.length;
    bytes[at++] = COMMA;
  }
  bytes.write("]}", at - 1, "latin1");
  return bytes;
}

/** One event as the JSON text that messages and the command line show. */
export function eventText({ id, ...event }: Event): string {
  const writer = new EventWriter(EVENT_BYTES);
  writer.event({ ...event, position: id.position, index: id.index }, id.shard);
  return Buffer.from(writer.slice(0, writer.length)).toString("utf8");
}

/** Reads what {@link encodeEventMessage} gave; unknown fields are passed over. Never throws. */
export function decodeEventMessage(bytes: Uint8Array): Result<EventMessage, string> {
  const parsed = parseJson(bytes);
  return parsed.ok ? readJsonFields(parsed.value, readMessage) : failed(parsed.error);
}

/** Reads one event of a message. Never throws. */
export function decodeEvent(bytes: Uint8Array): Result<Event, string> {
  const parsed = parseJson(bytes);
  return parsed.ok ? readJsonFields(parsed.value, readEvent) : failed(parsed.error);
}

/**
 * Reads of a message only the events that touch a wanted wallet, as {@link decodeEventMessage} would. Laxly: it is for
 * readers that can lose an event. About 2 µs for an event that nobody wants.
 * @returns the events in order, or what is wrong. Never throws, unless `isWanted` does.
 */
export function pickEvents(
  bytes: Uint8Array,
  isWanted: (wallet: string) => boolean,
): Result<Event[], string> {
  const message = parsedLaxly(bytes);
  const events = isJsonObject(message) ? message["events"] : undefined;
  if (!Array.isArray(events)) return failed("events");
  const picked: Event[] = [];
  for (const event of events) {
    if (!touches(event, isWanted)) continue;
    const read = readJsonFields(event, readEvent);
    if (!read.ok) return read;
    picked.push(read.value);
  }
  return ok(picked);
}

function touches(event: unknown, isWanted: (wallet: string) => boolean): boolean {
  const wallets = isJsonObject(event) ? event["wallets"] : undefined;
  if (!isJsonObject(wallets)) return false;
  for (const wallet in wallets) {
    if (isWanted(wallet)) return true;
  }
  return false;
}

function parsedLaxly(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
  } catch {
    return undefined;
  }
}

function readMessage(fields: JsonFields): EventMessage {
  return {
    from: fields.parsed("from", parseEventId),
    to: fields.parsed("to", parseEventId),
    previous: fields.raw("previous") === NONE ? null : fields.parsed("previous", parseEventId),
    events: fields.list("events", readEvent),
  };
}

function readEvent(fields: JsonFields): Event {
  return {
    id: fields.parsed("id", parseEventId),
    command: fields.id("command"),
    op: fields.oneOf("op", EVENT_OPS),
    status: fields.oneOf("status", EVENT_STATUSES),
    ref: fields.textOrNull("ref"),
    wallets: readBalances(fields.object("wallets")),
    timeMs: fields.time("time"),
  };
}
