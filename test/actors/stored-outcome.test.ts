// Outcomes as stored and read back are the outcomes that were answered: most are kept as the number of the step that
// tells them. Random traffic over shards, applied once more in other turns, with memory dropped and turns undone.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "../../protocol/outcome.ts";
import { ReadOnlyShard } from "../../storage/read-only.ts";
import { ScriptLab } from "./command-script.ts";
import { openWallets, RandomTraffic } from "./random-traffic.ts";
import { Seeded } from "./seeded.ts";
import { type LabShard, ShardLab } from "./shard-lab.ts";

/** What was answered when the command settled. */
function answered(outcomes: readonly Outcome[] | undefined): Outcome | undefined {
  return outcomes?.find(({ replayed, refusal }) => !replayed && refusal?.code !== "id_conflict");
}

/** Compares every answer with what the file holds. @returns ops and statuses seen */
function assertStored(shard: LabShard, seen: Set<string>): void {
  const { file, outcomes } = shard;
  for (let number = 1; number <= file.counters().commands; number += 1) {
    const command = file.ledger.command(number);
    assert.deepEqual(command.outcome, answered(outcomes.get(command.id)), `command ${number}`);
    if (command.outcome) seen.add(`${command.outcome.op} ${command.outcome.status}`);
  }
}

function assertDoor({ file, outcomes }: LabShard): void {
  using door = ReadOnlyShard.open(file.path);
  for (const { id, outcome } of door.commands()) assert.deepEqual(outcome, answered(outcomes.get(id)), id);
}

/** Undoes the coming turn and drops all memory, so that what follows is read from the file. */
function undoTurn({ file, log, progress }: LabShard, apply: () => void): void {
  const next = log[file.position];
  if (!next) return;
  const before = file.stateChain;
  progress.unit = null;
  const stop = new Error("undone");
  const { commit } = file;
  file.commit = () => {
    throw stop;
  };
  assert.throws(apply, stop);
  file.commit = commit;
  assert.deepEqual(file.stateChain, before);
}

for (const seed of [5, 6, 7]) {
  test(`every op and status comes back as it was answered, seed ${seed}`, () => {
    using script = new ScriptLab(3);
    const { lab } = script;
    openWallets(script);
    const traffic = new RandomTraffic(script, new Seeded(seed), { quarantines: true });
    for (let step = 0; step < 1500; step += 1) traffic.step();
    script.run("open z:usd; limit z:usd min-5; freeze z:usd; unfreeze z:usd; close z:usd");
    lab.settle();
    lab.pass(60_000);
    const seen = new Set<string>();
    for (const shard of lab.shards) {
      assertStored(shard, seen);
      assertDoor(shard);
    }
    for (const status of ["open open", "transfer posted", "transfer held", "transfer refused"])
      assert.ok(seen.has(status), status);
    for (const status of ["capture captured", "release released", "reverse reversed", "freeze done"])
      assert.ok(seen.has(status), status);
    assertSameInOtherTurns(lab, new Seeded(seed + 100));
  });
}

function assertSameInOtherTurns(lab: ShardLab, random: Seeded): void {
  using replayed = new ShardLab(lab.shards.length);
  for (const { shard, log, quarantined, file } of lab.shards) {
    const copy = replayed.at(shard);
    copy.log.splice(0, copy.log.length, ...log);
    for (const [position, units] of quarantined) copy.quarantined.set(position, units);
    while (copy.waiting > 0) {
      const records = 1 + random.below(60);
      if (random.chance(0.3)) undoTurn(copy, () => copy.turn(records));
      copy.turn(records);
    }
    assert.deepEqual(copy.file.stateChain, file.stateChain);
    assertStored(copy, new Set());
    assertDoor(copy);
  }
}
