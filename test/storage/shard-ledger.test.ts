// Every method of the ledger on a real file: what is put is read back within the record, the turn, and after
// the file was opened again; what must never happen throws before anything stays. Guards against a table whose
// memory and rows differ.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hold, Prepared, Saga } from "../../actors/ledger.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import { holdOf, placeHold, sagaOf } from "./move-play.ts";
import {
  assetName,
  claim,
  idOf,
  must,
  openWallet,
  outcomeOf,
  ownerName,
  START_MS,
  TENANT,
  TestShard,
  tenantName,
  transfer,
  USD,
  walletName,
} from "./shard-file-support.ts";

const alice = walletName("alice:usd");
const bob = walletName("bob:usd");

function funded(): TestShard {
  const shard = new TestShard();
  shard.turn((ledger) => {
    openWallet(ledger, "alice:usd", { id: shard.id(), min: "unlimited", max: 5000n, meta: '{"a":1}' });
    openWallet(ledger, "bob:usd", { id: shard.id() });
    openWallet(ledger, "bob:eur", { id: shard.id(), asset: assetName("EUR/2"), min: "unlimited" });
  });
  return shard;
}

test("a ledger names its shard, and a record's position and never falling time", () => {
  using shard = new TestShard(2);
  assert.deepEqual([shard.ledger.shard, shard.ledger.shards, shard.ledger.cluster], [2, 4, "cluster-1"]);
  shard.turn((ledger) => assert.deepEqual([ledger.position, ledger.timeMs], [1, START_MS]), START_MS);
  shard.turn((ledger) => assert.deepEqual([ledger.position, ledger.timeMs], [2, START_MS]), START_MS - 5000);
  assert.equal(shard.file.timeMs, START_MS);
});

test("an epoch that starts is kept with its code version, and a lower one is a bug", () => {
  using shard = new TestShard();
  const start = { kind: "epoch", cluster: "cluster-1", shard: 0, node: "n1" } as const;
  shard.turn((ledger) => {
    ledger.startEpoch({ ...start, epoch: 3, codeVersion: 2 });
    assert.equal(ledger.epoch, 3);
  });
  shard.reopen();
  assert.deepEqual([shard.file.epoch, shard.file.codeVersion], [3, 2]);
  const again = () => shard.turn((ledger) => ledger.startEpoch({ ...start, epoch: 3, codeVersion: 2 }));
  assert.throws(again, /an epoch that starts is higher/);
});

test("a wallet is numbered from 1, counted by owner, and the same after the file was opened again", () => {
  using shard = funded();
  const before = { ...must(shard.ledger.wallet(TENANT, alice)), warm: false };
  assert.deepEqual([before.number, before.version, before.lastStep], [1, 1, 1]);
  assert.equal(shard.ledger.walletCount(TENANT, ownerName("bob")), 2);
  assert.equal(shard.ledger.walletCount(TENANT, ownerName("nobody")), 0);
  assert.equal(shard.ledger.walletCount(tenantName("other"), ownerName("bob")), 0);
  shard.reopen();
  assert.deepEqual({ ...must(shard.ledger.wallet(TENANT, alice)), warm: false }, before);
  assert.equal(shard.ledger.walletCount(TENANT, ownerName("bob")), 2);
  assert.equal(shard.ledger.wallet(TENANT, walletName("alice:eur")), undefined);
  assert.equal(shard.ledger.wallet(tenantName("other"), alice), undefined);
});

test("the same wallet of two tenants is two wallets", () => {
  using shard = funded();
  const other = tenantName("other");
  shard.turn((ledger) => {
    const fields = { tenant: other, name: alice, asset: USD, min: 0n, max: "unlimited", meta: null } as const;
    const wallet = ledger.createWallet(fields);
    assert.equal(wallet.number, 4);
    const change = { wallet, posted: 0n, held: 0n, incoming: 0n, leg: null, counterparty: null };
    const command = shard.id();
    const names = {
      tenant: other,
      owner: ownerName("alice"),
      command,
      transfer: null,
      code: null,
      ref: null,
    };
    ledger.append({ ...names, kind: "open", op: "open", status: "open", changes: [change], transits: [] });
  });
  assert.notEqual(shard.ledger.wallet(other, alice), shard.ledger.wallet(TENANT, alice));
});

