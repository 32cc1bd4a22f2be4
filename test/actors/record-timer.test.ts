// Timers and epochs as records fire and start them: order, share of a record, shard time, and what is ignored
// because it is of another cluster, shard or epoch.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ShardHalt } from "../../actors/shard-record.ts";
import { TIMERS_PER_RECORD_MAX } from "../../protocol/limits.ts";
import { ScriptLab } from "./command-script.ts";

test("a record fires what is due of the owners it touches before others, and at most its share", () => {
  using script = new ScriptLab(1);
  const { lab } = script;
  script.run("open w:usd min*; open a:usd; open b:usd; open z:usd; pay w:usd>a:usd:5000; pay w:usd>z:usd:10");
  const many = TIMERS_PER_RECORD_MAX + 50;
  for (let hold = 0; hold < many; hold += 1) lab.submit(script.command("hold a:usd>b:usd:1 ttl:100"));
  lab.submit(script.command("hold z:usd>b:usd:10 ttl:200"));
  lab.settle();
  assert.equal(script.balance("a:usd"), `5000 ${many} 0`);
  lab.timeMs += 1000;
  const shard = lab.submit(script.command("pay z:usd>b:usd:10"));
  const [answers] = shard.turn();
  assert.equal(answers?.answered[0]?.outcome.status, "posted", "its own hold expired first");
  assert.equal(script.balance("a:usd"), `5000 ${many - TIMERS_PER_RECORD_MAX + 1} 0`);
  lab.tick(0);
  shard.turn();
  assert.equal(script.balance("a:usd"), "5000 0 0");
});

test("a tick names whose timers fire first", () => {
  using script = new ScriptLab(1);
  const { lab } = script;
  script.run("open w:usd min*; open a:usd; open b:usd; pay w:usd>a:usd:5000; pay w:usd>b:usd:10");
  for (let hold = 0; hold < TIMERS_PER_RECORD_MAX + 1; hold += 1)
    lab.submit(script.command("hold a:usd>b:usd:1 ttl:100"));
  lab.submit(script.command("hold b:usd>a:usd:10 ttl:200"));
  lab.settle();
  lab.timeMs += 1000;
  const { tenant } = lab.wallet(script.wallet("b:usd"));
  const touches = [{ tenant, owner: script.command("freeze b:usd").owner }];
  const tick = { kind: "tick", cluster: "lab", shard: 0, epoch: 1, touches } as const;
  lab.at(0).append(lab.timeMs, { kind: "tick", tick });
  lab.at(0).turn();
  assert.equal(script.balance("b:usd"), "10 0 0");
});

test("a hold that is due in the record's time is expired for the commands of that record", () => {
  using script = new ScriptLab(1);
  const { lab } = script;
  script.run("open w:usd min*; open a:usd; open b:usd; pay w:usd>a:usd:10; h=hold a:usd>b:usd:10 ttl:1000");
  lab.timeMs += 1000;
  const shard = lab.submit(script.command("pay a:usd>b:usd:4"), script.command("capture h"));
  const [answers] = shard.turn();
  assert.deepEqual(
    answers?.answered.map(({ outcome }) => script.describe(outcome)),
    ["posted", "hold_expired h"],
  );
});

test("time never runs back: a record stamped earlier has the time of the one before", () => {
  using script = new ScriptLab(1);
  const { lab } = script;
  script.run("open a:usd");
  const { timeMs } = lab;
  lab.timeMs -= 5000;
  assert.equal(script.run("open b:usd")?.timeMs, timeMs);
});

test("ticks and epochs of another cluster, shard or epoch fire nothing", () => {
  using script = new ScriptLab(1);
  const { lab } = script;
  script.run("open w:usd min*; open a:usd; open b:usd; pay w:usd>a:usd:10; hold a:usd>b:usd:10 ttl:1000");
  lab.timeMs += 1000;
  const shard = lab.at(0);
  const tick = { kind: "tick", cluster: "lab", shard: 0, epoch: 1, touches: [] } as const;
  const start = { kind: "epoch", cluster: "lab", shard: 0, epoch: 2, node: "lab", codeVersion: 1 } as const;
  for (const change of [{ cluster: "x" }, { shard: 1 }, { epoch: 0 }]) {
    shard.append(lab.timeMs, { kind: "tick", tick: { ...tick, ...change } });
    shard.append(lab.timeMs, { kind: "epoch", start: { ...start, ...change } });
  }
  shard.append(lab.timeMs, { kind: "tick", tick: { ...tick, epoch: 2 } });
  shard.append(lab.timeMs, { kind: "ignored" });
  shard.turn();
  assert.equal(script.balance("a:usd"), "10 10 0");
  assert.equal(shard.file.epoch, 1);
  shard.append(lab.timeMs, { kind: "epoch", start });
  shard.turn();
  assert.equal(shard.file.epoch, 2);
  assert.equal(script.balance("a:usd"), "10 0 0");
});

test("an epoch with a behaviour that this code does not know halts the shard", () => {
  using script = new ScriptLab(1);
  script.lab.settle();
  script.lab.startEpoch(0, 2, 999);
  assert.throws(
    () => script.lab.at(0).turn(),
    (error) => error instanceof ShardHalt && error.reason === "unknown_version",
  );
});
