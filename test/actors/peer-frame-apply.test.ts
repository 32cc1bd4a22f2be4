// Peer frames: twice, overlapping, early, foreign, and each proof of divergence that must halt the shard before
// anything of the frame is kept.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ShardHalt } from "../../actors/shard-record.ts";
import { pairHash } from "../../protocol/digest.ts";
import { encodeItems } from "../../protocol/item-codec.ts";
import type { PeerFrame } from "../../protocol/peer-frame.ts";
import { ScriptLab } from "./command-script.ts";
import type { LabShard } from "./shard-lab.ts";

/** Shard 0 has three items for shard 1 (three payments of owner a to owner b); nothing was carried yet. */
function threeItems(): ScriptLab {
  const script = new ScriptLab(2);
  script.run("open a:usd min*; open b:usd");
  for (const amount of [1, 2, 3]) script.lab.submit(script.command(`pay a:usd>b:usd:${amount}`)).turn();
  return script;
}

function applied(shard: LabShard): number {
  return shard.file.ledger.pair(0).applied.number;
}

function assertHalt(run: () => unknown, reason: ShardHalt["reason"]): void {
  assert.throws(run, (error) => error instanceof ShardHalt && error.reason === reason);
}

test("a frame that comes twice, overlaps or starts below what was applied is applied once", () => {
  using script = threeItems();
  const { lab } = script;
  for (const [first, count, last] of [
    [1, 1, 1],
    [1, 2, 2],
    [2, 1, 2],
    [1, 1, 2],
    [2, 2, 3],
    [1, 3, 3],
  ] as const) {
    const shard = lab.deliver(lab.frame(0, 1, { first, count }));
    assert.deepEqual(shard.turn()[0]?.resend, []);
    assert.equal(applied(shard), last);
  }
  assert.equal(script.balance("b:usd"), "6 0 0");
  lab.settle();
  assert.equal(script.balance("a:usd"), "-6 0 0");
});

test("a frame that starts too far ahead is dropped and asked for again", () => {
  using script = threeItems();
  const { lab } = script;
  const shard = lab.deliver(lab.frame(0, 1, { first: 2, count: 2 }));
  assert.deepEqual(shard.turn()[0]?.resend, [0]);
  assert.equal(applied(shard), 0);
  assert.equal(script.balance("b:usd"), "0 0 0");
  lab.settle();
  assert.equal(script.balance("b:usd"), "6 0 0");
});

test("an acknowledgement alone asks for nothing, wherever it stands", () => {
  using script = threeItems();
  const { lab } = script;
  const shard = lab.deliver(lab.frame(0, 1, { first: 4, count: 1 }));
  assert.deepEqual(shard.turn()[0]?.resend, []);
  assert.equal(applied(shard), 0);
});

test("a frame of another cluster, from nobody, to another shard or from the shard itself moves only the position", () => {
  using script = threeItems();
  const { lab } = script;
  const frame = lab.frame(0, 1);
  for (const foreign of [
    { cluster: "other" },
    { to: 0 },
    { from: 2 },
    { from: 1 },
    { from: -1 },
    { from: 0.5 },
  ]) {
    const shard = lab.at(1);
    const chain = shard.file.ledger.pair(0);
    shard.append(lab.timeMs, { kind: "peer", frame: { ...frame, ...foreign } });
    assert.deepEqual(shard.turn(), [{ answered: [], waiting: [], settled: [], resend: [] }]);
    assert.deepEqual(shard.file.ledger.pair(0), chain);
  }
});

test("late acknowledgements say nothing new, and later ones empty the outbox", () => {
  using script = threeItems();
  const { lab } = script;
  const none = lab.frame(1, 0);
  lab.deliver(lab.frame(0, 1, { count: 2 })).turn();
  const two = lab.frame(1, 0, { count: 0 });
  lab.deliver(lab.frame(0, 1, { first: 3 })).turn();
  const three = lab.frame(1, 0, { count: 0 });
  for (const [frame, kept] of [
    [two, 3],
    [two, 3],
    [three, 4],
    [two, 4],
    [none, 4],
  ] as const) {
    const sender = lab.deliver(frame);
    sender.turn();
    assert.equal(sender.file.ledger.lowestKept(1), kept);
  }
});

const WRONG = Buffer.alloc(16, 7);
const ABORT = { kind: "abort", saga: 99 } as const;