test("a wallet is created once, and an opening step follows", () => {
  using shard = funded();
  const fields = { tenant: TENANT, name: alice, asset: USD, min: 0n, max: "unlimited", meta: null } as const;
  assert.throws(() => shard.turn((ledger) => ledger.createWallet(fields)), /a wallet is created once/);
  const fresh = { ...fields, name: walletName("carol:usd") };
  assert.throws(() => shard.turn((ledger) => ledger.createWallet(fresh)), /was also opened/);
  assert.equal(shard.ledger.wallet(TENANT, fresh.name), undefined);
});

test("a step moves balances, raises versions and is seen by the rest of the turn", () => {
  using shard = funded();
  shard.file.begin();
  shard.record((ledger) => {
    transfer(ledger, { id: shard.id(), from: "alice:usd", to: "bob:usd", amount: 70n });
    assert.equal(ledger.wallet(TENANT, bob)?.posted, 70n);
  });
  shard.record((ledger) => assert.equal(ledger.wallet(TENANT, alice)?.version, 2));
  shard.file.commit();
  shard.reopen();
  assert.deepEqual(
    [alice, bob].map((name) => must(shard.ledger.wallet(TENANT, name)).posted),
    [-70n, 70n],
  );
});

const REFUSED_STEPS: readonly (readonly [
  string,
  RegExp,
  { alice?: bigint; bob?: bigint; eur?: bigint; held?: bigint },
])[] = [
  ["posted changes that do not sum to zero", /sum to zero/, { alice: -5n, bob: 6n }],
  ["two assets that sum to zero only together", /sum to zero per asset/, { alice: -5n, eur: 5n }],
  ["a debit below min", /at or above min/, { bob: -1n, alice: 1n }],
  ["a credit above max", /at or below max/, { alice: 5001n, eur: 0n }],
  ["a reservation below min", /at or above min/, { bob: 0n, held: 1n }],
];

for (const [what, message, deltas] of REFUSED_STEPS) {
  test(`a step is a bug, and nothing of it stays: ${what}`, () => {
    using shard = funded();
    const { stateChain } = shard.file;
    const broken = () =>
      shard.turn((ledger) => {
        const change = (name: string, posted: bigint | undefined, held = 0n) =>
          posted === undefined
            ? []
            : [
                {
                  wallet: must(ledger.wallet(TENANT, walletName(name))),
                  posted,
                  held,
                  incoming: 0n,
                  leg: 0,
                  counterparty: null,
                },
              ];
        const changes = [
          ...change("alice:usd", deltas.alice),
          ...change("bob:usd", deltas.bob, deltas.held),
          ...change("bob:eur", deltas.eur),
        ];
        const isBalanced = what === "a credit above max";
        const transits = isBalanced ? [{ peer: 1, direction: "in", asset: USD, amount: 5001n } as const] : [];
        const names = {
          tenant: TENANT,
          owner: ownerName("alice"),
          command: shard.id(),
          transfer: null,
          code: null,
          ref: null,
        };
        ledger.append({ ...names, kind: "transfer", op: "transfer", status: "posted", changes, transits });
      });
    assert.throws(broken, message);
    assert.equal(shard.file.stateChain.toString(), stateChain.toString());
    assert.equal(shard.ledger.wallet(TENANT, alice)?.version, 1);
  });
}

