// What a command writes into the journal, wallet by wallet: kinds, statuses, changes, legs and counterparties.
// Events and entries are made from nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step } from "../../actors/ledger.ts";
import type { ItemMoney } from "../../protocol/item.ts";
import { ScriptLab } from "./command-script.ts";
import type { LabShard } from "./shard-lab.ts";
import { rowsOf } from "./test-wallets.ts";

const START = "open w:usd min*; open a:usd; open a:box; open b:usd; open c:usd; pay w:usd>a:usd:100";

// Steps of one shard as `kind op status`, then each wallet with its changes of posted, held and incoming, and
// the leg and counterparty where one leg alone touches it. `@` = the transfer or hold that it belongs to.
const CASES = `
  # shards | before                        | command                               | steps on shard 0, then on shard 1
  1 |                                      | pay a:usd>b:usd:5                     | transfer transfer posted a:usd -5/0/0 0>b:usd b:usd 5/0/0 0>a:usd
  1 |                                      | pay a:usd>b:usd:5 a:usd>c:usd:6       | transfer transfer posted a:usd -11/0/0 b:usd 5/0/0 0>a:usd c:usd 6/0/0 1>a:usd
  1 | pay a:usd>b:usd:5                    | pay a:usd>b:usd:5 b:usd>c:usd:5       | transfer transfer posted a:usd -5/0/0 0>b:usd b:usd 0/0/0 c:usd 5/0/0 1>b:usd
  1 |                                      | hold a:usd>b:usd:5                    | hold transfer held a:usd 0/5/0 0>b:usd
  1 |                                      | hold a:usd>b:usd:5 a:usd>c:usd:6      | hold transfer held a:usd 0/11/0
  1 | h=hold a:usd>b:usd:5                 | capture h                             | capture capture captured @h a:usd -5/-5/0 0>b:usd b:usd 5/0/0 0>a:usd
  1 | h=hold a:usd>b:usd:5                 | capture h 2                           | capture capture captured @h a:usd -2/-5/0 0>b:usd b:usd 2/0/0 0>a:usd
  1 | h=hold a:usd>b:usd:5                 | capture h 2 keep                      | capture capture captured @h a:usd -2/-2/0 0>b:usd b:usd 2/0/0 0>a:usd
  1 | h=hold a:usd>b:usd:5; capture h 2 keep | release h                           | release release released @h a:usd 0/-3/0 0>b:usd
  1 | h=hold a:usd>b:usd:5; capture h 5 keep | release h                           |
  1 | h=hold a:usd>b:usd:5 ttl:5           | wait 5                                | expire expire expired @h a:usd 0/-5/0 0>b:usd
  1 | t=pay a:usd>b:usd:5                  | reverse t 2                           | reverse reverse reversed @t b:usd -2/0/0 0>a:usd a:usd 2/0/0 0>b:usd
  1 |                                      | freeze a:usd                          | freeze freeze done a:usd 0/0/0
  1 | freeze a:usd                         | freeze a:usd                          |
  1 |                                      | limit a:usd max500                    | limit limit done a:usd 0/0/0
  1 |                                      | open c:box                            | open open open c:box 0/0/0
  2 |                                      | pay a:usd>b:usd:5                     | reserve transfer pending a:usd 0/5/0 0>b:usd; transfer transfer posted a:usd -5/-5/0 0>b:usd; # transfer transfer pending b:usd 5/0/0 0>a:usd
  2 | freeze b:usd                         | pay a:usd>b:usd:5                     | reserve transfer pending a:usd 0/5/0 0>b:usd; return transfer refused a:usd 0/-5/0 0>b:usd
  2 |                                      | hold a:usd>b:usd:5                    | hold transfer pending a:usd 0/5/0 0>b:usd; hold transfer held
  2 | h=hold a:usd>b:usd:5                 | capture h 2                           | capture capture captured @h a:usd -2/-5/0 0>b:usd; # capture capture pending @h b:usd 2/0/0 0>a:usd
  2 | h=hold a:usd>b:usd:5 a:usd>a:box:5   | capture h                             | reserve capture pending @h a:box 0/0/5 1>a:usd; capture capture captured @h a:usd -10/-10/0 a:box 5/0/-5 1>a:usd; # capture capture pending @h b:usd 5/0/0 0>a:usd
  2 | t=pay a:usd>b:usd:5                  | reverse t                             | reserve reverse pending @t a:usd 0/0/5 0>b:usd; reverse reverse reversed @t a:usd 5/0/-5 0>b:usd; # reverse reverse pending @t b:usd -5/0/0 0>a:usd
  3 |                                      | pay a:usd>b:usd:5 a:usd>c:usd:6       | reserve transfer pending a:usd 0/11/0; transfer transfer pending a:usd -11/-11/0; transfer transfer posted; # reserve transfer pending b:usd 0/0/5 0>a:usd; transfer transfer pending b:usd 5/0/-5 0>a:usd
  3 | freeze c:usd                         | pay a:usd>b:usd:5 a:usd>c:usd:6       | reserve transfer pending a:usd 0/11/0; return transfer refused a:usd 0/-11/0; # reserve transfer pending b:usd 0/0/5 0>a:usd; return transfer pending b:usd 0/0/-5 0>a:usd
`;

