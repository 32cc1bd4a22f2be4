// Pairs on a real file: items are numbered and chained, stay until the peer acknowledges them, and are never
// changed; what a peer sent is applied without a gap. Guards against an item that is lost, doubled or dropped on
// an acknowledgement that does not fit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pairHash } from "../../protocol/digest.ts";
import type { Item } from "../../protocol/item.ts";
import { countItems, encodeItems } from "../../protocol/item-codec.ts";
import { ITEM_GROUP_BYTES_MAX, ITEM_GROUP_MAX } from "../../protocol/limits.ts";
import { ownerOf } from "../../protocol/names.ts";
import { idOf, TENANT, TestShard, USD, walletName } from "./shard-file-support.ts";

const ALICE = walletName("alice:main");

test("items of a pair are numbered and chained by hash, and stay until the peer acknowledges them", () => {
  using shard = new TestShard();
  const item = { kind: "commit", saga: 5 } as const;
  const zero = new Uint8Array(16);
  const first = pairHash(zero, 1, encodeItems([item]));
  const second = pairHash(first, 3, encodeItems([item, item]));
  const none = { number: 0, hash: zero };
  assert.equal(shard.ledger.lowestKept(1), 1);
  shard.turn((ledger) => ledger.appendItem(1, item, [{ asset: USD, amount: 5n }]));
  shard.turn((ledger) => {
    ledger.appendItem(1, item);
    ledger.appendItem(2, item);
    ledger.appendItem(1, item);
  });
  for (const isReopened of [false, true]) {
    if (isReopened) shard.reopen();
    shard.turn((ledger) => {
      assert.equal(ledger.acknowledge(1, { number: 4, hash: second }), false, "never sent");
      assert.equal(ledger.acknowledge(1, { number: 2, hash: second }), false, "no group ends there");
      assert.equal(ledger.acknowledge(1, { number: 1, hash: second }), false, "another hash");
    });
    assert.deepEqual(bufferMark(shard.ledger.pair(1).sent), bufferMark({ number: 3, hash: second }));
    assert.deepEqual(bufferMark(shard.ledger.pair(1).acked), bufferMark(none));
    assert.deepEqual(bufferMark(shard.ledger.pair(1).applied), bufferMark(none));
    assert.equal(shard.file.counters().outboxItems, 4);
    const run = shard.file.outbox(1, 1, 10, 1000);
    assert.equal(run.before.number, 0);
    assert.equal(run.last, 3);
    assert.deepEqual(
      run.groups.map((bytes) => Buffer.from(bytes)),
      [[item], [item, item]].map((sent) => Buffer.from(encodeItems(sent))),
    );
    assert.equal(shard.file.outbox(1, 1, 10, 1).groups.length, 1, "the first group, however long");
    assert.equal(shard.file.outbox(1, 1, 2, 1000).groups.length, 1, "no half of a group");
    assert.equal(shard.file.outbox(1, 1, 0, 1000).groups.length, 0);
    assert.deepEqual(Buffer.from(shard.file.outbox(1, 2, 10, 1000).before.hash), Buffer.from(first));
    assert.throws(() => shard.file.outbox(1, 3, 10, 1000), /ends of groups/);
  }
  shard.turn((ledger) => {
    assert.equal(ledger.acknowledge(1, { number: 1, hash: first }), true);
    assert.equal(ledger.acknowledge(1, { number: 1, hash: second }), false);
    assert.equal(ledger.acknowledge(1, { number: 0, hash: zero }), true);
    assert.equal(ledger.lowestKept(1), 2);
    assert.equal(ledger.acknowledge(1, { number: 3, hash: second }), true);
    assert.equal(ledger.lowestKept(1), 4);
  });
  shard.reopen();
  assert.equal(shard.file.counters().outboxItems, 1);
  assert.deepEqual(
    shard.file.pairs().map(({ peer }) => peer),
    [1, 2],
  );
  assert.throws(() => shard.file.outbox(1, 2, 10, 1000), /while they are kept/);
});

function bufferMark({ number, hash }: { number: number; hash: Uint8Array }) {
  return { number, hash: Buffer.from(hash) };
}

test("an item that is appended and acknowledged in one turn leaves nothing behind", () => {
  using shard = new TestShard();
  const item = { kind: "abort", saga: 5 } as const;
  shard.file.begin();
  shard.record((ledger) => ledger.appendItem(1, item));
  shard.record((ledger) => assert.equal(ledger.acknowledge(1, ledger.pair(1).sent), true));
  shard.file.commit();
  assert.equal(shard.file.counters().outboxItems, 0);
  assert.equal(shard.file.outbox(1, 2, 10, 1000).groups.length, 0);
});

