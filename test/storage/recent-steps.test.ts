// The newest steps in memory: a reader of the journal cannot tell whether a step came from memory or from the
// file, at any bound, and never sees a step of a turn that did not commit.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { hash32 } from "../../protocol/digest.ts";
import type { JournalStep } from "../../storage/journal-step.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { IDENTITY, idOf, openWallet, START_MS, temporaryDirectory } from "./shard-file-support.ts";

const STEPS = 30;

function applyTurn(file: ShardFile, first: number, count: number): void {
  for (let number = first; number < first + count; number += 1) {
    const position = file.position + 1;
    file.beginRecord({ position, stampMs: START_MS + position, digest: hash32(Buffer.from(`${position}`)) });
    openWallet(file.ledger, `o${number}:usd`, { id: idOf(number) });
    file.endRecord();
  }
}

/** Follows the journal as a publisher does, turn by turn. */
function follow(path: string, recentSteps: number): JournalStep[] {
  const file = ShardFile.open({ ...IDENTITY, path, recentSteps });
  const seen: JournalStep[] = [];
  const catchUp = (limit: number): void => {
    for (const step of file.reads.journal(seen.at(-1)?.number ?? 0, limit)) seen.push(step);
  };
  try {
    for (let number = 1; number <= STEPS; number += 3) {
      file.begin();
      applyTurn(file, number, 3);
      file.commit();
      // Behind for a while, then with pages smaller and larger than a turn.
      if (number > 10) catchUp(number % 2 === 0 ? 2 : 7);
    }
    while (seen.length < STEPS) catchUp(5);
    return seen;
  } finally {
    file.close();
  }
}

for (const recentSteps of [0, 1, 2, 4, 100]) {
  test(`a follower of the journal sees each step once and equal with ${recentSteps} steps kept`, () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "0.db");
    const seen = follow(path, recentSteps);
    const file = ShardFile.open({ ...IDENTITY, path });
    try {
      assert.equal(seen.length, STEPS);
      assert.deepEqual(seen, file.reads.journal(0, 1000));
    } finally {
      file.close();
    }
  });
}

test("steps of a turn that is open or was rolled back are not shown", () => {
  using directory = temporaryDirectory();
  const file = ShardFile.open({ ...IDENTITY, path: join(directory.path, "0.db"), recentSteps: 100 });
  try {
    file.begin();
    applyTurn(file, 1, 2);
    file.commit();
    file.begin();
    applyTurn(file, 3, 1);
    assert.deepEqual(
      file.reads.journal(1, 10).map(({ number }) => number),
      [2],
    );
    file.rollback();
    assert.deepEqual(
      file.reads.journal(0, 10).map(({ number }) => number),
      [1, 2],
    );
    file.begin();
    applyTurn(file, 4, 1);
    file.commit();
    const [step] = file.reads.journal(2, 10);
    assert.equal(step?.number, 3);
    assert.equal(step?.wallets[0]?.wallet, "o4:usd");
    assert.deepEqual(step?.previous, { position: 2, index: 0 });
  } finally {
    file.close();
  }
});