const HALTS: readonly (readonly [
  name: string,
  reason: ShardHalt["reason"],
  appliedBefore: number,
  first: number,
  change: (frame: PeerFrame) => Partial<PeerFrame>,
])[] = [
  ["items that the sender no longer keeps", "pair_diverged", 0, 2, () => ({ lowestKept: 2 })],
  ["nothing but a sign that items are gone", "pair_diverged", 0, 4, () => ({ lowestKept: 4 })],
  [
    "another hash before its first item",
    "pair_diverged",
    1,
    2,
    ({ before }) => ({ before: { ...before, hash: WRONG } }),
  ],
  [
    "another item where one was applied",
    "pair_diverged",
    2,
    1,
    ({ groups }) => ({ groups: [...groups].reverse() }),
  ],
  [
    "an acknowledgement of what was never sent",
    "pair_diverged",
    1,
    2,
    () => ({ acked: { number: 9, hash: WRONG } }),
  ],
  [
    "an acknowledgement with another hash",
    "pair_diverged",
    1,
    2,
    () => ({ acked: { number: 1, hash: WRONG } }),
  ],
  [
    "a group that ends elsewhere than it did before",
    "pair_diverged",
    1,
    1,
    () => ({ groups: [encodeItems([ABORT, ABORT])] }),
  ],
  ["a group of no items", "pair_diverged", 1, 2, () => ({ groups: [Buffer.from([0x90])] })],
  ["an item that does not decode", "pair_diverged", 1, 2, () => ({ groups: [Buffer.from([0x91, 0xc1])] })],
  [
    "an item of a later version",
    "unknown_version",
    1,
    2,
    () => ({ groups: [Buffer.from([0x91, 0x93, 0x63, 4, 1])] }),
  ],
];

for (const [name, reason, appliedBefore, first, change] of HALTS) {
  test(`a frame with ${name} halts the shard`, () => {
    using script = threeItems();
    const { lab } = script;
    if (appliedBefore > 0) lab.deliver(lab.frame(0, 1, { count: appliedBefore })).turn();
    const frame = lab.frame(0, 1, { first });
    const shard = lab.at(1);
    shard.append(lab.timeMs, { kind: "peer", frame: { ...frame, ...change(frame) } });
    assertHalt(() => shard.turn(), reason);
    assert.equal(applied(shard), appliedBefore, "nothing of it stays");
  });
}

test("an acknowledged hash that does not fit what was acknowledged before halts the shard", () => {
  using script = threeItems();
  const { lab } = script;
  lab.settle();
  const frame = lab.frame(1, 0);
  lab.at(0).append(lab.timeMs, { kind: "peer", frame: { ...frame, acked: { number: 3, hash: WRONG } } });
  assertHalt(() => lab.at(0).turn(), "pair_diverged");
});

test("a commit of what was never prepared and an answer that finds no saga are bugs that name their item", () => {
  for (const [item, of] of [
    [{ kind: "commit", saga: 99 }, "commit"],
    [{ kind: "result", saga: 99, of: "apply", refusal: null, leg: 0, assets: [] }, "result"],
    [{ kind: "result", saga: 99, of: "commit", refusal: null, leg: 0, assets: [] }, "result"],
  ] as const) {
    using script = threeItems();
    const { lab } = script;
    lab.settle();
    const frame = lab.frame(0, 1);
    const shard = lab.at(1);
    shard.append(lab.timeMs, { kind: "peer", frame: { ...frame, groups: [encodeItems([item])] } });
    assert.throws(() => shard.turn(), { name: "AssertionFailure" });
    assert.deepEqual(shard.progress.unit, { kind: "completion", of, number: 4 });
  }
});

test("an abort of what was never prepared and a vote for a saga that has ended are ignored and marked as applied", () => {
  using script = threeItems();
  const { lab } = script;
  lab.settle();
  const abort = encodeItems([{ kind: "abort", saga: 99 }]);
  const vote = encodeItems([{ kind: "result", saga: 99, of: "prepare", refusal: null, leg: 0, assets: [] }]);
  const frame = lab.frame(0, 1);
  const shard = lab.at(1);
  shard.append(lab.timeMs, { kind: "peer", frame: { ...frame, groups: [abort, vote] } });
  assert.deepEqual(shard.turn(), [{ answered: [], waiting: [], settled: [], resend: [] }]);
  const { applied: mark } = shard.file.ledger.pair(0);
  assert.deepEqual(Buffer.from(mark.hash), pairHash(pairHash(frame.before.hash, 4, abort), 5, vote));
});
