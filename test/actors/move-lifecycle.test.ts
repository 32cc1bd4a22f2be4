// Moves over shards step by step, with everything that can come in between: freezes, expiry, releases, late
// and missing votes, copies. After each step the money of every shard sums to zero.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VOTE_TIMEOUT_MS } from "../../protocol/limits.ts";
import { ScriptLab } from "./command-script.ts";
import { assertSettled, assertSums } from "./shard-audit.ts";

// Owners a, b, c live on shards 0, 1, 2. A step of a case does one thing and states what is then true:
//   > line      submits a command and applies it           0>1  carries all items of shard 0 to shard 1
//   run line    runs a command to its end                  +5   lets 5 ms pass and ticks shard 0
//   a:usd = 100 0 0   posted held incoming                 t = posted   the recorded outcome, or pending

const START = "open w:usd min*; open a:usd; open a:box; open b:usd; open c:usd; pay w:usd>a:usd:100";

interface Case {
  readonly name: string;
  readonly steps: string;
}

function follow(script: ScriptLab, step: string): void {
  const { lab } = script;
  const carried = /^(\d)>(\d)$/.exec(step);
  if (carried) lab.deliver(lab.frame(Number(carried[1]), Number(carried[2]))).turn();
  else if (step.startsWith("> ")) lab.submit(script.command(step.slice(2))).turn();
  else if (step.startsWith("run ")) script.run(step.slice(4));
  else if (step.startsWith("+")) {
    lab.timeMs += Number(step.slice(1));
    lab.tick(0);
    lab.at(0).turn();
  } else {
    const [what = "", expected = ""] = step.split(" = ");
    const found = what.includes(":") ? script.balance(what) : script.recordedOf(what);
    assert.equal(found, expected, step);
  }
  assertSums(lab);
}

const VOTE = `+${VOTE_TIMEOUT_MS}`;

