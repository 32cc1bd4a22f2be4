// Reading the wanted events of a message, for any message that an engine writes and any choice of owners.
// Guards against: an event that a reader is not shown because its text was misread, and one of somebody else's.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeEventMessage, type Event, encodeEventMessage } from "../../protocol/event.ts";
import { decodeWantedEvents } from "../../protocol/event-scan.ts";
import { ownerOf } from "../../protocol/names.ts";
import * as anyOf from "./arbitraries.ts";

/** References that look like what the reader searches for. */
const HOSTILE = [
  '{"id":"1:2:3"',
  '":{"posted":"',
  'ann:usd":{"posted":"1"}}',
  '\\":{\\"posted\\":\\"',
  "]}",
  "é\u2028",
];

const messages = anyOf.eventMessage.chain((message) =>
  fc.array(fc.constantFrom(null, ...HOSTILE), { minLength: message.events.length }).map((refs) => ({
    ...message,
    events: message.events.map((event, at): Event => ({ ...event, ref: refs[at] ?? event.ref })),
  })),
);

/** What the whole message says of the events that touch a wanted owner. */
function expectedOf(bytes: Uint8Array, isWanted: (owner: string) => boolean): unknown {
  const whole = decodeEventMessage(bytes);
  assert.ok(whole.ok);
  const events = whole.value.events.filter(({ wallets }) =>
    wallets.some(({ wallet }) => isWanted(ownerOf(wallet))),
  );
  return { ok: true, value: { ...whole.value, events } };
}

test("the wanted events are those of the whole message that touch a wanted owner", () => {
  fc.assert(
    fc.property(messages, fc.func(fc.boolean()), (message, isWanted) => {
      const bytes = encodeEventMessage(message);
      assert.deepEqual(decodeWantedEvents(bytes, isWanted), expectedOf(bytes, isWanted));
    }),
  );
});

test("a message that is spelled otherwise is read whole", () => {
  fc.assert(
    fc.property(messages, fc.func(fc.boolean()), (message, isWanted) => {
      const bytes = encodeEventMessage(message);
      const spaced = JSON.stringify(JSON.parse(Buffer.from(bytes).toString()), null, 1);
      assert.deepEqual(decodeWantedEvents(Buffer.from(spaced), isWanted), expectedOf(bytes, isWanted));
    }),
  );
});

test("a part of a message is refused or read without its rest, never with another content", () => {
  fc.assert(
    fc.property(messages, fc.nat(), (message, cut) => {
      const bytes = encodeEventMessage(message);
      const part = bytes.subarray(0, cut % bytes.length);
      const read = decodeWantedEvents(part, () => true);
      const whole = decodeEventMessage(bytes);
      assert.ok(whole.ok);
      const events = whole.value.events.filter(({ wallets }) => wallets.length > 0);
      if (read.ok) assert.deepEqual(read.value.events, events.slice(0, read.value.events.length));
    }),
  );
});
