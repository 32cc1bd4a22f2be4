// Late outcomes in their pages: whatever was settled in whatever turns, each is found as it was stored, once, also
// after rollbacks and by readers of their own. Guards against an outcome that is lost, or doubled, because its page was
// in memory, was not, or was written for another turn.

import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import { ByteWriter } from "../../storage/byte-writer.ts";
import { LateOutcomes } from "../../storage/late-outcomes.ts";
import { type LateOutcome, OUTCOMES_PER_PAGE, outcomesOfPage } from "../../storage/outcome-page.ts";
import { OutcomePages } from "../../storage/outcome-pages.ts";
import { INITIAL } from "../../storage/schema.ts";
import { StorageFault } from "../../storage/storage-error.ts";

type Model = Map<number, LateOutcome>;

function database(): Database.Database {
  const opened = new Database(":memory:");
  opened.exec(INITIAL);
  return opened;
}

function add(late: LateOutcomes, { body, ...outcome }: LateOutcome): void {
  const source = new ByteWriter();
  source.varint(7);
  const start = source.length;
  source.raw(body);
  late.add(outcome, source, start);
}

function outcomeOf(number: number, position: number, body = Buffer.from(`outcome ${number}`)): LateOutcome {
  return { number, position, timeMs: 1_790_000_000_000 + position * 7, body };
}

function assertStored(pages: Pick<OutcomePages, "find">, model: Model, numbersMax: number): void {
  for (let number = 0; number <= numbersMax; number += 1) {
    const found = pages.find(number);
    const expected = model.get(number);
    assert.deepEqual(found && { ...found, body: Buffer.from(found.body) }, expected);
  }
}

const turns = fc.array(
  fc.record({
    numbers: fc.array(fc.integer({ min: 1, max: 5 * OUTCOMES_PER_PAGE }), { maxLength: 60 }),
    ending: fc.constantFrom("commit", "commit", "commit", "roll back", "reopen"),
  }),
  { minLength: 1, maxLength: 20 },
);

test("each outcome is found as it was stored, after every turn, rollback and reopening", () => {
  fc.assert(
    fc.property(turns, (all) => {
      const file = database();
      let late = new LateOutcomes(file);
      let model: Model = new Map();
      all.forEach(({ numbers, ending }, turn) => {
        const next = new Map(model);
        file.exec("BEGIN");
        for (const [index, number] of numbers.entries()) {
          if (next.has(number)) continue;
          const outcome = outcomeOf(number, turn * 1000 + index);
          next.set(number, outcome);
          add(late, outcome);
          if (index === 30) late.flush();
        }
        if (ending === "roll back") {
          late.drop();
          file.exec("ROLLBACK");
        } else {
          late.flush();
          file.exec("COMMIT");
          model = next;
        }
        if (ending === "reopen") late = new LateOutcomes(file);
      });
      assertStored(late, model, 5 * OUTCOMES_PER_PAGE);
      assertStored(new OutcomePages(file), model, 5 * OUTCOMES_PER_PAGE);
      file.close();
    }),
    { numRuns: 40 },
  );
});

test("pages that are no longer in memory are filled on from the file", () => {
  const file = database();
  const late = new LateOutcomes(file);
  const model: Model = new Map();
  for (let round = 0; round < 2; round += 1) {
    for (let page = 0; page < 300; page += 1) {
      const outcome = outcomeOf(page * OUTCOMES_PER_PAGE + round + 1, round * 1000 + page);
      model.set(outcome.number, outcome);
      add(late, outcome);
    }
    late.flush();
  }
  assertStored(late, model, 300 * OUTCOMES_PER_PAGE);
  file.close();
});

test("a second outcome of a command is refused, whether its page is in memory or not", () => {
  const file = database();
  const late = new LateOutcomes(file);
  add(late, outcomeOf(5, 1));
  assert.throws(() => add(late, outcomeOf(5, 2)), /a command settles once/);
  late.flush();
  assert.throws(() => add(new LateOutcomes(file), outcomeOf(5, 2)), /a command settles once/);
  file.close();
});

test("numbers that are no command's are found outside, and others are not", () => {
  const file = database();
  const late = new LateOutcomes(file);
  for (const number of [0, 1, 700, 701, 900, 5000]) add(late, outcomeOf(number, number));
  late.flush();
  assert.deepEqual([...new OutcomePages(file).outside(700)], [0, 701, 900, 5000]);
  assert.deepEqual([...new OutcomePages(file).outside(5000)], [0]);
  file.close();
});

test("a page with a changed byte, an outcome too many or bytes behind it is corrupt", () => {
  const file = database();
  const late = new LateOutcomes(file);
  add(late, outcomeOf(5, 1));
  late.flush();
  const body = Buffer.from(new OutcomePages(file).body(0) ?? []);
  assert.equal(outcomesOfPage(0, body).length, 1);
  for (let at = 0; at < body.length; at += 1) {
    const changed = Buffer.from(body);
    changed.writeUInt8(body.readUInt8(at) ^ 1, at);
    assert.throws(() => outcomesOfPage(0, changed), StorageFault);
  }
  assert.throws(() => outcomesOfPage(0, Buffer.concat([body, Buffer.of(1)])), StorageFault);
  file.close();
});