test("a wallet object that outlived a rollback cannot be changed", () => {
  using shard = funded();
  const stale = must(shard.ledger.wallet(TENANT, alice));
  assert.throws(() => shard.turn(() => assert.fail("thrown inside a turn")));
  const changes = [{ wallet: stale, posted: 0n, held: 0n, incoming: 0n, leg: null, counterparty: null }];
  const names = {
    tenant: TENANT,
    owner: ownerName("alice"),
    command: shard.id(),
    transfer: null,
    code: null,
    ref: null,
  };
  const step = { ...names, kind: "freeze", op: "freeze", status: "done", changes, transits: [] } as const;
  assert.throws(() => shard.turn((ledger) => ledger.append(step)), /live wallets/);
});

test("a claimed id has one number, in its owner's scope, also within the record that claims it", () => {
  using shard = funded();
  shard.file.begin();
  shard.record((ledger) => {
    const number = claim(ledger, ownerName("alice"), idOf(900), "first");
    assert.equal(number, 4);
    assert.equal(ledger.command(number).outcome, null);
    const again = claimAgain(ledger, "alice", "second");
    assert.ok("existing" in again && again.existing.number === number);
    assert.equal(Buffer.from(again.existing.content).toString(), "first");
    assert.deepEqual(claimAgain(ledger, "bob", "first"), { number: 5 });
    ledger.settleCommand(4, outcomeOf(ledger, { id: idOf(900), op: "transfer", status: "refused" }));
    ledger.settleCommand(
      5,
      outcomeOf(ledger, {
        id: idOf(900),
        op: "transfer",
        status: "posted",
        wallets: [must(ledger.wallet(TENANT, alice))],
      }),
    );
  });
  shard.file.commit();
  shard.reopen();
  const stored = must(shard.ledger.findCommand(TENANT, ownerName("alice"), idOf(900)));
  assert.equal(stored.outcome?.refusal?.code, "insufficient_funds");
  assert.equal(Buffer.from(stored.content).toString(), "first");
  assert.equal(shard.ledger.findCommand(TENANT, ownerName("alice"), idOf(901)), undefined);
  assert.equal(shard.ledger.findCommand(TENANT, ownerName("nobody"), idOf(900)), undefined);
  shard.turn((ledger) => {
    const again = claimAgain(ledger, "alice", "second");
    assert.ok("existing" in again);
    assert.deepEqual(again.existing, stored);
  });
  assert.equal(shard.ledger.command(5).owner, "bob");
});

function claimAgain(ledger: TestShard["ledger"], owner: string, content: string) {
  const bytes = Buffer.from(content);
  return ledger.claimCommand({
    tenant: TENANT,
    owner: ownerName(owner),
    id: idOf(900),
    content: bytes,
  });
}

test("an outcome is stored once, at once or in a later record or a later turn", () => {
  using shard = funded();
  const id = idOf(900);
  const settle = (ledger: TestShard["ledger"], number: number) =>
    ledger.settleCommand(number, outcomeOf(ledger, { id, op: "capture", status: "captured" }));
  shard.file.begin();
  const [first, second, third] = shard.record((ledger) =>
    [900, 901, 902].map((number) => claim(ledger, ownerName("alice"), idOf(number))),
  );
  shard.record((ledger) => settle(ledger, must(second)));
  shard.file.commit();
  shard.turn((ledger) => settle(ledger, must(third)));
  assert.deepEqual(
    [first, second, third].map((number) => shard.ledger.command(must(number)).outcome?.position ?? null),
    [null, 3, 4],
  );
  for (const settled of [second, third, 99]) {
    assert.throws(() => shard.turn((ledger) => settle(ledger, must(settled))), /was recorded and is open/);
  }
  shard.file.begin();
  shard.record((ledger) => {
    const number = claim(ledger, ownerName("alice"), idOf(903));
    settle(ledger, number);
    assert.throws(() => settle(ledger, number), /settles once/);
  });
  shard.file.rollback();
});

