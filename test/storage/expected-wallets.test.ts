// What a turn expects to need: wallets and ids that are looked up together before the apply. Guards against a wallet
// of another tenant or of a rolled-back turn, and against an id that is claimed for another owner than its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  claim,
  must,
  openWallet,
  ownerName,
  TENANT,
  TestShard,
  tenantName,
  walletName,
} from "./shard-file-support.ts";

/** Wallets whose owners are of shard 0 of 4: others are not looked for there. */
const dave = walletName("dave:usd");
const judy = walletName("judy:usd");

function atHome(): TestShard {
  const shard = new TestShard();
  shard.turn((ledger) => {
    for (const name of [dave, judy]) openWallet(ledger, name, { id: shard.id(), min: "unlimited" });
  });
  return shard;
}

test("what is expected is loaded when it is not in memory, and left when it is", () => {
  using shard = atHome();
  shard.reopen();
  const { wallets } = shard.file.ledger;
  const loaded = must(shard.ledger.wallet(TENANT, dave));
  shard.file.begin();
  for (const name of [dave, judy, judy, walletName("mallory:usd")]) wallets.expect(TENANT, name);
  wallets.expect(tenantName("other"), dave);
  assert.equal(wallets.loaded(TENANT, judy), undefined);
  wallets.loadExpected();
  assert.equal(wallets.loaded(TENANT, dave), loaded);
  assert.equal(wallets.loaded(TENANT, judy)?.name, judy);
  shard.file.rollback();
});

test("the wallets expected for a transfer are those of its tenant, and a rollback forgets them", () => {
  using shard = atHome();
  const id = shard.id();
  const before = must(shard.ledger.wallet(TENANT, dave));
  for (const end of ["rollback", "commit"] as const) {
    shard.file.begin();
    shard.file.ledger.wallets.expectPair(TENANT, id, { from: dave, to: judy });
    shard.file.ledger.wallets.loadExpected();
    shard.record((ledger) => {
      claim(ledger, ownerName("dave"), id);
      assert.equal(ledger.loadedWallet(TENANT, dave)?.name, dave);
      assert.equal(ledger.loadedWallet(TENANT, judy)?.name, judy);
      assert.equal(ledger.loadedWallet(tenantName("other"), dave), undefined);
    });
    shard.file[end]();
    if (end === "rollback") assert.notEqual(must(shard.ledger.wallet(TENANT, dave)), before);
  }
});

test("an id that is expected by way of a wallet is claimed for the wallet's owner", () => {
  using shard = atHome();
  shard.turn((ledger) => openWallet(ledger, "dave:eur", { id: shard.id() }));
  shard.turn((ledger) => openWallet(ledger, "mallory:usd", { id: shard.id() }));
  const mallory = ownerName("mallory");
  for (const isLoaded of [true, false]) {
    const id = shard.id();
    if (!isLoaded) shard.reopen();
    shard.file.begin();
    const { wallets, commands } = shard.file.ledger;
    const wallet = must(wallets.wallet(TENANT, walletName("mallory:usd")));
    assert.notEqual(wallet.owner, wallet.number);
    commands.expect(TENANT, mallory, id, wallet);
    commands.lookUpExpected();
    shard.record((ledger) => claim(ledger, mallory, id));
    shard.file.commit();
    assert.equal(shard.ledger.findCommand(TENANT, mallory, id)?.owner, mallory);
    assert.equal(shard.ledger.findCommand(TENANT, ownerName("dave"), id), undefined);
  }
});
