// What an answer changes in a saga is stored as a change: it gives the same saga, whatever else differs is told whole,
// and the state chain does not know where the saga lay. Guards against a field that a change leaves out, and against
// turns that leave a trace.

import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { Saga, SagaPeer } from "../../actors/ledger.ts";
import { ByteWriter } from "../../storage/byte-writer.ts";
import { changedSaga, isSagaChange, writeSagaChange } from "../../storage/saga-change.ts";
import { sagaOf } from "./move-play.ts";
import { assetName, idOf, must, ownerName, TestShard, USD, walletName } from "./shard-file-support.ts";

const started = sagaOf(7, idOf(7), 5n, "preparing");
const [first] = started.peers;
const peer = must(first);
const [leg] = peer.legs;
const [own] = started.own;
const saga: Saga = { ...started, peers: [peer, { ...peer, shard: 2 }, { ...peer, shard: 3 }] };
const carol = walletName("carol:usd");

function withPeers(change: (peer: SagaPeer, index: number) => SagaPeer): Saga {
  return { ...saga, peers: saga.peers.map(change) };
}

const changes: readonly (readonly [string, Saga])[] = [
  ["nothing", saga],
  ["a phase", { ...saga, phase: "committing" }],
  ["a vote", withPeers((each, index) => (index === 1 ? { ...each, vote: "yes" } : each))],
  [
    "a refusal",
    withPeers((each) => ({ ...each, vote: "no", refusal: { code: "wallet_closed", detail: "x" }, leg: 3 })),
  ],
  ["an acknowledgement", withPeers((each, index) => ({ ...each, vote: "yes", acknowledged: index === 2 }))],
  ["assets", { ...saga, assets: [...saga.assets, [carol, USD], [carol, assetName("EUR/2")]] }],
  ["nothing, in other objects", structuredClone(saga)],
];

for (const [name, changed] of changes) {
  test(`a saga in which an answer changed ${name} comes back from the change`, () => {
    assert.ok(isSagaChange(saga, changed));
    const writer = new ByteWriter();
    writeSagaChange(writer, saga, changed);
    const bytes = writer.copy();
    assert.deepStrictEqual(changedSaga(saga, bytes), changed);
    for (let length = 1; length < bytes.length; length += 1) {
      assert.throws(() => changedSaga(saga, bytes.subarray(0, length)), /change of saga 7/);
    }
    assert.throws(() => changedSaga(saga, Buffer.concat([bytes, Buffer.of(0)])), /change of saga 7/);
  });
}

const others: readonly (readonly [string, Partial<Saga>])[] = [
  ["number", { number: 8 }],
  ["move", { move: "reverse" }],
  ["owner", { owner: ownerName("carol") }],
  ["command", { command: idOf(8) }],
  ["operation", { op: "reverse" }],
  ["code", { code: "sale" }],
  ["reference", { ref: null }],
  ["target", { target: 3 }],
  ["transfer", { transfer: idOf(3) }],
  ["amount", { amount: 1n }],
  ["last capture", { final: true }],
  ["reservation", { own: [{ ...must(own), credit: 1n }] }],
  ["number of reservations", { own: [] }],
  ["number of shards", { peers: [peer] }],
  ["shard", { peers: saga.peers.map((each) => ({ ...each, shard: each.shard + 1 })) }],
  ["leg", { peers: saga.peers.map((each) => ({ ...each, legs: [{ ...must(leg), amount: 6n }] })) }],
  ["number of legs", { peers: saga.peers.map((each) => ({ ...each, legs: [] })) }],
  ["known asset", { assets: [[carol, USD]] }],
  ["fewer assets", { assets: [] }],
];

for (const [name, fields] of others) {
  test(`a saga with another ${name} is no change`, () =>
    assert.equal(isSagaChange(saga, { ...saga, ...fields }), false));
}

/** Starts a saga, lets 70 records pass, and gives it a vote and an end. */
function playCut(shard: TestShard, records: number): { chain: string; rows: unknown } {
  shard.turn((ledger) => ledger.putSaga(saga));
  for (let left = 70; left > 0; left -= records) {
    shard.file.begin();
    for (let index = 0; index < records; index += 1) {
      shard.record((ledger) => {
        ledger.putSaga(sagaOf(100 + left - index, idOf(100 + left - index), 5n, "applying"));
        ledger.endSaga(100 + left - index);
      });
    }
    shard.file.commit();
  }
  const database = new Database(shard.path, { readonly: true });
  const rows = database.prepare("SELECT count(*) FROM saga").pluck().get();
  database.close();
  const voted = withPeers((each) => ({ ...each, vote: "yes" }));
  shard.turn((ledger) => ledger.putSaga(voted));
  shard.reopen();
  assert.deepEqual(shard.ledger.saga(7), voted);
  shard.turn((ledger) => ledger.putSaga({ ...must(ledger.saga(7)), phase: "committing" }));
  shard.turn((ledger) => ledger.endSaga(7));
  return { chain: Buffer.from(shard.file.stateChain).toString("hex"), rows };
}

test("the state chain is the same whether a saga that changes lay in the log or had outlived it", () => {
  using long = new TestShard();
  using short = new TestShard();
  const cutLong = playCut(long, 35);
  const cutShort = playCut(short, 1);
  assert.deepEqual([cutLong.rows, cutShort.rows], [0, 1], "the saga lay in both places");
  assert.equal(cutLong.chain, cutShort.chain);
});

test("the legs of a saga are stored once, whatever becomes of it", () => {
  using shard = new TestShard();
  const bytes = (): number => {
    const database = new Database(shard.path, { readonly: true });
    const sum = database.prepare<[], number>("SELECT sum(length(body)) FROM saga_log").pluck().get();
    database.close();
    return sum ?? 0;
  };
  const legs = Array.from({ length: 64 }, (_, index) => ({ ...must(leg), leg: index }));
  const large: Saga = { ...saga, peers: saga.peers.map((each) => ({ ...each, legs })) };
  shard.turn((ledger) => ledger.putSaga(large));
  const whole = bytes();
  for (const shards of [1, 2, 3]) {
    shard.turn((ledger) => {
      const now = must(ledger.saga(7));
      const peers = now.peers.map(
        (each): SagaPeer => (each.shard === shards ? { ...each, vote: "yes" } : each),
      );
      ledger.putSaga({ ...now, peers });
    });
  }
  assert.ok(bytes() - whole < 100, "three votes tell no legs");
  shard.reopen();
  assert.deepEqual(shard.ledger.saga(7), {
    ...large,
    peers: large.peers.map((each) => ({ ...each, vote: "yes" })),
  });
});
