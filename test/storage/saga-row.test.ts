// The stored form of sagas: whatever the saga, it comes back equal; nearly all are short. Guards against a field that
// the short form leaves out of a saga in which it says something.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Saga } from "../../actors/ledger.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import { ByteWriter } from "../../storage/byte-writer.ts";
import { readSaga, writeSaga } from "../../storage/saga-row.ts";
import { assetName, idOf, ownerName, TENANT, USD, walletName } from "./shard-file-support.ts";

const from = walletName("alice:usd");
const to = walletName("bob:usd");
const leg = { leg: 0, from, to, amount: 5n, asset: USD };
const own = { wallet: from, debit: 5n, credit: 0n, leg: 0, counterparty: to };
const peer = { shard: 2, legs: [leg], vote: "waiting", refusal: null, leg: 0, acknowledged: false } as const;
const plain: Saga = {
  number: 7,
  phase: "applying",
  move: "transfer",
  tenant: TENANT,
  owner: ownerName("alice"),
  command: idOf(7),
  op: "transfer",
  code: null,
  ref: null,
  own: [own],
  peers: [peer],
  target: null,
  transfer: null,
  amount: 0n,
  final: false,
  assets: [],
};

function bytesOf(saga: Saga): Buffer {
  const writer = new ByteWriter();
  writeSaga(writer, saga);
  return writer.copy();
}

const ofLeg = (fields: Partial<typeof leg>): Partial<Saga> => ({
  peers: [{ ...peer, legs: [{ ...leg, ...fields }] }],
});
const ofOwn = (fields: Partial<Saga["own"][number]>): Partial<Saga> => ({ own: [{ ...own, ...fields }] });
const ofPeer = (fields: Partial<Saga["peers"][number]>): Partial<Saga> => ({
  peers: [{ ...peer, ...fields }],
});
const sum = INT64_MAX;

const short: readonly (readonly [string, Partial<Saga>])[] = [
  ["a plain move", {}],
  ["a code and a reference", { code: "sale", ref: "r".repeat(128) }],
  ["a large amount", { ...ofOwn({ debit: sum }), peers: [{ ...peer, legs: [{ ...leg, amount: sum }] }] }],
  ["no asset", { peers: [{ ...peer, legs: [{ ...leg, asset: null }] }] }],
  ["another owner", { owner: ownerName("carol") }],
];
const whole: readonly (readonly [string, Partial<Saga>])[] = [
  ["another phase", { phase: "preparing" }],
  ["another move", { move: "reverse" }],
  ["another operation", { op: "reverse" }],
  ["nothing reserved", { own: [] }],
  ["two reservations", { own: [own, { ...own, wallet: walletName("alice:box") }] }],
  ["no other shard", { peers: [] }],
  ["two other shards", { peers: [peer, { ...peer, shard: 3 }] }],
  ["a target", { target: 3 }],
  ["a transfer", { transfer: idOf(3) }],
  ["an amount of its own", { amount: 1n }],
  ["a last capture", { final: true }],
  ["known assets", { assets: [[from, USD]] }],
  ["two legs", ofPeer({ legs: [leg, { ...leg, leg: 1 }] })],
  ["no legs", ofPeer({ legs: [] })],
  ["a vote", ofPeer({ vote: "yes" })],
  ["a refusal", ofPeer({ refusal: { code: "wallet_closed", detail: null } })],
  ["a refused leg", ofPeer({ leg: 1 })],
  ["an acknowledgement", ofPeer({ acknowledged: true })],
  ["a later leg", ofLeg({ leg: 1 })],
  ["another payer", ofLeg({ from: walletName("carol:usd") })],
  ["another receiver", ofLeg({ to: walletName("carol:usd") })],
  ["another amount", ofLeg({ amount: 6n })],
  ["a reservation of another leg", ofOwn({ leg: 1 })],
  ["a reservation of several legs", ofOwn({ leg: null, counterparty: null })],
  ["a reserved credit", ofOwn({ credit: 1n })],
  ["a reservation in another wallet", ofOwn({ wallet: walletName("alice:box") })],
];

for (const [name, fields] of [...short, ["another asset", ofLeg({ asset: assetName("EUR/2") })] as const]) {
  test(`a saga with ${name} is short and comes back equal`, () => {
    const saga = { ...plain, ...fields };
    const bytes = bytesOf(saga);
    assert.equal(bytes[0], 2);
    assert.deepStrictEqual(readSaga(7, bytes), saga);
  });
}

for (const [name, fields] of whole) {
  test(`a saga with ${name} is written out and comes back equal`, () => {
    const saga = { ...plain, ...fields };
    const bytes = bytesOf(saga);
    assert.equal(bytes[0], 1);
    assert.deepStrictEqual(readSaga(7, bytes), saga);
  });
}

test("a short saga that was cut off, or has bytes behind it, is corrupt", () => {
  const bytes = bytesOf(plain);
  for (let length = 1; length < bytes.length; length += 1) {
    assert.throws(() => readSaga(7, bytes.subarray(0, length)), /saga 7/);
  }
  assert.throws(() => readSaga(7, Buffer.concat([bytes, Buffer.of(0)])), /saga 7/);
});
