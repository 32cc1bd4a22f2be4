// What every command comes to, as one table: what was done before, the command, its status or code and detail.
// The table holds for one shard and for several: an outcome with one reason does not depend on placement.

import assert from "node:assert/strict";
import { test } from "node:test";
import { INT64_MAX } from "../../protocol/money.ts";
import { refusal } from "../../protocol/outcome.ts";
import { ScriptLab } from "./command-script.ts";
import { decodedCommand } from "./shard-lab.ts";
import { rowsOf, TENANT } from "./test-wallets.ts";

/** Wallets that every case starts with: a source of money and four owners, on as many shards as there are. */
const START = `
  open w:usd min*; open w:eur EUR/2 min*; open a:usd; open b:usd; open c:usd; open d:usd;
  open a:eur EUR/2; open b:eur EUR/2; pay w:usd>a:usd:100; pay w:eur>b:eur:100`;

const CASES = `
  # before                                                    | command                                | outcome
  # open
                                                              | open e:usd                             | open
  open e:usd                                                  | open e:usd                             | open
  open e:usd                                                  | open e:usd EUR/2                       | wallet_exists asset
  open e:usd                                                  | open e:usd min-5                       | wallet_exists min
  open e:usd                                                  | open e:usd max5                        | wallet_exists max
  open e:usd; limit e:usd max5                                | open e:usd                             | open
  open e:usd; limit e:usd max5                                | open e:usd max5                        | wallet_exists max
  open e:usd; close e:usd                                     | open e:usd                             | wallet_closed e:usd
  open e:usd; close e:usd                                     | open e:usd max5                        | wallet_exists max
  # transfer
                                                              | pay a:usd>b:usd:100                    | posted
                                                              | pay a:usd>b:usd:101                    | insufficient_funds a:usd
                                                              | pay a:usd>b:usd:60 a:usd>c:usd:40      | posted
                                                              | pay a:usd>b:usd:60 a:usd>c:usd:41      | insufficient_funds a:usd
                                                              | pay a:usd>b:usd:90 b:eur>a:eur:80      | posted
                                                              | pay a:usd>b:usd:90 b:eur>a:eur:101     | insufficient_funds b:eur
                                                              | pay a:usd>b:usd:1 b:usd>c:usd:1        | insufficient_funds b:usd
                                                              | pay a:usd>e:usd:1                      | wallet_not_found e:usd
                                                              | pay e:usd>a:usd:1                      | wallet_not_found e:usd
                                                              | pay a:usd>b:eur:1                      | asset_mismatch b:eur
  pay w:usd>b:usd:1; pay w:usd>c:usd:1                        | pay a:usd>b:usd:1 b:usd>c:usd:1 c:usd>b:usd:1 | posted
  pay w:usd>b:usd:1; pay w:usd>c:usd:1                        | pay a:usd>b:usd:1 b:usd>c:usd:1 c:usd>b:eur:1 | asset_mismatch b:eur
  close b:usd                                                 | pay a:usd>b:usd:1                      | wallet_closed b:usd
  freeze a:usd                                                | pay a:usd>b:usd:1                      | wallet_frozen a:usd
  freeze b:usd                                                | pay a:usd>b:usd:1                      | wallet_frozen b:usd
  freeze b:usd; unfreeze b:usd                                | pay a:usd>b:usd:1                      | posted
                                                              | pay a:usd>b:usd:1 if:a:usd=2           | posted
                                                              | pay a:usd>b:usd:1 if:a:usd=1           | version_mismatch a:usd
                                                              | pay a:usd>b:usd:1 if:b:usd=9           | version_mismatch b:usd
  limit b:usd max5                                            | pay a:usd>b:usd:6                      | max_exceeded b:usd
  open f:usd min*; open e:usd; pay f:usd>e:usd:${INT64_MAX}   | pay w:usd>e:usd:1                      | overflow e:usd
  open f:usd min*; open e:usd; pay f:usd>e:usd:${INT64_MAX}   | pay f:usd>a:usd:1                      | overflow f:usd
  # id_conflict, whatever else would be wrong with it
  t=pay a:usd>b:usd:1                                         | again t=pay a:usd>b:usd:1              | posted
  t=pay a:usd>b:usd:1                                         | again t=pay a:usd>b:usd:2              | id_conflict amount
  t=pay a:usd>b:usd:1                                         | again t=pay a:usd>z:usd:1              | id_conflict to
  t=pay a:usd>b:usd:1                                         | again t=hold a:usd>b:usd:1             | id_conflict hold
  t=pay a:usd>b:usd:1                                         | again t=freeze a:usd                   | id_conflict op
  t=pay a:usd>b:usd:101                                       | again t=pay a:usd>b:usd:1              | id_conflict amount
  # hold
                                                              | hold a:usd>b:usd:100                   | held
                                                              | hold a:usd>b:usd:101                   | insufficient_funds a:usd
                                                              | hold a:usd>b:usd:60 a:usd>c:usd:40     | held
                                                              | hold a:usd>e:usd:1                     | wallet_not_found e:usd
                                                              | hold a:usd>b:eur:1                     | asset_mismatch b:eur
  freeze b:usd                                                | hold a:usd>b:usd:1                     | wallet_frozen b:usd
  close b:usd                                                 | hold a:usd>b:usd:1                     | wallet_closed b:usd
  limit b:usd max5                                            | hold a:usd>b:usd:6                     | max_exceeded b:usd
                                                              | hold a:usd>b:usd:1 if:b:usd=9          | version_mismatch b:usd
  hold a:usd>b:usd:70                                         | pay a:usd>b:usd:31                     | insufficient_funds a:usd
  hold a:usd>b:usd:70 ttl:1000; wait 1000                     | pay a:usd>b:usd:100                    | posted
  # capture
  h=hold a:usd>b:usd:70                                       | capture h                              | captured
  h=hold a:usd>b:usd:70                                       | capture h 70                           | captured
  h=hold a:usd>b:usd:70                                       | capture h 71                           | capture_exceeds_hold h
  h=hold a:usd>b:usd:70; capture h 30 keep                    | capture h 41                           | capture_exceeds_hold h
  h=hold a:usd>b:usd:70; capture h 30 keep                    | capture h 40                           | captured
  h=hold a:usd>b:usd:70; capture h 70 keep                    | capture h                              | capture_exceeds_hold h
  h=hold a:usd>b:usd:70; capture h 30                         | capture h 1                            | hold_settled h
  h=hold a:usd>b:usd:70; release h                            | capture h                              | hold_settled h
  h=hold a:usd>b:usd:70 ttl:1000; wait 1000                   | capture h                              | hold_expired h
  h=hold a:usd>b:usd:70 ttl:1000; wait 999                    | capture h                              | captured
                                                              | capture nothing                        | hold_not_found 00000000-0000-7000-8000-00000000ffff
  t=pay a:usd>b:usd:1                                         | capture t                              | hold_not_found t
  h=hold a:usd>b:usd:101                                      | capture h                              | hold_not_found h
  h=hold a:usd>b:usd:70; freeze a:usd                         | capture h                              | captured
  h=hold a:usd>b:usd:70; freeze b:usd                         | capture h                              | wallet_frozen b:usd
  h=hold a:usd>b:usd:70; freeze b:usd; capture h; unfreeze b:usd | capture h                           | captured
  h=hold a:usd>b:usd:70; close b:usd                          | capture h                              | wallet_closed b:usd
  h=hold a:usd>b:usd:70; limit b:usd max5                     | capture h                              | max_exceeded b:usd
  h=hold a:usd>b:usd:70; limit b:usd max5                     | capture h 5                            | captured
  h=hold a:usd>b:usd:60 a:usd>c:usd:40                        | capture h                              | captured
  h=hold a:usd>b:usd:60 a:usd>c:usd:40                        | capture h 60                           | legs_invalid amount
  h=hold a:usd>b:usd:60 a:usd>c:usd:40; release h             | capture h 60                           | hold_settled h
  h=hold a:usd>b:usd:60 a:usd>c:usd:40; freeze c:usd          | capture h                              | wallet_frozen c:usd
  h=hold a:usd>b:usd:70; release h; freeze b:usd              | capture h                              | hold_settled h
  h=hold a:usd>b:usd:70; freeze b:usd                         | capture h 71                           | capture_exceeds_hold h
  # release
  h=hold a:usd>b:usd:70                                       | release h                              | released
  h=hold a:usd>b:usd:70; freeze a:usd                         | release h                              | released
  h=hold a:usd>b:usd:70; capture h 70 keep                    | release h                              | released
  h=hold a:usd>b:usd:70; release h                            | release h                              | hold_settled h
  h=hold a:usd>b:usd:70; capture h                            | release h                              | hold_settled h
  h=hold a:usd>b:usd:70 ttl:5; wait 5                         | release h                              | hold_expired h
                                                              | release nothing                        | hold_not_found 00000000-0000-7000-8000-00000000ffff
  # reverse
  t=pay a:usd>b:usd:70                                        | reverse t                              | reversed
  t=pay a:usd>b:usd:70                                        | reverse t 70                           | reversed
  t=pay a:usd>b:usd:70                                        | reverse t 71                           | reverse_exceeds t
  t=pay a:usd>b:usd:70; reverse t 30                          | reverse t 41                           | reverse_exceeds t
  t=pay a:usd>b:usd:70; reverse t 30                          | reverse t                              | reversed
  t=pay a:usd>b:usd:70; reverse t                             | reverse t                              | already_reversed t
  t=pay a:usd>b:usd:70; reverse t                             | reverse t 1                            | reverse_exceeds t
  t=pay a:usd>b:usd:70; pay b:usd>c:usd:1                     | reverse t                              | insufficient_funds b:usd
  t=pay a:usd>b:usd:70; freeze b:usd                          | reverse t                              | wallet_frozen b:usd
  t=pay a:usd>b:usd:70; freeze a:usd                          | reverse t                              | wallet_frozen a:usd
  t=pay a:usd>b:usd:70; limit a:usd max99                     | reverse t                              | max_exceeded a:usd
  t=pay a:usd>b:usd:101                                       | reverse t                              | transfer_not_found t
                                                              | reverse nothing                        | transfer_not_found 00000000-0000-7000-8000-00000000ffff
  t=pay a:usd>b:usd:70; r=reverse t                           | reverse r                              | transfer_not_found r
  t=freeze a:usd                                              | reverse t                              | transfer_not_found t
  t=pay a:usd>b:usd:60 a:usd>c:usd:40                         | reverse t                              | reversed
  t=pay a:usd>b:usd:60 a:usd>c:usd:40                         | reverse t 60                           | legs_invalid amount
  t=pay a:usd>b:usd:60 a:usd>c:usd:40; reverse t              | reverse t                              | already_reversed t
  h=hold a:usd>b:usd:70                                       | reverse h                              | transfer_not_found h
  h=hold a:usd>b:usd:70; release h                            | reverse h                              | transfer_not_found h
  h=hold a:usd>b:usd:70; capture h 30 keep                    | reverse h                              | reversed
  h=hold a:usd>b:usd:70; capture h 30 keep                    | reverse h 31                           | reverse_exceeds h
  h=hold a:usd>b:usd:70; k=capture h 30 keep                  | reverse k                              | transfer_not_found k
  h=hold a:usd>b:usd:70; capture h 30 keep; reverse h; capture h 10 | reverse h                        | reversed
  h=hold a:usd>b:usd:60 a:usd>c:usd:40; capture h             | reverse h                              | reversed
  t=pay a:usd>b:usd:70; reverse t; freeze b:usd               | reverse t                              | already_reversed t
  # freeze, unfreeze, close, limit
                                                              | freeze a:usd                           | done
  freeze a:usd                                                | freeze a:usd                           | done
                                                              | unfreeze a:usd                         | done
                                                              | freeze e:usd                           | wallet_not_found e:usd
                                                              | close b:usd                            | done
  freeze b:usd                                                | close b:usd                            | done
  close b:usd                                                 | close b:usd                            | done
                                                              | close a:usd                            | wallet_not_empty a:usd
  close b:usd                                                 | freeze b:usd                           | wallet_closed b:usd
  close b:usd                                                 | unfreeze b:usd                         | wallet_closed b:usd
  close b:usd                                                 | limit b:usd max5                       | wallet_closed b:usd
                                                              | close e:usd                            | wallet_not_found e:usd
                                                              | limit e:usd max5                       | wallet_not_found e:usd
                                                              | limit a:usd max100                     | done
                                                              | limit a:usd max99                      | max_exceeded a:usd
  pay a:usd>b:usd:100; limit a:usd min-50; pay a:usd>b:usd:50 | limit a:usd min-49                     | insufficient_funds a:usd
  pay a:usd>b:usd:100; limit a:usd min-50; pay a:usd>b:usd:50 | limit a:usd min-50                     | done
  hold a:usd>b:usd:70; limit a:usd min-50                     | pay a:usd>b:usd:81                     | insufficient_funds a:usd
  pay a:usd>b:usd:100; limit a:usd min-50; hold a:usd>b:usd:50 | limit a:usd min-49                    | insufficient_funds a:usd
  freeze a:usd                                                | limit a:usd max100                     | done
`;

