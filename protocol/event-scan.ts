// Reads an event message for somebody who wants the events of a few owners only: looks for the names of wallets in the
// bytes, and takes apart just the events that are wanted. What nobody wants costs about a tenth of reading it.
//
// It knows how EventWriter spells an event. Its marks hold a quote that is not escaped, which no text inside a JSON
// string can, so a reference that looks like a wallet is none. A message that begins otherwise is read whole.
// There is a second such reader, `pickEvents` in event.ts, because it goes by wallets and asks for less: it takes messages
// without a head, or with events that are none, which a feed that looks for gaps by the head must refuse.
// Invariant: gives the events that decodeEventMessage gives, less those that touch no wanted owner.

import { decodeEvent, decodeEventMessage, type Event, type EventMessage, parseEventId } from "./event.ts";
import { type OwnerName, ownerOf } from "./names.ts";
import { failed, ok, type Result } from "./result.ts";

const HEAD = /^\{"from":"([0-9:]{1,64})","to":"([0-9:]{1,64})","previous":"([0-9:]{1,64})","events":\[/;
/** Begins each event, and is nowhere else. */
const EVENT = '{"id":"';
/** Follows the name of each wallet, and is nowhere else. */
const WALLET = '":{"posted":"';
/** What stands behind the last event, and in its place between two. */
const END_CHARS = 2;
const COMMA_CHARS = 1;

/**
 * Reads a message's head, and those of its events that touch an owner for whom `isWanted` is true.
 * @returns the message with these events, perhaps none, or what does not fit. Never throws.
 */
export function decodeWantedEvents(
  bytes: Uint8Array,
  isWanted: (owner: OwnerName) => boolean,
): Result<EventMessage, string> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  const head = headOf(text);
  if (head === null) return wantedOfWhole(bytes, isWanted);
  const events: Event[] = [];
  let at = text.indexOf(WALLET);
  while (at >= 0) {
    const name = text.lastIndexOf('"', at - 1) + 1;
    if (isWanted(text.slice(name, text.indexOf(":", name)) as OwnerName)) {
      const start = text.lastIndexOf(EVENT, at);
      const next = text.indexOf(EVENT, at);
      const end = next < 0 ? text.length - END_CHARS : next - COMMA_CHARS;
      const event = start < 0 ? failed("an event has no id") : decodeEvent(bytes.subarray(start, end));
      if (!event.ok) return event;
      events.push(event.value);
      at = end;
    }
    at = text.indexOf(WALLET, at + 1);
  }
  return ok({ ...head, events });
}

function headOf(text: string): Omit<EventMessage, "events"> | null {
  const match = HEAD.exec(text);
  if (match === null) return null;
  const from = parseEventId(match[1]);
  const to = parseEventId(match[2]);
  const previous = match[3] === "0" ? null : parseEventId(match[3]);
  return from === undefined || to === undefined || previous === undefined ? null : { from, to, previous };
}

function wantedOfWhole(
  bytes: Uint8Array,
  isWanted: (owner: OwnerName) => boolean,
): Result<EventMessage, string> {
  const whole = decodeEventMessage(bytes);
  if (!whole.ok) return whole;
  const events = whole.value.events.filter(({ wallets }) =>
    wallets.some(({ wallet }) => isWanted(ownerOf(wallet))),
  );
  return ok({ ...whole.value, events });
}
