// Turn boundaries and placement leave no trace: the same records in other turns give the same chains and rows,
// and the same commands over other numbers of shards come to the same statuses and balances.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dumpShard } from "../../storage/dump.ts";
import { ReadOnlyShard } from "../../storage/read-only.ts";
import { ScriptLab } from "./command-script.ts";
import { openWallets, RandomTraffic } from "./random-traffic.ts";
import { Seeded } from "./seeded.ts";
import { type LabShard, ShardLab } from "./shard-lab.ts";

function dumpOf({ file }: LabShard): string[] {
  using door = ReadOnlyShard.open(file.path);
  return [...dumpShard(door)];
}

test("the same records in other turns, with memory dropped in between, give the same chains and the same rows", () => {
  using script = new ScriptLab(3);
  const { lab } = script;
  openWallets(script);
  const traffic = new RandomTraffic(script, new Seeded(77), { quarantines: true });
  for (let step = 0; step < 900; step += 1) traffic.step();
  lab.settle();
  for (const [seed, turnMax] of [
    [1, 1],
    [2, 7],
    [3, 1000],
  ] as const) {
    const random = new Seeded(seed);
    using replayed = new ShardLab(3);
    for (const { shard, log, quarantined, file } of lab.shards) {
      const copy = replayed.at(shard);
      copy.log.splice(0, copy.log.length, ...log);
      for (const [position, units] of quarantined) copy.quarantined.set(position, units);
      while (copy.waiting > 0) {
        copy.turn(1 + random.below(turnMax));
        if (random.chance(0.05)) abandonTurn(copy);
      }
      assert.deepEqual(copy.file.stateChain, file.stateChain, `shard ${shard} in turns of ${turnMax}`);
      assert.deepEqual(dumpOf(copy), dumpOf(lab.at(shard)));
    }
  }
});

/** A turn that is rolled back leaves nothing behind and drops all memory. */
function abandonTurn({ file, log }: LabShard): void {
  const next = log[file.position];
  if (!next) return;
  file.begin();
  file.rollback();
}

test("sequential commands come to the same statuses and balances over 1, 2 and 4 shards", () => {
  for (const seed of [1, 2, 3]) {
    const [one, ...others] = [1, 2, 4].map((shards) => statusesOver(shards, seed));
    for (const other of others) assert.deepEqual(other, one, `seed ${seed}`);
  }
});

/** Runs the same lines one after the other, each settled before the next. */
function statusesOver(shards: number, seed: number): string[] {
  using script = new ScriptLab(shards);
  openWallets(script);
  const traffic = new RandomTraffic(script, new Seeded(seed), { quarantines: false });
  const lines = traffic.lines(150);
  const statuses = lines.map((line) => `${line}: ${script.run(line)?.status}`);
  return [...statuses, ...["a", "b", "c", "d", "e", "f"].map((owner) => script.balance(`${owner}:usd`))];
}
