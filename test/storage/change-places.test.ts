// An entry names its counterparty by the place of that one's entry in the step, or by name when it has none there. In a
// few changes the place is searched, in many it is found in a map. Guards against an entry that names another wallet.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step, WalletChange } from "../../actors/ledger.ts";
import type { WalletName } from "../../protocol/names.ts";
import { ChangePlaces } from "../../storage/step-row.ts";
import { idOf, must, openWallet, ownerName, TENANT, TestShard, walletName } from "./shard-file-support.ts";

const elsewhere = walletName("elsewhere:usd");

/** The wallet that each entry names: the one behind it, the last one nobody and the third one of another shard. */
function counterpartyOf(names: readonly WalletName[], index: number): WalletName | null {
  return index === 2 ? elsewhere : (names[index + 1] ?? null);
}

for (const count of [1, 2, 3, 7, 8, 9, 128]) {
  test(`a step of ${count} wallets comes back with the counterparty of each`, () => {
    using shard = new TestShard();
    const names = Array.from({ length: count }, (_, index) => walletName(`owner${index}:usd`));
    for (const name of names) shard.turn((ledger) => openWallet(ledger, name, { id: shard.id() }));
    shard.turn((ledger) => {
      const changes = names.map((name, index): WalletChange => {
        const wallet = must(ledger.wallet(TENANT, name));
        const counterparty = counterpartyOf(names, index);
        return { wallet, posted: 0n, held: 0n, incoming: 0n, leg: index % 64, counterparty };
      });
      const places = new ChangePlaces(changes);
      for (const [index, name] of names.entries()) assert.equal(places.of(name), index);
      assert.deepEqual([places.of(elsewhere), places.of(null)], [-1, -1]);
      const about = {
        kind: "transfer",
        tenant: TENANT,
        owner: ownerName("owner0"),
        command: idOf(9),
      } as const;
      const rest = {
        status: "posted",
        transfer: null,
        code: null,
        ref: null,
        changes,
        transits: [],
      } as const;
      ledger.append({ ...about, op: "transfer", ...rest } satisfies Step);
    });
    const [step] = shard.file.ledger.journal.after(count, 10);
    const named = must(step).entries.map(({ counterparty }) => counterparty);
    const placeOf = (name: WalletName | null) => (name === elsewhere ? name : name && names.indexOf(name));
    const expected = names.map((_, index) => placeOf(counterpartyOf(names, index)));
    assert.deepEqual(named, expected);
  });
}
