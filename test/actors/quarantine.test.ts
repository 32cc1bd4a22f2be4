// Units that must not be applied: what they are answered, that nothing else changes, and that the progress names
// the unit when something throws.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptLab } from "./command-script.ts";
import { assertSettled } from "./shard-audit.ts";

test("a quarantined command alone is refused with internal_error, and keeps its id", () => {
  using script = new ScriptLab(1);
  const { lab } = script;
  script.run("open a:usd min*; open b:usd");
  const commands = ["x=pay a:usd>b:usd:1", "pay a:usd>b:usd:2", "pay a:usd>b:usd:4"].map((line) =>
    script.command(line),
  );
  const shard = lab.submit(...commands);
  shard.quarantined.set(shard.log.length, [{ kind: "command", index: 1 }]);
  const [answers] = shard.turn();
  assert.deepEqual(
    answers?.answered.map(({ outcome }) => script.describe(outcome)),
    ["posted", "internal_error", "posted"],
  );
  assert.equal(script.balance("b:usd"), "5 0 0");
  const again = lab.run(commands[1] ?? assert.fail());
  assert.deepEqual([script.describe(again), again.replayed], ["internal_error", true]);
});

test("a quarantined copy gives the first outcome again and changes nothing", () => {
  using script = new ScriptLab(1);
  const { lab } = script;
  script.run("open a:usd min*; open b:usd; x=pay a:usd>b:usd:1");
  for (const [line, expected] of [
    ["again x=pay a:usd>b:usd:1", "posted"],
    ["again x=pay a:usd>b:usd:2", "id_conflict"],
  ] as const) {
    const shard = lab.submit(script.command(line));
    shard.quarantined.set(shard.log.length, [{ kind: "command", index: 0 }]);
    const outcome = shard.turn()[0]?.answered[0]?.outcome ?? null;
    assert.equal(script.describe(outcome), expected);
  }
  assert.equal(script.balance("b:usd"), "1 0 0");
});

for (const [name, line, expected] of [
  ["apply", "pay a:usd>b:usd:5", "0 0 0 / 100 0 0"],
  ["check", "hold a:usd>b:usd:5", "0 0 0 / 100 0 0"],
  ["prepare", "pay a:usd>b:usd:5 a:usd>c:usd:5", "0 0 0 / 100 0 0"],
] as const) {
  test(`a quarantined ${name} is refused to its sender, and the move ends`, () => {
    using script = new ScriptLab(3);
    const { lab } = script;
    script.run("open w:usd min*; open a:usd; open b:usd; open c:usd; pay w:usd>a:usd:100");
    const command = script.command(line);
    lab.submit(command).turn();
    const receiver = lab.deliver(lab.frame(0, 1));
    const number = lab.at(0).file.ledger.pair(1).sent.number;
    receiver.quarantined.set(receiver.log.length, [{ kind: "item", number }]);
    lab.settle();
    assert.equal(script.describe(lab.recorded(command.owner, command.id)), "internal_error");
    assert.equal(`${script.balance("b:usd")} / ${script.balance("a:usd")}`, expected);
    assertSettled(lab);
  });
}

test("a quarantined timer is parked alone: its hold counts as expired, others expire", () => {
  using script = new ScriptLab(1);
  const { lab } = script;
  script.run("open w:usd min*; open a:usd; open b:usd; pay w:usd>a:usd:100");
  script.run("h=hold a:usd>b:usd:10 ttl:1000; hold a:usd>b:usd:20 ttl:1000");
  lab.timeMs += 1000;
  lab.tick(0);
  const shard = lab.at(0);
  shard.quarantined.set(shard.log.length, [{ kind: "timer", id: 1 }]);
  lab.settle();
  assert.equal(script.balance("a:usd"), "100 10 0");
  assert.equal(script.describe(script.run("capture h")), "hold_expired h");
  assert.equal(script.describe(script.run("release h")), "hold_expired h");
  script.run("wait 5000");
  assert.equal(script.balance("a:usd"), "100 10 0");
});

test("progress names the unit that threw", () => {
  using script = new ScriptLab(1);
  script.run("open w:usd min*; open a:usd; open b:usd; pay w:usd>a:usd:100; hold a:usd>b:usd:10 ttl:1000");
  const shard = script.lab.at(0);
  const { ledger } = shard.file;
  const broken = Object.defineProperty(ledger, "append", {
    configurable: true,
    value: () => assert.fail("broken"),
  });
  const commands = [script.command("open a:usd"), script.command("pay a:usd>b:usd:1")];
  script.lab.submit(...commands);
  assert.throws(() => shard.turn(), /broken/);
  assert.deepEqual(shard.progress.unit, { kind: "command", index: 1 });
  script.lab.timeMs += 1000;
  shard.log.pop();
  script.lab.tick(0);
  assert.throws(() => shard.turn(), /broken/);
  assert.deepEqual(shard.progress.unit, { kind: "timer", id: 1 });
  Reflect.deleteProperty(broken, "append");
  shard.turn();
  assert.equal(shard.progress.unit, null);
  assert.equal(script.balance("a:usd"), "100 0 0");
});
