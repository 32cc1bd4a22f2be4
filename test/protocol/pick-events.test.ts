// Picking events out of a message: what readers of few wallets do with the events of all.
// Guards against: a balance that the lax way reads otherwise than the strict one.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeEventMessage, encodeEventMessage, pickEvents } from "../../protocol/event.ts";
import * as anyOf from "./arbitraries.ts";

test("gives the events that touch a wanted wallet as the whole message has them", () => {
  fc.assert(
    fc.property(anyOf.eventMessage, fc.nat(), (message, salt) => {
      const bytes = encodeEventMessage(message);
      const whole = decodeEventMessage(bytes);
      assert.ok(whole.ok);
      const isWanted = (wallet: string): boolean => (wallet.length + salt) % 2 === 0;
      const wanted = whole.value.events.filter(({ wallets }) =>
        wallets.some(({ wallet }) => isWanted(wallet)),
      );
      assert.deepEqual(pickEvents(bytes, isWanted), { ok: true, value: wanted });
    }),
  );
});

test("says so when a message is none", () => {
  for (const text of ["", "null", "[]", "{}", '{"events":{}}', '{"events":[{"wallets":{"a:b":{}}}]}'])
    assert.equal(pickEvents(Buffer.from(text), () => true).ok, false, text);
  for (const text of ['{"events":[]}', '{"events":[1,null,{}]}'])
    assert.deepEqual(
      pickEvents(Buffer.from(text), () => true),
      { ok: true, value: [] },
      text,
    );
});
