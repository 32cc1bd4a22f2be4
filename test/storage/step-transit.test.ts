// The money that moves with items, as steps store it: whatever the amount, the direction and the peer, it comes back.
// Sums of many legs are wider than an amount, so there are two spellings. Guards against a sum that is cut, and against
// a direction that turns around.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transit } from "../../actors/ledger.ts";
import { INT64_MAX, INT64_MIN } from "../../protocol/money.ts";
import { openCut } from "../../storage/read-only.ts";
import { idOf, must, ownerName, TENANT, TestShard, USD } from "./shard-file-support.ts";

const amounts = [1n, 2n ** 31n, 2n ** 52n, INT64_MAX, INT64_MAX + 1n, -INT64_MIN, 2n ** 70n];

for (const amount of amounts) {
  test(`transits of ${amount} come back in both directions`, () => {
    using shard = new TestShard();
    const transits: Transit[] = [
      { peer: 1, direction: "out", asset: USD, amount },
      { peer: 3, direction: "out", asset: USD, amount: -amount },
      { peer: 2, direction: "in", asset: USD, amount },
      { peer: 1, direction: "in", asset: USD, amount: -amount },
    ];
    shard.turn((ledger) =>
      ledger.append({
        ...{ kind: "transfer", tenant: TENANT, owner: ownerName("alice"), command: idOf(1), op: "transfer" },
        ...{ status: "posted", transfer: null, code: null, ref: null, changes: [], transits },
      }),
    );
    const [door] = openCut([shard.path]);
    assert.deepStrictEqual([...must(door).steps()][0]?.transits, transits);
    must(door).close();
  });
}
