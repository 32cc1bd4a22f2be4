// The events of the newest steps in memory: a reader cannot tell whether an event came from memory or from the file, at
// any bound, and never sees one of a turn that did not commit.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { hash32 } from "../../protocol/digest.ts";
import { eventText } from "../../protocol/event.ts";
import type { EventRun } from "../../storage/event-runs.ts";
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

/** A run whose bytes are its own. */
function kept(run: EventRun): EventRun {
  return { ...run, bytes: Uint8Array.from(run.bytes) };
}

/** Follows the events as a publisher does, turn by turn. */
function follow(path: string, recentEvents: number): EventRun[] {
  const file = ShardFile.open({ ...IDENTITY, path, recentEvents });
  const seen: EventRun[] = [];
  const catchUp = (limit: number): void => {
    for (const run of file.reads.events(seen.at(-1)?.last ?? 0, limit)) seen.push(kept(run));
  };
  try {
    for (let number = 1; number <= STEPS; number += 3) {
      file.begin();
      applyTurn(file, number, 3);
      file.commit();
      // Behind for a while, then with pages smaller and larger than a turn.
      if (number > 10) catchUp(number % 2 === 0 ? 2 : 7);
    }
    while (seen.at(-1)?.last !== STEPS) catchUp(5);
    return seen;
  } finally {
    file.close();
  }
}

/** What the runs say must be what the steps say, one after the other. */
function assertTold(runs: readonly EventRun[], file: ShardFile): void {
  const steps = file.reads.journal(0, 1000);
  let next = 1;
  for (const run of runs) {
    const own = steps.slice(next - 1, run.last);
    assert.equal(run.first, next);
    assert.deepEqual(run.previous, own[0]?.previous);
    assert.deepEqual(run.from, { position: own[0]?.position, index: own[0]?.index });
    assert.deepEqual(run.to, { position: own.at(-1)?.position, index: own.at(-1)?.index });
    const texts = own.map(({ position, index, ...step }) =>
      eventText({ ...step, id: { shard: IDENTITY.shard, position, index } }),
    );
    assert.equal(Buffer.from(run.bytes).toString(), texts.join(","));
    assert.ok(own.every(({ tenant }) => tenant === run.tenant));
    next = run.last + 1;
  }
  assert.equal(next, steps.length + 1);
}

for (const recentEvents of [0, 1, 2, 4, 100]) {
  test(`a follower sees each event once and equal with ${recentEvents} events kept`, () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "0.db");
    const seen = follow(path, recentEvents);
    const file = ShardFile.open({ ...IDENTITY, path });
    try {
      assert.equal(seen.at(-1)?.last, STEPS);
      assertTold(seen, file);
    } finally {
      file.close();
    }
  });
}

test("events of a turn that is open or was rolled back are not shown", () => {
  using directory = temporaryDirectory();
  const file = ShardFile.open({ ...IDENTITY, path: join(directory.path, "0.db"), recentEvents: 100 });
  const placesBehind = (number: number): [number, number][] =>
    file.reads.events(number, 10).map(({ first, last }) => [first, last]);
  try {
    file.begin();
    applyTurn(file, 1, 2);
    file.commit();
    file.begin();
    applyTurn(file, 3, 1);
    assert.deepEqual(placesBehind(0), [[1, 2]]);
    assert.deepEqual(placesBehind(2), []);
    file.rollback();
    assert.deepEqual(placesBehind(0), [[1, 2]]);
    assert.deepEqual(placesBehind(1), [[2, 2]]);
    file.begin();
    applyTurn(file, 4, 1);
    file.commit();
    const [run] = file.reads.events(2, 10);
    assert.equal(run?.first, 3);
    assert.match(Buffer.from(run?.bytes ?? []).toString(), /"o4:usd"/);
    assert.deepEqual(run?.previous, { position: 2, index: 0 });
  } finally {
    file.close();
  }
});

test("a reader that stands within a run goes on from the file, and with the next run from memory", () => {
  using directory = temporaryDirectory();
  const file = ShardFile.open({ ...IDENTITY, path: join(directory.path, "0.db"), recentEvents: 100 });
  try {
    for (const first of [1, 4]) {
      file.begin();
      applyTurn(file, first, 3);
      file.commit();
    }
    const within = file.reads.events(1, 100).map(kept);
    assert.deepEqual(
      within.map(({ first, last }) => [first, last]),
      [[2, 3]],
    );
    const behind = file.reads.events(3, 100).map(kept);
    assert.deepEqual(
      behind.map(({ first, last }) => [first, last]),
      [[4, 6]],
    );
  } finally {
    file.close();
  }
});
