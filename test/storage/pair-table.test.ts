// Pairs on a real file: items are numbered and chained, stay until the peer acknowledges them, and are never
// changed; what a peer sent is applied without a gap. Guards against an item that is lost, doubled or dropped on
// an acknowledgement that does not fit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pairHash } from "../../protocol/digest.ts";
import { encodeItem } from "../../protocol/item-codec.ts";
import { TestShard, USD } from "./shard-file-support.ts";

test("items of a pair are numbered and chained by hash, and stay until the peer acknowledges them", () => {
  using shard = new TestShard();
  const item = { kind: "commit", saga: 5 } as const;
  const zero = new Uint8Array(16);
  const first = pairHash(zero, 1, encodeItem(item));
  const second = pairHash(first, 2, encodeItem(item));
  const none = { number: 0, hash: zero };
  assert.equal(shard.ledger.lowestKept(1), 1);
  shard.turn((ledger) => {
    ledger.appendItem(1, item, [{ asset: USD, amount: 5n }]);
    ledger.appendItem(1, item);
    ledger.appendItem(2, item);
    assert.equal(ledger.acknowledge(1, { number: 3, hash: second }), false);
    assert.equal(ledger.acknowledge(1, { number: 1, hash: second }), false);
  });
  shard.reopen();
  assert.deepEqual(shard.ledger.pair(1), {
    peer: 1,
    sent: { number: 2, hash: Buffer.from(second) },
    acked: bufferMark(none),
    applied: bufferMark(none),
  });
  assert.equal(shard.file.counters().outboxItems, 3);
  const run = shard.file.outbox(1, 1, 10, 1000);
  assert.equal(run.before.number, 0);
  assert.deepEqual(
    run.items.map((bytes) => Buffer.from(bytes)),
    [item, item].map((sent) => Buffer.from(encodeItem(sent))),
  );
  assert.equal(shard.file.outbox(1, 1, 10, 1).items.length, 1);
  assert.equal(shard.file.outbox(1, 1, 0, 1000).items.length, 0);
  assert.deepEqual(Buffer.from(shard.file.outbox(1, 2, 10, 1000).before.hash), Buffer.from(first));
  shard.turn((ledger) => {
    assert.equal(ledger.acknowledge(1, { number: 1, hash: first }), true);
    assert.equal(ledger.acknowledge(1, { number: 1, hash: second }), false);
    assert.equal(ledger.acknowledge(1, { number: 0, hash: zero }), true);
    assert.equal(ledger.lowestKept(1), 2);
    assert.equal(ledger.acknowledge(1, { number: 2, hash: second }), true);
    assert.equal(ledger.lowestKept(1), 3);
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
  assert.equal(shard.file.outbox(1, 2, 10, 1000).items.length, 0);
});

test("a peer's items are applied one after the other, and a shard is no peer of its own", () => {
  using shard = new TestShard();
  const hash = new Uint8Array(16).fill(7);
  shard.turn((ledger) => ledger.markApplied(3, { number: 1, hash }));
  assert.throws(
    () => shard.turn((ledger) => ledger.markApplied(3, { number: 3, hash })),
    /one after the other/,
  );
  assert.throws(() => shard.ledger.pair(0), /a peer is another shard/);
  assert.throws(() => shard.ledger.pair(4), /a peer is another shard/);
  shard.reopen();
  assert.deepEqual(shard.ledger.pair(3).applied, { number: 1, hash: Buffer.from(hash) });
});
