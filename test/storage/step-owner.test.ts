// A step's owner is left out where a wallet's name says it: the first entry's, or the one that this entry names as the
// other one. Every step comes back with the owner that it was appended with, whosever wallets it changes.
// Guards against a step that comes back as another owner's.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step, WalletChange } from "../../actors/ledger.ts";
import type { WalletName } from "../../protocol/names.ts";
import { idOf, must, openWallet, ownerName, TENANT, TestShard, walletName } from "./shard-file-support.ts";

const alice = walletName("alice:usd");
const short = walletName("al:usd");

/** The step's wallets, each with the other wallet that its entry names. */
const steps: readonly (readonly [what: string, wallets: (readonly [WalletName, WalletName | null])[]])[] = [
  ["no wallet", []],
  ["one wallet", [[alice, null]]],
  ["one wallet and a wallet elsewhere", [[alice, walletName("bob:usd")]]],
  ["one wallet and one with a longer name elsewhere", [[short, walletName("alice:usd")]]],
  ["one wallet and itself", [[alice, alice]]],
  [
    "two wallets",
    [
      [alice, short],
      [short, alice],
    ],
  ],
];

for (const [what, wallets] of steps) {
  for (const owner of ["alice", "al", "bob", "bo", "carol"].map(ownerName)) {
    test(`a step of ${what} comes back as ${owner}'s`, () => {
      using shard = new TestShard();
      for (const name of [alice, short]) {
        shard.turn((ledger) => openWallet(ledger, name, { id: shard.id() }));
      }
      shard.turn((ledger) => {
        const changes = wallets.map(([name, counterparty]): WalletChange => {
          const wallet = must(ledger.wallet(TENANT, name));
          return { wallet, posted: 0n, held: 0n, incoming: 0n, leg: null, counterparty };
        });
        const about = { kind: "transfer", tenant: TENANT, owner, command: idOf(9), op: "transfer" } as const;
        const step: Step = {
          ...about,
          ...{ status: "posted", transfer: null, code: null, ref: null, changes, transits: [] },
        };
        ledger.append(step);
      });
      const [step] = shard.file.reads.journal(2, 10);
      assert.deepEqual([step?.owner, step?.command], [owner, idOf(9)]);
    });
  }
}