test("a command settles once whatever became of turns in between: committed, rolled back, opened again", () => {
  using shard = funded();
  const settle = (number: number) =>
    shard.record((ledger) => {
      const { id } = ledger.command(number);
      ledger.settleCommand(number, outcomeOf(ledger, { id, op: "capture", status: "captured" }));
    });
  const inTurn = (number: number, ending: "commit" | "rollback"): void => {
    shard.file.begin();
    settle(number);
    shard.file[ending]();
  };
  const refused = (number: number): void => {
    shard.file.begin();
    assert.throws(() => settle(number), /was recorded and is open|number was claimed/);
    shard.file.rollback();
  };
  const owner = ownerName("alice");
  const [first, second, third] = shard.turn((ledger) =>
    [900, 901, 902].map((number) => claim(ledger, owner, idOf(number))),
  );
  inTurn(must(first), "commit");
  refused(must(first));
  inTurn(must(second), "rollback");
  inTurn(must(second), "commit");
  refused(must(second));
  shard.reopen();
  inTurn(must(third), "commit");
  refused(must(third));

  shard.file.begin();
  const huge = "x".repeat(2 ** 20);
  const undone = shard.record((ledger) => claim(ledger, owner, idOf(903), huge));
  shard.file.rollback();
  shard.file.begin();
  assert.throws(() =>
    shard.record((ledger) => {
      const outcome = outcomeOf(ledger, { id: idOf(903), op: "capture", status: "captured" });
      ledger.settleCommand(undone, outcome);
    }),
  );
  shard.file.rollback();
});

const PUT_HOLD: Hold = {
  ...holdOf(8, idOf(8), { amount: INT64_MAX, expiresMs: 0, ttlMs: 1 }),
  legs: [
    { from: alice, to: bob, amount: INT64_MAX },
    { from: alice, to: walletName("carol:usd"), amount: 1n },
  ],
  assets: [USD, USD],
  status: "placing",
  left: 1n,
  code: null,
  meta: null,
  ref: "Grüße",
};

const PUT_SAGA: Saga = {
  ...sagaOf(9, idOf(9), 5n, "preparing"),
  op: "capture",
  move: "capture",
  target: 8,
  transfer: idOf(8),
  amount: 5n,
  final: true,
  peers: [
    {
      shard: 3,
      legs: [],
      vote: "no",
      refusal: { code: "wallet_frozen", detail: null },
      leg: 2,
      acknowledged: false,
    },
    {
      shard: 1,
      legs: [{ leg: 0, from: alice, to: bob, amount: 5n, asset: null }],
      vote: "yes",
      refusal: null,
      leg: 0,
      acknowledged: true,
    },
  ],
};

const PUT_PREPARED: Prepared = {
  coordinator: 2,
  saga: 77,
  move: "reverse",
  tenant: TENANT,
  owner: ownerName("zoe"),
  command: idOf(5),
  transfer: idOf(6),
  code: "c",
  ref: null,
  reserved: [{ wallet: alice, debit: 3n, credit: INT64_MAX, leg: null, counterparty: null }],
};

test("holds, reversals, sagas and prepared moves are read back as they were put", () => {
  using shard = funded();
  shard.turn((ledger) => {
    assert.equal(ledger.hold(8), undefined);
    assert.equal(ledger.saga(9), undefined);
    assert.equal(ledger.prepared(2, 77), undefined);
    assert.equal(ledger.reversed(8), 0n);
    ledger.putHold(PUT_HOLD);
    ledger.putSaga(PUT_SAGA);
    ledger.putPrepared(PUT_PREPARED);
    ledger.putReversed(8, 40n);
    assert.deepEqual(ledger.hold(8), PUT_HOLD);
    ledger.putHold({ ...PUT_HOLD, left: 0n, status: "refused" });
    ledger.putReversed(8, 41n);
  });
  shard.reopen();
  assert.deepEqual(shard.ledger.hold(8), { ...PUT_HOLD, left: 0n, status: "refused" });
  assert.deepEqual(shard.ledger.saga(9), PUT_SAGA);
  assert.deepEqual(shard.ledger.prepared(2, 77), PUT_PREPARED);
  assert.equal(shard.ledger.reversed(8), 41n);
});