for (const shards of [1, 2, 4]) {
  test(`every command has the outcome of the table over ${shards} shards`, () => {
    using lab = new ScriptLab(shards);
    for (const [before = "", command = "", expected = ""] of rowsOf(CASES)) {
      lab.startChapter();
      lab.run(START);
      lab.run(before);
      const outcome = lab.run(command);
      assert.equal(lab.describe(outcome), expected, `${shards} shards: ${before} | ${command}`);
      assertQuiet(lab);
    }
  });
}

/** Nothing is under way: no item waits, and what is reserved belongs to open holds. */
function assertQuiet({ lab }: ScriptLab): void {
  for (const { file } of lab.shards) assert.equal(file.counters().outboxItems, 0);
}

test("the owner's thousandth wallet opens and the next one does not", () => {
  using lab = new ScriptLab(1);
  for (let wallet = 1; wallet <= 1000; wallet += 1) lab.lab.submit(lab.command(`open a:p${wallet}`));
  lab.lab.settle();
  assert.equal(lab.describe(lab.run("open a:more")), "too_many_wallets a");
  assert.equal(lab.describe(lab.run("open a:p1000")), "open");
  assert.equal(lab.describe(lab.run("open a:p1 max5")), "wallet_exists max");
  assert.equal(lab.describe(lab.run("open b:usd")), "open");
});