test("every command leaves exactly its steps in the journal of each shard", () => {
  for (const [shards = "", before = "", line = "", expected = ""] of rowsOf(CASES)) {
    using script = new ScriptLab(Number(shards));
    script.run(START);
    script.run(before);
    script.lab.settle();
    const journals = script.lab.shards.slice(0, 2).map(keepSteps);
    script.run(line);
    const texts = journals.map((steps) => steps.map((step) => describe(script, step)).join("; "));
    assert.equal(texts.filter(Boolean).join("; # "), expected, `${shards} | ${before} | ${line}`);
  }
});

/** The steps that a shard's ledger takes from here on. */
function keepSteps({ file }: LabShard): Step[] {
  const { ledger } = file;
  const append = ledger.append.bind(ledger);
  const steps: Step[] = [];
  ledger.append = (step) => {
    steps.push(step);
    return append(step);
  };
  return steps;
}

function describe(script: ScriptLab, step: Step): string {
  const changes = step.changes.flatMap(({ wallet, posted, held, incoming, leg, counterparty }) => {
    const sums = [script.letters(wallet.name), `${posted}/${held}/${incoming}`];
    return leg === null || counterparty === null ? sums : [...sums, `${leg}>${script.letters(counterparty)}`];
  });
  const target = step.transfer ? [`@${script.letters(step.transfer)}`] : [];
  return [step.kind, step.op, step.status, ...target, ...changes].join(" ");
}

test("items carry exactly the money that the steps of their shard send out", () => {
  for (const shards of [2, 3]) {
    using script = new ScriptLab(shards);
    script.run(START);
    const ledgers = script.lab.shards.map(({ file }) => sentMoney(file.ledger));
    script.run(
      "pay a:usd>b:usd:5; t=pay a:usd>b:usd:5 a:usd>c:usd:6; reverse t; pay a:usd>b:usd:1 b:usd>c:usd:2",
    );
    script.run("h=hold a:usd>b:usd:9; capture h 4; k=hold a:usd>b:usd:9 a:usd>c:usd:1; capture k; reverse k");
    for (const { steps, items } of ledgers) assert.deepEqual(items, steps);
    assert.ok(ledgers.some(({ items }) => items.size > 0));
  }
});

/** Sums by peer and asset: what the steps send out, and what the items say that they carry. */
function sentMoney(ledger: LabShard["file"]["ledger"]): Record<"steps" | "items", Map<string, bigint>> {
  const [steps, items] = [new Map<string, bigint>(), new Map<string, bigint>()];
  const add = (sums: Map<string, bigint>, peer: number, { asset, amount }: ItemMoney): void => {
    sums.set(`${peer} ${asset}`, (sums.get(`${peer} ${asset}`) ?? 0n) + amount);
  };
  const append = ledger.append.bind(ledger);
  ledger.append = (step) => {
    for (const transit of step.transits) if (transit.direction === "out") add(steps, transit.peer, transit);
    return append(step);
  };
  const appendItem = ledger.appendItem.bind(ledger);
  ledger.appendItem = (peer, item, money = []) => {
    for (const part of money) add(items, peer, part);
    appendItem(peer, item, money);
  };
  return { steps, items };
}
