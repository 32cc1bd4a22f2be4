// A plain saga as what sets it apart: the whole one that comes back is the one that was kept, and a saga that differs from
// such a one in anything else is not taken for it.
// Guards against: a saga whose money, vote or target changes because it was kept in the short form.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Saga, SagaPeer } from "../../actors/ledger.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import type { ItemLeg } from "../../protocol/item.ts";
import { parseAsset, parseOwner, parseTenant, parseWallet } from "../../protocol/names.ts";
import { plainOf, sagaOfPlain } from "../../storage/plain-saga.ts";

const tenant = must(parseTenant("demo"));
const owner = must(parseOwner("alice"));
const from = must(parseWallet("alice:main"));
const to = must(parseWallet("bob:main"));
const other = must(parseWallet("carol:main"));
const asset = must(parseAsset("USD/2"));
const id = must(parseCommandId("01900000-0000-7000-8000-000000000001"));
const LEG: ItemLeg = { leg: 0, from, to, amount: 25n, asset };
const PLAIN = sagaOfPlain({
  number: 7,
  tenant,
  owner,
  command: id,
  code: "fee",
  ref: null,
  leg: LEG,
  shard: 2,
});
const [OWN] = PLAIN.own;
const [PEER] = PLAIN.peers;
assert(OWN && PEER);

const own = (change: object): Partial<Saga> => ({ own: [{ ...OWN, ...change }] });
const peer = (change: Partial<SagaPeer>): Partial<Saga> => ({ peers: [{ ...PEER, ...change }] });
const OTHERS: readonly (readonly [string, Partial<Saga>])[] = [
  ["another phase", { phase: "committing" }],
  ["another kind of move", { move: "capture" }],
  ["another op", { op: "capture" }],
  ["no wallet of its own", { own: [] }],
  ["two wallets of its own", { own: [OWN, OWN] }],
  ["another amount reserved", own({ debit: 24n })],
  ["a credit", own({ credit: 1n })],
  ["another wallet reserved for", own({ wallet: other })],
  ["another counterparty", own({ counterparty: other })],
  ["no leg of its own", own({ leg: null })],
  ["no other shard", { peers: [] }],
  ["two other shards", { peers: [PEER, PEER] }],
  ["two legs", peer({ legs: [LEG, LEG] })],
  ["a leg that is not the first", peer({ legs: [{ ...LEG, leg: 1 }] })],
  ["a vote", peer({ vote: "yes" })],
  ["a refusal", peer({ refusal: { code: "wallet_closed", detail: null } })],
  ["a refused leg", peer({ leg: 1 })],
  ["an acknowledgement", peer({ acknowledged: true })],
  ["a target", { target: 3 }],
  ["a transfer", { transfer: id }],
  ["an amount", { amount: 1n }],
  ["the end of a hold", { final: true }],
  ["an asset learnt", { assets: [[from, asset]] }],
];

test("a plain saga comes back as it was", () => {
  const plain = plainOf(PLAIN);
  assert.ok(plain);
  assert.deepEqual(sagaOfPlain(plain), PLAIN);
});

for (const [what, change] of OTHERS) {
  test(`a saga with ${what} is kept whole`, () => assert.equal(plainOf({ ...PLAIN, ...change }), null));
}

function must<Value>(value: Value | undefined): Value {
  assert(value !== undefined);
  return value;
}