test("sagas and prepared moves end once", () => {
  using shard = funded();
  shard.turn((ledger) => {
    ledger.putSaga(PUT_SAGA);
    ledger.putPrepared(PUT_PREPARED);
  });
  shard.turn((ledger) => {
    ledger.endSaga(9);
    ledger.endPrepared(2, 77);
    assert.equal(ledger.saga(9), undefined);
    assert.equal(ledger.prepared(2, 77), undefined);
  });
  assert.throws(() => shard.turn((ledger) => ledger.endSaga(9)), /ends once/);
  assert.throws(() => shard.turn((ledger) => ledger.endPrepared(2, 77)), /ends once/);
});

test("timers come due by time and id, those of given owners alone when asked, parked ones never", () => {
  using shard = funded();
  shard.turn((ledger) => {
    assert.equal(ledger.earliestDueMs(), null);
    for (const [number, owner] of [
      [11, "alice"],
      [12, "bob"],
      [13, "alice"],
    ] as const) {
      ledger.putHold({
        ...holdOf(number, idOf(number), { amount: 1n, expiresMs: 0, ttlMs: 1 }),
        owner: ownerName(owner),
      });
    }
    ledger.setTimer({ dueMs: START_MS + 9000, kind: "expire", target: 11 });
    ledger.setTimer({ dueMs: START_MS + 5000, kind: "expire", target: 12 });
    ledger.setTimer({ dueMs: START_MS + 5000, kind: "vote", target: 12 });
    ledger.setTimer({ dueMs: START_MS + 5000, kind: "expire", target: 13 });
    assert.equal(ledger.earliestDueMs(), START_MS + 5000);
    assert.deepEqual(ledger.dueTimers(10), []);
  });
  const owners = ["alice", "alice", "nobody"].map((owner) => ({ tenant: TENANT, owner: ownerName(owner) }));
  assert.equal(shard.file.hasDueTimer(TENANT, ownerName("alice"), START_MS + 4999), false);
  assert.equal(shard.file.hasDueTimer(TENANT, ownerName("alice"), START_MS + 5000), true);
  assert.equal(shard.file.hasDueTimer(TENANT, ownerName("nobody"), START_MS + 5000), false);
  shard.reopen();
  const ids = (timers: readonly { id: number }[]) => timers.map(({ id }) => id);
  shard.turn((ledger) => {
    assert.deepEqual(ids(ledger.dueTimers(10)), [2, 3, 4]);
    assert.deepEqual(ids(ledger.dueTimers(2)), [2, 3]);
    assert.deepEqual(ids(ledger.dueTimers(10, owners)), [4]);
    ledger.clearTimer("expire", 12);
    ledger.clearTimer("expire", 12);
    ledger.parkTimer(3);
    ledger.parkTimer(4);
    assert.deepEqual(ledger.dueTimers(10), []);
    assert.equal(ledger.earliestDueMs(), START_MS + 9000);
  }, START_MS + 6000);
  assert.throws(() => shard.turn((ledger) => ledger.parkTimer(4)), /parked once/);
  shard.turn((ledger) => {
    assert.deepEqual(ids(ledger.dueTimers(10, owners)), [1]);
    assert.deepEqual(ids(ledger.dueTimers(10)), [1]);
    ledger.clearTimer("expire", 13);
    ledger.clearTimer("expire", 11);
    assert.equal(ledger.earliestDueMs(), null);
  }, START_MS + 9000);
  const again = { dueMs: START_MS, kind: "vote", target: 12 } as const;
  assert.throws(() => shard.turn((ledger) => ledger.setTimer(again)), /a timer is set once/);
});

test("a placed hold is found with its timer, by number", () => {
  using shard = funded();
  const number = shard.turn((ledger) => placeHold(ledger, idOf(700), 30n));
  assert.equal(shard.ledger.hold(number)?.left, 30n);
  assert.equal(shard.ledger.wallet(TENANT, alice)?.held, 30n);
});