const CASES: readonly Case[] = [
  {
    name: "a transfer to one other shard reserves, applies there, and posts in the record of the answer",
    steps: `> t=pay a:usd>b:usd:30; a:usd = 100 30 0; b:usd = 0 0 0; t = pending; 0>1; b:usd = 30 0 0; t = pending;
      a:usd = 100 30 0; 1>0; a:usd = 70 0 0; t = posted`,
  },
  {
    name: "a refused transfer gives its reservation back and counts as refused although the funds are free again",
    steps: `> f=freeze b:usd; > t=pay a:usd>b:usd:30; > u=pay a:usd>a:box:80; u = insufficient_funds a:usd; 0>1; 1>0;
      t = wallet_frozen b:usd; a:usd = 100 0 0`,
  },
  {
    name: "a freeze on either side does not stop what was reserved or applied",
    steps:
      "> t=pay a:usd>b:usd:30; > f=freeze a:usd; 0>1; > g=freeze b:usd; 1>0; t = posted; a:usd = 70 0 0; b:usd = 30 0 0",
  },
  {
    name: "a copy of a command that is open waits, and is answered with it",
    steps:
      "> t=pay a:usd>b:usd:30; > again t=pay a:usd>b:usd:30; a:usd = 100 30 0; 0>1; 1>0; t = posted; a:usd = 70 0 0",
  },
  {
    name: "incoming room that is reserved cannot be taken or limited away",
    steps: `run limit a:box max50; run pay w:usd>b:usd:60; > t=pay a:usd>b:usd:5 b:usd>a:box:40; a:box = 0 0 40;
      > u=pay a:usd>a:box:11; u = max_exceeded a:box; > l=limit a:box max39; l = max_exceeded a:box;
      > c=close a:box; c = wallet_not_empty a:box; 0>1; 1>0; t = posted; a:box = 40 0 0; b:usd = 25 0 0`,
  },
  {
    name: "a transfer over three shards posts in the decision and settles with the last commit",
    steps: `> t=pay a:usd>b:usd:30 a:usd>c:usd:20; a:usd = 100 50 0; 0>1; 0>2; b:usd = 0 0 30; c:usd = 0 0 20; 1>0; t = pending;
      a:usd = 100 50 0; 2>0; a:usd = 50 0 0; t = pending; 0>1; b:usd = 30 0 0; 1>0; t = pending; 0>2; c:usd = 20 0 0; 2>0; t = posted`,
  },
  {
    name: "one no aborts the others in the record of the last vote",
    steps: `> f=freeze c:usd; > t=pay a:usd>b:usd:30 a:usd>c:usd:20; 0>1; 0>2; 2>0; t = pending; a:usd = 100 50 0; 1>0;
      t = wallet_frozen c:usd; a:usd = 100 0 0; b:usd = 0 0 30; 0>1; b:usd = 0 0 0`,
  },
  {
    name: "a freeze after the vote does not stop a commit",
    steps: `> t=pay a:usd>b:usd:30 a:usd>c:usd:20; 0>1; 0>2; > f=freeze b:usd; > g=freeze a:usd; 1>0; 2>0; 0>1; 0>2; 1>0; 2>0;
      t = posted; b:usd = 30 0 0; a:usd = 50 0 0`,
  },
  {
    name: "a missing vote aborts after its time, and the late one is ignored",
    steps: `> t=pay a:usd>b:usd:30 a:usd>c:usd:20; 0>1; 1>0; ${VOTE}; t = peer_timeout; a:usd = 100 0 0; b:usd = 0 0 30;
      0>2; c:usd = 0 0 0; 2>0; t = peer_timeout; 0>1; b:usd = 0 0 0; a:usd = 100 0 0`,
  },
  {
    name: "a missing vote beside a refusal gives the refusal",
    steps: `> f=freeze b:usd; > t=pay a:usd>b:usd:30 a:usd>c:usd:20; 0>1; 1>0; ${VOTE}; t = wallet_frozen b:usd`,
  },
  {
    name: "one millisecond before its time a vote is still waited for",
    steps: `> t=pay a:usd>b:usd:30 a:usd>c:usd:20; 0>1; 1>0; +${VOTE_TIMEOUT_MS - 1}; t = pending; 0>2; 2>0; a:usd = 50 0 0`,
  },
  {
    name: "after the decision time changes nothing: the commit waits for its answers",
    steps: `> t=pay a:usd>b:usd:30 a:usd>c:usd:20; 0>1; 1>0; 0>2; 2>0; a:usd = 50 0 0; ${VOTE}; t = pending; a:usd = 50 0 0`,
  },
  {
    name: "a hold over shards is placed after the checks, and its time to live runs from there",
    steps: `> h=hold a:usd>b:usd:30 ttl:1000; a:usd = 100 30 0; b:usd = 0 0 0; > k=capture h; k = hold_not_found h; 0>1; +900; 1>0;
      h = held; +999; > l=capture h 1 keep; 0>1; 1>0; l = captured; +1; > m=capture h; m = hold_expired h; a:usd = 99 0 0`,
  },
  {
    name: "a hold whose check is refused or missing gives its reservation back",
    steps: `> f=freeze b:usd; > h=hold a:usd>b:usd:30; 0>1; 1>0; h = wallet_frozen b:usd; a:usd = 100 0 0;
      > i=hold a:usd>c:usd:30; a:usd = 100 30 0; ${VOTE}; i = peer_timeout; a:usd = 100 0 0; 0>2; 2>0; i = peer_timeout`,
  },
  {
    name: "a final capture over shards releases the rest when it settles",
    steps: `run h=hold a:usd>b:usd:50; > k=capture h 20; a:usd = 100 50 0; 0>1; b:usd = 20 0 0; k = pending; 1>0; k = captured;
      a:usd = 80 0 0; > r=release h; r = hold_settled h`,
  },
  {
    name: "while a capture is under way others see only what is left",
    steps: `run h=hold a:usd>b:usd:50; > k=capture h 20 keep; > l=capture h 31 keep; l = capture_exceeds_hold h; > m=capture h 30 keep;
      0>1; 1>0; k = captured; m = captured; a:usd = 50 0 0; > r=release h; r = released`,
  },
  {
    name: "a refused capture gives its amount back to the hold",
    steps: `run h=hold a:usd>b:usd:50; run freeze b:usd; > k=capture h 20; 0>1; 1>0; k = wallet_frozen b:usd; a:usd = 100 50 0;
      run unfreeze b:usd; > l=capture h 50; 0>1; 1>0; l = captured; a:usd = 50 0 0`,
  },
  {
    name: "a release gives back what is left, and the capture under way completes",
    steps: `run h=hold a:usd>b:usd:50; > k=capture h 20; > r=release h; r = released; a:usd = 100 20 0; 0>1; 1>0; k = captured;
      a:usd = 80 0 0; b:usd = 20 0 0`,
  },
  {
    name: "a capture that is refused after the release gives its amount back to available",
    steps: `run h=hold a:usd>b:usd:50; run freeze b:usd; > k=capture h 20; > r=release h; a:usd = 100 20 0; 0>1; 1>0;
      k = wallet_frozen b:usd; a:usd = 100 0 0`,
  },
  {
    name: "an expiry gives back what is left, and the capture under way completes",
    steps:
      "run h=hold a:usd>b:usd:50 ttl:1000; > k=capture h 20; 0>1; +1000; a:usd = 100 20 0; 1>0; k = captured; a:usd = 80 0 0",
  },
  {
    name: "two captures under way settle in their order, and the final one releases the rest",
    steps: `run h=hold a:usd>b:usd:30 ttl:9000; > k=capture h 10 keep; > l=capture h 5; 0>1; 1>0; k = captured; l = captured;
      a:usd = 85 0 0; b:usd = 15 0 0; > r=release h; r = hold_settled h`,
  },
  {
    name: "a capture over three shards settles with the last commit and then releases nothing",
    steps: `run h=hold a:usd>b:usd:30 a:usd>c:usd:20; > k=capture h; a:usd = 100 50 0; 0>1; 0>2; b:usd = 0 0 30; 1>0; 2>0; k = pending;
      a:usd = 50 0 0; 0>1; 0>2; 1>0; 2>0; k = captured; > r=release h; r = hold_settled h`,
  },
  {
    name: "a capture over three shards that one refuses leaves the hold whole",
    steps: `run h=hold a:usd>b:usd:30 a:usd>c:usd:20; run freeze c:usd; > k=capture h; 0>1; 0>2; 1>0; 2>0; k = wallet_frozen c:usd;
      a:usd = 100 50 0; 0>1; b:usd = 0 0 0; > r=release h; r = released; a:usd = 100 0 0`,
  },
  {
    name: "a capture over three shards that outlives its hold completes",
    steps: `run h=hold a:usd>b:usd:30 a:usd>c:usd:20 ttl:1000; > k=capture h; 0>1; 0>2; +1000; a:usd = 100 50 0; 1>0; 2>0; 0>1; 0>2;
      1>0; 2>0; k = captured; a:usd = 50 0 0`,
  },
  {
    name: "a reverse reserves the room, debits the other side, and credits with the answer",
    steps: `run t=pay a:usd>b:usd:30; > r=reverse t; a:usd = 70 0 30; > s=reverse t; s = already_reversed t; 0>1; b:usd = 0 0 0;
      r = pending; 1>0; r = reversed; a:usd = 100 0 0`,
  },
  {
    name: "a refused reverse can be asked for again",
    steps: `run t=pay a:usd>b:usd:30; run freeze b:usd; > r=reverse t 20; > s=reverse t 11; s = reverse_exceeds t; 0>1; 1>0;
      r = wallet_frozen b:usd; a:usd = 70 0 0; run unfreeze b:usd; > u=reverse t 30; 0>1; 1>0; u = reversed; a:usd = 100 0 0`,
  },
  {
    name: "a refused reverse of a hold's captures can be asked for again",
    steps: `run h=hold a:usd>b:usd:30; run capture h; run freeze b:usd; > r=reverse h; 0>1; 1>0; r = wallet_frozen b:usd;
      run unfreeze b:usd; > s=reverse h; 0>1; 1>0; s = reversed; a:usd = 100 0 0; > u=reverse h; u = already_reversed h`,
  },
  {
    name: "a reverse over three shards moves everything back or nothing",
    steps: `run t=pay a:usd>b:usd:30 a:usd>c:usd:20; run pay c:usd>b:usd:1; > r=reverse t; a:usd = 50 0 50; 0>1; 0>2; b:usd = 31 30 0;
      1>0; 2>0; r = insufficient_funds c:usd; a:usd = 50 0 0; 0>1; b:usd = 31 0 0; run pay b:usd>c:usd:1; > s=reverse t;
      0>1; 0>2; 1>0; 2>0; 0>1; 0>2; 1>0; 2>0; s = reversed; a:usd = 100 0 0`,
  },
];

for (const { name, steps } of CASES) {
  test(name, () => {
    using script = new ScriptLab(3);
    script.run(START);
    for (const step of steps.split(";")) follow(script, step.trim());
    script.lab.settle();
    script.run("wait 90000");
    assertSettled(script.lab);
  });
}