test("a command of an owner who lives elsewhere is refused and not recorded", () => {
  using lab = new ScriptLab(2);
  const command = lab.command("open b:usd");
  const elsewhere = lab.lab.at(0);
  // Whether the decoder has not looked, or has looked for the shard of the owner, which this is not.
  for (const shard of [null, 1]) {
    const decoded = { ...decodedCommand(command), shard };
    elsewhere.append(lab.lab.timeMs, { kind: "commands", tenant: TENANT, commands: [decoded] });
    const outcome = elsewhere.turn().at(-1)?.answered[0]?.outcome ?? null;
    assert.equal(lab.describe(outcome), "wrong_shard b");
  }
  assert.equal(elsewhere.file.ledger.findCommand(TENANT, command.owner, command.id), undefined);
  assert.equal(lab.describe(lab.lab.run(command)), "open");
});

test("a refused shape is answered in its place, is not recorded, and stops nothing", () => {
  using lab = new ScriptLab(1);
  const [first, last] = [lab.command("open a:usd"), lab.command("open b:usd")];
  const shape = { id: first.id, op: "open", shape: refusal("amount_invalid", "min") };
  const commands = [shape, decodedCommand(first), decodedCommand(last)];
  const shard = lab.lab.at(0);
  const position = shard.append(lab.lab.timeMs, { kind: "commands", tenant: TENANT, commands });
  const outcomes =
    shard
      .turn()
      .at(-1)
      ?.answered.map(({ outcome }) => outcome) ?? [];
  assert.deepEqual(
    outcomes.map((outcome) => lab.describe(outcome)),
    ["amount_invalid min", "open", "open"],
  );
  for (const outcome of outcomes)
    assert.deepEqual([outcome.position, outcome.timeMs], [position, lab.lab.timeMs]);
  assert.equal(outcomes[0]?.balances, null);
});

