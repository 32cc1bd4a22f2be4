// Sagas that the step before them tells: they take a few bytes of the log, and come back as they were put. Guards
// against a saga that is made again from a step which says something else.

import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { Ledger, Saga, Step } from "../../actors/ledger.ts";
import { openCut } from "../../storage/read-only.ts";
import { rowSum } from "../../storage/row-sum.ts";
import { StorageFault } from "../../storage/storage-error.ts";
import {
  assetName,
  idOf,
  must,
  openWallet,
  ownerName,
  TENANT,
  TestShard,
  tenantName,
  USD,
  walletName,
} from "./shard-file-support.ts";

const from = walletName("alice:usd");
const to = walletName("bob:usd");
const leg = { leg: 0, from, to, amount: 5n, asset: USD };
const own = { wallet: from, debit: 5n, credit: 0n, leg: 0, counterparty: to };
const peer = { shard: 2, legs: [leg], vote: "waiting", refusal: null, leg: 0, acknowledged: false } as const;
const plain: Saga = {
  ...{ number: 7, phase: "applying", move: "transfer", tenant: TENANT, owner: ownerName("alice") },
  ...{ command: idOf(7), op: "transfer", code: "sale", ref: "order 7" },
  ...{ own: [own], peers: [peer], target: null, transfer: null, amount: 0n, final: false, assets: [] },
};
const ofLeg = (fields: Partial<typeof leg>): Partial<Saga> => ({
  own: [{ ...own, debit: fields.amount ?? 5n, counterparty: fields.to ?? to, wallet: fields.from ?? from }],
  peers: [{ ...peer, legs: [{ ...leg, ...fields }] }],
});

/** What the saga says beside what the step says, and whether the step tells it. */
const sagas: readonly (readonly [what: string, saga: Partial<Saga>, isTold: boolean])[] = [
  ["the same", {}, true],
  ["the same, to another shard", { peers: [{ ...peer, shard: 3 }] }, true],
  ["another tenant", { tenant: tenantName("other") }, false],
  ["another owner", { owner: ownerName("carol") }, false],
  ["another command", { command: idOf(8) }, false],
  ["another code", { code: null }, false],
  ["another reference", { ref: "order 8" }, false],
  ["another wallet", ofLeg({ from: walletName("alice:eur") }), false],
  ["another receiver", ofLeg({ to: walletName("bob:eur") }), false],
  ["another amount", ofLeg({ amount: 6n }), false],
  ["another asset", ofLeg({ asset: assetName("EUR/2") }), false],
  ["another phase", { phase: "committing" }, false],
];

function reserve(ledger: Ledger, fields: Partial<Step> = {}): void {
  const wallet = must(ledger.wallet(TENANT, from));
  ledger.append({
    ...{ kind: "reserve", tenant: TENANT, owner: ownerName("alice"), command: idOf(7), op: "transfer" },
    ...{ status: "pending", transfer: null, code: "sale", ref: "order 7" },
    changes: [{ wallet, posted: 0n, held: 5n, incoming: 0n, leg: 0, counterparty: to }],
    transits: [],
    ...fields,
  });
}

function logBytes(path: string): number {
  const database = new Database(path, { readonly: true });
  const bytes = database.prepare<[], number>("SELECT sum(length(body)) FROM saga_log").pluck().get();
  database.close();
  return bytes ?? 0;
}

function assertSaga(shard: TestShard, saga: Saga): void {
  assert.deepStrictEqual(shard.ledger.saga(7), saga);
  const [door] = openCut([shard.path]);
  assert.deepStrictEqual([...must(door).sagas()], [saga]);
  must(door).close();
}

for (const [what, fields, isTold] of sagas) {
  test(`a saga that says ${what} as the step before it comes back ${isTold ? "from the step" : "from its own bytes"}`, () => {
    using shard = new TestShard();
    const saga = { ...plain, ...fields };
    shard.turn((ledger) => openWallet(ledger, from, { id: shard.id(), min: -100n }));
    shard.turn((ledger) => {
      reserve(ledger);
      ledger.putSaga(saga);
    });
    assert.equal(logBytes(shard.path) < 16, isTold);
    assertSaga(shard, saga);
    shard.file.begin();
    shard.record((ledger) => ledger.endSaga(7));
    shard.file.rollback();
    assertSaga(shard, saga);
    shard.reopen();
    assertSaga(shard, saga);
  });
}

test("a step of another kind, with more wallets or of an earlier record tells no saga", () => {
  const steps: readonly ((ledger: Ledger) => void)[] = [
    (ledger) => reserve(ledger, { kind: "hold" }),
    (ledger) => reserve(ledger, { op: "capture" }),
    (ledger) => reserve(ledger, { transfer: idOf(9) }),
    (ledger) => {
      const [wallet, other] = [from, "alice:eur"].map((name) =>
        must(ledger.wallet(TENANT, walletName(name))),
      );
      const change = { posted: 0n, held: 5n, incoming: 0n, leg: 0, counterparty: to };
      reserve(ledger, {
        changes: [
          { wallet: must(wallet), ...change },
          { wallet: must(other), ...change },
        ],
      });
    },
    () => undefined,
  ];
  for (const step of steps) {
    using shard = new TestShard();
    shard.turn((ledger) => openWallet(ledger, from, { id: shard.id(), min: -100n }));
    shard.turn((ledger) => openWallet(ledger, "alice:eur", { id: shard.id(), min: -100n }));
    shard.turn((ledger) => reserve(ledger));
    shard.turn((ledger) => {
      step(ledger);
      ledger.putSaga(plain);
    });
    assert.ok(logBytes(shard.path) > 16);
    shard.reopen();
    assertSaga(shard, plain);
  }
});

test("a saga whose step is gone or tells none is corrupt", () => {
  using shard = new TestShard();
  shard.turn((ledger) => openWallet(ledger, from, { id: shard.id(), min: -100n }));
  shard.turn((ledger) => {
    reserve(ledger);
    ledger.putSaga(plain);
  });
  shard.file.close();
  const database = new Database(shard.path);
  // kind | number | length | form | step | shard
  const row = database.prepare<[number, Uint8Array]>("UPDATE saga_log SET sum = ?, body = ?");
  const number = database.prepare<[], number>("SELECT number FROM saga_log").pluck().get();
  const tell = (body: Uint8Array) => row.run(rowSum([must(number)], body), body);
  for (const step of [1, 9]) {
    tell(Buffer.of(1, 7, 3, 3, step, 2));
    assert.throws(() => shard.open(), StorageFault);
  }
  tell(Buffer.of(1, 7, 3, 3, 2, 2));
  database.close();
  shard.file = shard.open();
  assertSaga(shard, plain);
});