test("a peer's items are applied one after the other, and a shard is no peer of its own", () => {
  using shard = new TestShard();
  const hash = new Uint8Array(16).fill(7);
  shard.turn((ledger) => ledger.markApplied(3, { number: 1, hash }));
  assert.throws(
    () => shard.turn((ledger) => ledger.markApplied(3, { number: 1, hash })),
    /one after the other/,
  );
  assert.throws(() => shard.ledger.pair(0), /a peer is another shard/);
  assert.throws(() => shard.ledger.pair(4), /a peer is another shard/);
  shard.reopen();
  assert.deepEqual(shard.ledger.pair(3).applied, { number: 1, hash: Buffer.from(hash) });
});

test("a record's items for one peer are cut into groups by their number and bytes, whatever the turn", () => {
  const long = { kind: "prepare", saga: 5, move: "transfer", tenant: TENANT, owner: ownerOf(ALICE) } as const;
  const rest = { command: idOf(5), transfer: null, code: null, ref: "r".repeat(128), ifVersion: [] } as const;
  const leg = { leg: 0, from: ALICE, to: ALICE, amount: 1n, asset: null } as const;
  const large: Item = { ...long, ...rest, legs: Array.from({ length: 64 }, () => leg) };
  const largeBytes = encodeItems([large]).length - 1;
  const fitting = Math.ceil(ITEM_GROUP_BYTES_MAX / largeBytes) + 1;
  const runs = [true, false].map((isOneTurn) => {
    using shard = new TestShard();
    const counts = [ITEM_GROUP_MAX + 1, 2, 1];
    if (isOneTurn) shard.file.begin();
    for (const count of counts) {
      if (!isOneTurn) shard.file.begin();
      shard.record((ledger) => {
        for (let done = 0; done < count; done += 1) ledger.appendItem(1, { kind: "abort", saga: 1 });
        if (count === 1) for (let done = 0; done < fitting; done += 1) ledger.appendItem(2, large);
      });
      if (!isOneTurn) shard.file.commit();
    }
    if (isOneTurn) shard.file.commit();
    const small = shard.file.outbox(1, 1, 1000, 1 << 20).groups.map(countItems);
    const big = shard.file.outbox(2, 1, 1000, 1 << 20).groups.map(countItems);
    return { small, big, chain: Buffer.from(shard.file.stateChain), pairs: shard.file.pairs() };
  });
  assert.deepEqual(runs[0], runs[1]);
  const counted = (...values: number[]) => values.map((value) => ({ ok: true, value }));
  assert.deepEqual(runs[0]?.small, counted(ITEM_GROUP_MAX, 1, 2, 1));
  assert.deepEqual(runs[0]?.big, counted(fitting - 1, 1));
});

test("an outbox larger than what is kept in memory is sent and acknowledged from the file", () => {
  using shard = new TestShard();
  const leg = { leg: 0, from: ALICE, to: ALICE, amount: 1n, asset: null } as const;
  const large: Item = {
    ...{
      kind: "prepare",
      saga: 5,
      move: "transfer",
      tenant: TENANT,
      owner: ownerOf(ALICE),
      command: idOf(5),
    },
    ...{ transfer: null, code: null, ref: null, legs: Array.from({ length: 64 }, () => leg), ifVersion: [] },
  };
  for (let turn = 0; turn < 60; turn += 1) {
    shard.turn((ledger) => {
      for (let count = 0; count < 60; count += 1) ledger.appendItem(1, large);
    });
  }
  const all = (first: number) => shard.file.outbox(1, first, 10_000, 1 << 30);
  const { sent } = shard.ledger.pair(1);
  assert.equal(sent.number, 3600);
  const early = all(1);
  const late = all(3541);
  assert.equal(early.last, 3600);
  assert.deepEqual(late.groups, early.groups.slice(-late.groups.length));
  const middle = all(61).before;
  shard.turn((ledger) => assert.equal(ledger.acknowledge(1, middle), true));
  assert.throws(() => all(1), /while they are kept/);
  assert.equal(all(61).last, 3600);
  shard.turn((ledger) => assert.equal(ledger.acknowledge(1, late.before), true));
  assert.deepEqual(all(3541), late);
  shard.reopen();
  assert.deepEqual(all(3541), late);
});