test("an outcome shows the wallets of its shard that the command names, in the order first named", () => {
  for (const [shards, before, line, expected] of [
    [1, "", "pay a:usd>b:usd:5", "a:usd 95 b:usd 5"],
    [1, "", "pay a:usd>c:usd:5 a:usd>b:usd:1", "a:usd 94 c:usd 5 b:usd 1"],
    [2, "", "pay a:usd>b:usd:5", "a:usd 95"],
    [2, "", "pay a:usd>b:usd:5 a:usd>c:usd:1", "a:usd 94 c:usd 1"],
    [2, "", "hold a:usd>b:usd:5 a:usd>c:usd:1", "a:usd 100 c:usd 0"],
    [2, "h=hold a:usd>b:usd:5 a:usd>c:usd:1", "capture h", "a:usd 94 c:usd 1"],
    [2, "h=hold a:usd>b:usd:5 a:usd>c:usd:1", "release h", "a:usd 100 c:usd 0"],
    [2, "t=pay a:usd>b:usd:5 a:usd>c:usd:1", "reverse t", "a:usd 100 c:usd 0"],
    [4, "", "pay a:usd>b:usd:5 a:usd>c:usd:1", "a:usd 94"],
    [1, "", "freeze a:usd", "a:usd 100"],
    [1, "", "open a:box", "a:box 0"],
    [1, "", "limit a:usd max100", "a:usd 100"],
    [1, "", "pay a:usd>b:usd:101", ""],
  ] as const) {
    using lab = new ScriptLab(shards);
    lab.run(START);
    lab.run(before);
    const outcome = lab.run(line);
    const balances = outcome?.balances?.map(({ wallet, posted }) => `${lab.letters(wallet)} ${posted}`) ?? [];
    assert.equal(balances.join(" "), expected, line);
  }
});
