// The texts that are put together by hand (outcomes, events, amounts) are, byte for byte, what JSON.stringify makes of
// the same values.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type EventId, type EventMessage, encodeEventMessage, eventText } from "../../protocol/event.ts";
import { amountText } from "../../protocol/money.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { decodeOutcome, encodeOutcome } from "../../protocol/outcome-codec.ts";
import { balancesToJson, encodeOutcomesJson, outcomeToJson } from "../../protocol/outcome-json.ts";
import { timeText } from "../../protocol/time-text.ts";
import * as anyOf from "./arbitraries.ts";

const idText = ({ shard, position, index }: EventId) => `${shard}:${position}:${index}`;

function eventToJson(event: EventMessage["events"][number]): Record<string, unknown> {
  const { id, command, op, status, ref, wallets, timeMs } = event;
  const head = { id: idText(id), command, op, status, ...(ref === null ? {} : { ref }) };
  return { ...head, wallets: balancesToJson(wallets), time: timeText(timeMs) };
}

function messageToJson({ from, to, previous, events }: EventMessage): Record<string, unknown> {
  const ends = { from: idText(from), to: idText(to), previous: previous ? idText(previous) : "0" };
  return { ...ends, events: events.map(eventToJson) };
}

test("outcomes", () => {
  const echoed = fc.constantFrom('a"b', "a\\b", "a\nb", "\u007f", "");
  const outcome = fc.oneof(
    anyOf.outcome,
    fc.tuple(anyOf.outcome, echoed, echoed).map(([each, id, op]): Outcome => ({ ...each, id, op })),
  );
  const property = fc.property(fc.array(outcome, { maxLength: 3 }), (outcomes) => {
    const text = Buffer.from(encodeOutcomesJson(outcomes)).toString("utf8");
    assert.equal(text, JSON.stringify(outcomes.map(outcomeToJson)));
  });
  fc.assert(property, { numRuns: 1000 });
});

test("events, also when one follows another of the same record", () => {
  const property = fc.property(anyOf.eventMessage, ({ events, ...ends }) => {
    const message = { ...ends, events: [...events, ...events] };
    const text = Buffer.from(encodeEventMessage(message)).toString("utf8");
    assert.equal(text, JSON.stringify(messageToJson(message)));
    for (const event of events) assert.equal(eventText(event), JSON.stringify(eventToJson(event)));
  });
  fc.assert(property, { numRuns: 1000 });
});

test("amounts of every width", () => {
  const edges = [31n, 32n, 53n, 63n, 64n].flatMap((bits) => [-1n, 0n, 1n].map((more) => 2n ** bits + more));
  for (const edge of [0n, 1n, ...edges]) {
    assert.equal(amountText(edge), edge.toString());
    assert.equal(amountText(-edge), (-edge).toString());
  }
  fc.assert(fc.property(anyOf.money, (value) => assert.equal(amountText(value), value.toString())));
});

test("an echoed id that is nearly a UUID is packed as the text it was", () => {
  const uuid = "0190a5d0-0000-7000-8000-00000000000f";
  const unit = fc.constantFrom("g", "/", ":", "A", "F", "`", "-", "é", "\u0130", "0", "f");
  const property = fc.property(fc.nat(35), unit, (at, other) => {
    const id = uuid.slice(0, at) + other + uuid.slice(at + 1);
    const rest = { refusal: null, replayed: false, shard: 0, position: 0, timeMs: 0, balances: null };
    const outcome: Outcome = { id, op: "transfer", status: "refused", ...rest };
    const decoded = decodeOutcome(encodeOutcome(outcome));
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.value, outcome);
  });
  fc.assert(property, { numRuns: 1000 });
});
