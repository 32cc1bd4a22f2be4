// Judging event messages, for any way in which an engine may send them again.
// Guards against events that a reader gets twice, or never.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EventPosition } from "../../client/event-position.ts";
import { type CommandId, parseCommandId } from "../../protocol/command-id.ts";
import { compareEventIds, type Event, type EventMessage } from "../../protocol/event.ts";

const command = commandIdOf("0190c0de-0000-7000-8000-000000000001");

function commandIdOf(text: string): CommandId {
  const id = parseCommandId(text);
  assert.ok(id);
  return id;
}

function event(position: number, index: number): Event {
  const id = { shard: 2, position, index };
  return { id, command, op: "transfer", status: "posted", ref: null, wallets: [], timeMs: 0 };
}

/** A run of events as one message. */
function messageOf(journal: readonly Event[], start: number, end: number): EventMessage {
  const events = journal.slice(start, end);
  const [from, to] = [events[0], events.at(-1)];
  assert.ok(from && to);
  return { from: from.id, to: to.id, previous: journal[start - 1]?.id ?? null, events };
}

const journals = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })), {
    minLength: 1,
    maxLength: 20,
  })
  .map((steps) => {
    let position = 0;
    return steps.flatMap(([gap, count]) => {
      position += gap;
      return Array.from({ length: count }, (_, index) => event(position, index));
    });
  });

test("every event is handed out once and in order, however often the engine starts again further back", () => {
  fc.assert(
    fc.property(
      journals,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 6 }))),
      (journal, restarts) => {
        const position = new EventPosition(0);
        const seen: Event[] = [];
        const read = (start: number, length: number): number => {
          const end = Math.min(start + length, journal.length);
          const judged = position.judge(messageOf(journal, start, end));
          assert.equal(judged.kind, "events");
          for (const each of judged.kind === "events" ? judged.events : []) {
            position.handedOut(each);
            seen.push(each);
          }
          return end;
        };
        let reached = 0;
        for (const [back, length] of restarts)
          reached = Math.max(reached, read((back % (reached + 1)) % journal.length, length));
        while (reached < journal.length) reached = read(reached, 4);
        assert.deepEqual(seen, journal);
      },
    ),
  );
});

test("a message that leaves out events before it is a gap", () => {
  fc.assert(
    fc.property(journals, fc.nat(), fc.nat(), (journal, first, second) => {
      const start = first % journal.length;
      const next = start + 2 + (second % 5);
      fc.pre(next < journal.length);
      const position = new EventPosition(0);
      const seen = journal[start];
      assert.ok(seen);
      position.handedOut(seen);
      assert.equal(position.judge(messageOf(journal, next, journal.length)).kind, "gap");
    }),
  );
});

test("a position survives its text", () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.tuple(fc.nat(200), fc.nat(), fc.nat(50))), (sequence, ids) => {
      const position = new EventPosition(sequence);
      for (const [shard, at, index] of ids)
        position.handedOut({ ...event(at, index), id: { shard, position: at, index } });
      const read = EventPosition.parse(position.text());
      assert.equal(read.text(), position.text());
      assert.equal(read.sequence, sequence);
    }),
  );
});

test("ids of one shard are ordered by position, then index", () => {
  const ordered = [event(1, 0), event(1, 1), event(2, 0), event(10, 0)].map(({ id }) => id);
  assert.deepEqual(ordered.toSorted(compareEventIds), ordered);
});
