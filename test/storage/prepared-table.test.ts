// Moves that this shard has reserved for, in memory and as rows: after any turn, rollback and reopening they are those
// that were put and not ended, however many there are. Guards against one that memory forgets while its row is there.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Prepared } from "../../actors/ledger.ts";
import { idOf, must, ownerName, TENANT, TestShard, walletName } from "./shard-file-support.ts";

const reservation = { wallet: walletName("alice:usd"), debit: 3n, credit: 5n, leg: null, counterparty: null };

function preparedOf(coordinator: number, saga: number, reservations: number): Prepared {
  return {
    ...{ coordinator, saga, move: "transfer", tenant: TENANT, owner: ownerName("zoe"), command: idOf(saga) },
    ...{ transfer: null, code: null, ref: null },
    reserved: Array.from({ length: reservations }, () => reservation),
  };
}

function assertOpen(shard: TestShard, model: ReadonlyMap<number, Prepared>, last: number): void {
  for (let saga = 1; saga <= last; saga += 1) {
    for (const coordinator of [1, 2]) {
      const expected = model.get(saga);
      const there = expected?.coordinator === coordinator ? expected : undefined;
      assert.deepEqual(shard.ledger.prepared(coordinator, saga), there);
    }
  }
  assert.equal(shard.file.openCounts().preparedMoves, model.size);
}

const turns = fc.array(
  fc.record({
    acts: fc.array(
      fc.record({ isPut: fc.boolean(), place: fc.nat(20), coordinator: fc.constantFrom(1, 2) }),
      {
        minLength: 1,
        maxLength: 5,
      },
    ),
    ending: fc.constantFrom("commit", "commit", "roll back", "reopen"),
  }),
  { minLength: 5, maxLength: 25 },
);

test("the prepared moves are those that were put and not ended, after every turn, rollback and reopening", () => {
  fc.assert(
    fc.property(turns, (all) => {
      using shard = new TestShard();
      let model = new Map<number, Prepared>();
      let last = 0;
      for (const { acts, ending } of all) {
        const next = new Map(model);
        shard.file.begin();
        shard.record((ledger) => {
          for (const { isPut, place, coordinator } of acts) {
            const open = [...next.values()][place % Math.max(1, next.size)];
            if (isPut) {
              last += 1;
              next.set(last, preparedOf(coordinator, last, 2));
              ledger.putPrepared(must(next.get(last)));
            } else if (open) {
              ledger.endPrepared(open.coordinator, open.saga);
              next.delete(open.saga);
              assert.equal(ledger.prepared(open.coordinator, open.saga), undefined);
              assert.throws(() => ledger.endPrepared(open.coordinator, open.saga), /ends once/);
            }
          }
        });
        if (ending === "roll back") shard.file.rollback();
        else {
          shard.file.commit();
          model = next;
        }
        if (ending === "reopen") shard.reopen();
        assertOpen(shard, model, last);
      }
    }),
    { numRuns: 25, endOnFailure: true },
  );
});

test("more reservations than memory holds are read from their rows, and end", () => {
  using shard = new TestShard();
  const model = new Map<number, Prepared>();
  shard.turn((ledger) => {
    for (let saga = 1; saga <= 420; saga += 1) {
      model.set(saga, preparedOf(1, saga, 128));
      ledger.putPrepared(must(model.get(saga)));
    }
  });
  assertOpen(shard, model, 420);
  shard.turn((ledger) => {
    for (let saga = 1; saga <= 420; saga += 1) ledger.endPrepared(1, saga);
  });
  assertOpen(shard, new Map(), 420);
});
