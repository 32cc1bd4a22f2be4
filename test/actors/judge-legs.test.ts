// The judging of legs, pure: one line a case with the expected code last, every pair of codes in both orders,
// and the property that the path for one leg judges as the one for many does.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CAPTURE_RULES, judgeLeg, judgeMove, PLAIN_RULES } from "../../actors/judge-legs.ts";
import { type MoveTally, numberedLegs, tallyMove } from "../../actors/move-tally.ts";
import type { Wallet } from "../../actors/wallet.ts";
import type { Leg } from "../../protocol/command.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import type { WalletName } from "../../protocol/names.ts";
import { precedenceOf, type RefusalCode } from "../../protocol/outcome.ts";
import { rowsOf, TENANT, walletName, walletOf } from "./test-wallets.ts";

const MAX = INT64_MAX;

/** Legs of a move inside one shard, with the wallets that exist. */
function tallied(legs: readonly Leg[], wallets: ReadonlyMap<string, Wallet | undefined>): MoveTally {
  const wallet = (_tenant: string, name: WalletName) => wallets.get(name);
  const source = { shard: 0, shards: 1, wallet, loadedWallet: wallet };
  return tallyMove(source, TENANT, numberedLegs(legs));
}

function legOf(from: string, to: string, amount: bigint): Leg {
  return { from: walletName(from), to: walletName(to), amount };
}

const ONE_LEG = `
  # from             | to                  | amount | versions | code
  100                | 0                   | 100    |          | fits
  100                | 0                   | 101    |          | insufficient_funds a:usd
  100 h40            | 0                   | 60     |          | fits
  100 h40            | 0                   | 61     |          | insufficient_funds a:usd
  100 i500           | 0                   | 101    |          | insufficient_funds a:usd
  0 min-50           | 0                   | 50     |          | fits
  0 min-50           | 0                   | 51     |          | insufficient_funds a:usd
  0 min*             | 0                   | ${MAX} |          | fits
  -1 min*            | 0                   | ${MAX} |          | overflow a:usd
  0 h1 min*          | 0                   | ${MAX} |          | overflow a:usd
  0 min*             | 1                   | ${MAX} |          | overflow b:usd
  0 min*             | 0 i1                | ${MAX} |          | overflow b:usd
  5 h1 min*          | 0                   | ${MAX} |          | overflow a:usd
  0 min*             | -5 i1 min*          | ${MAX} |          | overflow b:usd
  100                | 0 max10             | 10     |          | fits
  100                | 0 max10             | 11     |          | max_exceeded b:usd
  100                | 0 i1 max10          | 10     |          | max_exceeded b:usd
  100                | 5 h5 max10          | 6      |          | max_exceeded b:usd
  -                  | 0                   | 1      |          | wallet_not_found a:usd
  100                | -                   | 1      |          | wallet_not_found b:usd
  -                  | -                   | 1      |          | wallet_not_found a:usd
  100                | 0 EUR/2             | 1      |          | asset_mismatch b:usd
  100 USD/3          | 0                   | 1      |          | asset_mismatch b:usd
  closed             | 0                   | 1      |          | wallet_closed a:usd
  100                | closed              | 1      |          | wallet_closed b:usd
  100 frozen         | 0                   | 1      |          | wallet_frozen a:usd
  100                | frozen              | 1      |          | wallet_frozen b:usd
  100 frozen         | closed              | 1      |          | wallet_closed b:usd
  100 v7             | 0 v3                | 1      | 7,3      | fits
  100 v7             | 0 v3                | 1      | 6,3      | version_mismatch a:usd
  100 v7             | 0 v3                | 1      | 7,4      | version_mismatch b:usd
  100 v7             | 0 v3                | 1      | 1,1      | version_mismatch a:usd
  0 v7               | 0 max0              | 1      | 6,1      | version_mismatch a:usd
  0                  | 0 max0              | 1      |          | max_exceeded b:usd
  0                  | ${MAX}              | 1      |          | overflow b:usd
`;

test("one leg is judged by the table, alone and as a move of one leg", () => {
  for (const [from = "", to = "", amount = "", versions = "", expected = ""] of rowsOf(ONE_LEG)) {
    const wallets = new Map([
      ["a:usd", walletOf("a:usd", from)],
      ["b:usd", walletOf("b:usd", to)],
    ]);
    const leg = legOf("a:usd", "b:usd", BigInt(amount));
    const [first, second] = versions.split(",").map(Number);
    const ifVersion =
      versions === "" ? null : ([[leg.from, first ?? 0] as const, [leg.to, second ?? 0] as const] as const);
    const alone = judgeLeg(wallets.get("a:usd"), wallets.get("b:usd"), leg, ifVersion);
    const move = judgeMove(tallied([leg], wallets), { debits: true, ifVersion });
    const line = `${from} | ${to} | ${amount} | ${versions}`;
    assert.equal(alone ? `${alone.code} ${alone.detail}` : "fits", expected, line);
    assert.deepEqual(move?.refusal ?? null, alone, line);
    assert.equal(move?.leg ?? 0, 0, line);
  }
});

/** For each code a leg of its own wallets that has this defect and no other. */
const DEFECTS: Readonly<Record<string, readonly [from: string, to: string, version?: number]>> = {
  wallet_not_found: ["-", "0"],
  asset_mismatch: ["100", "0 EUR/2"],
  wallet_closed: ["100", "closed"],
  wallet_frozen: ["100 frozen", "0"],
  version_mismatch: ["100", "0", 9],
  overflow: ["100", `${MAX}`],
  max_exceeded: ["100", "0 max5"],
  insufficient_funds: ["9", "0"],
};

test("of two refused legs the code that comes first in the precedence wins, whatever the order of the legs", () => {
  for (const [one, first] of Object.entries(DEFECTS)) {
    for (const [other, second] of Object.entries(DEFECTS)) {
      const wallets = new Map([
        ["a:x", walletOf("a:x", first[0])],
        ["b:x", walletOf("b:x", first[1])],
        ["c:x", walletOf("c:x", second[0])],
        ["d:x", walletOf("d:x", second[1])],
      ]);
      const ifVersion: [WalletName, number][] = [];
      if (first[2] !== undefined) ifVersion.push([walletName("a:x"), first[2]]);
      if (second[2] !== undefined) ifVersion.push([walletName("c:x"), second[2]]);
      const legs = [legOf("a:x", "b:x", 10n), legOf("c:x", "d:x", 10n)];
      const found = judgeMove(tallied(legs, wallets), { debits: true, ifVersion });
      const rank = (code: string) => precedenceOf(code as RefusalCode);
      const expected = rank(other) < rank(one) ? { code: other, leg: 1 } : { code: one, leg: 0 };
      assert.deepEqual({ code: found?.refusal.code, leg: found?.leg }, expected, `${one} then ${other}`);
    }
  }
});

const MANY_LEGS = `
  # wallets                                  | legs                          | expected
  # sums of one wallet
  a:x=100 b:x=0 c:x=0                        | a:x>b:x:60 a:x>c:x:40         | fits
  a:x=100 b:x=0 c:x=0                        | a:x>b:x:60 a:x>c:x:41         | insufficient_funds a:x 0
  a:x=100 b:x=0,max10 c:x=100                | a:x>b:x:5 c:x>b:x:6           | max_exceeded b:x 0
  # legs do not fund each other
  a:x=100 b:x=0 c:x=0                        | a:x>b:x:100 b:x>c:x:1         | insufficient_funds b:x 0
  a:x=100 b:x=5 c:x=0                        | a:x>b:x:100 b:x>c:x:5         | fits
  a:x=100 b:x=10,max10 c:x=0                 | b:x>c:x:5 a:x>b:x:5           | max_exceeded b:x 0
  # an exchange through a dealer's wallets
  a:u=100 d:u=0 d:e=500,EUR/2 a:e=0,EUR/2    | a:u>d:u:100 d:e>a:e:90        | fits
  a:u=100 d:u=0 d:e=50,EUR/2 a:e=0,EUR/2     | a:u>d:u:100 d:e>a:e:90        | insufficient_funds d:e 1
  # sums wider than int64
  a:x=0,min* b:x=0                           | a:x>b:x:${MAX} a:x>b:x:${MAX} | overflow a:x 0
  a:x=0,min* c:x=0,min* b:x=0                | a:x>b:x:${MAX} c:x>b:x:1      | overflow b:x 0
  # what is reserved stays within int64, however much is there or missing
  a:x=${MAX},min* b:x=0 c:x=0                | a:x>b:x:${MAX} a:x>c:x:1      | overflow a:x 0
  a:x=9,h1,min* b:x=0 c:x=-9,min*            | a:x>b:x:${MAX} a:x>c:x:1      | overflow a:x 0
  a:x=0,min* c:x=0,min* b:x=-9,min*          | a:x>b:x:${MAX} c:x>b:x:1      | overflow b:x 0
  # the same code on two legs: the first leg
  a:x=- b:x=0 c:x=-                          | c:x>b:x:1 a:x>b:x:1           | wallet_not_found c:x 0
  a:x=1 b:x=0 c:x=1                          | c:x>b:x:1 a:x>b:x:2           | insufficient_funds a:x 1
`;

test("several legs are judged by the sums of each wallet", () => {
  for (const [specs = "", legTexts = "", expected = ""] of rowsOf(MANY_LEGS)) {
    const wallets = new Map(
      specs.split(/\s+/).map((spec) => {
        const [name = "", text = ""] = spec.split("=");
        return [name, walletOf(name, text.replaceAll(",", " "))];
      }),
    );
    const legs = legTexts.split(/\s+/).map((text) => {
      const [from = "", to = ""] = text.split(">");
      const cut = to.lastIndexOf(":");
      return legOf(from, to.slice(0, cut), BigInt(to.slice(cut + 1)));
    });
    const found = judgeMove(tallied(legs, wallets), PLAIN_RULES);
    const text = found ? `${found.refusal.code} ${found.refusal.detail} ${found.leg}` : "fits";
    assert.equal(text, expected, `${specs} | ${legTexts}`);
  }
});

test("a capture judges where money goes and never where it was reserved", () => {
  for (const [from, to, expected] of [
    ["0 h100 frozen", "0", null],
    ["0 h100 min0", "0 frozen", "wallet_frozen"],
    ["100 h100 frozen", "closed", "wallet_closed"],
    ["100 h100", "0 max5", "max_exceeded"],
    ["100 h100", "-", "wallet_not_found"],
  ] as const) {
    const wallets = new Map([
      ["a:x", walletOf("a:x", from)],
      ["b:x", walletOf("b:x", to)],
    ]);
    const found = judgeMove(tallied([legOf("a:x", "b:x", 10n)], wallets), CAPTURE_RULES);
    assert.equal(found?.refusal.code ?? null, expected, `${from} > ${to}`);
  }
});

test("one leg gives the same refusal alone and as a move, for any two wallets", () => {
  const spec = fc
    .record({
      posted: fc.bigInt({ min: -5n, max: 5n }),
      held: fc.bigInt({ min: 0n, max: 3n }),
      incoming: fc.bigInt({ min: 0n, max: 3n }),
      min: fc.constantFrom("min0", "min-3", "min*"),
      max: fc.constantFrom("max0", "max4", "max*"),
      rest: fc.constantFrom("", "frozen", "closed", "EUR/2", "v2"),
    })
    .map(
      ({ posted, held, incoming, min, max, rest }) => `${posted} h${held} i${incoming} ${min} ${max} ${rest}`,
    );
  const wallet = fc.oneof({ weight: 9, arbitrary: spec }, { weight: 1, arbitrary: fc.constant("-") });
  fc.assert(
    fc.property(
      wallet,
      wallet,
      fc.bigInt({ min: 1n, max: 9n }),
      fc.boolean(),
      (from, to, amount, versions) => {
        const wallets = new Map([
          ["a:x", walletOf("a:x", from)],
          ["b:x", walletOf("b:x", to)],
        ]);
        const leg = legOf("a:x", "b:x", amount);
        const ifVersion = versions ? ([[leg.to, 1]] as const) : null;
        const alone = judgeLeg(wallets.get("a:x"), wallets.get("b:x"), leg, ifVersion);
        const move = judgeMove(tallied([leg], wallets), { debits: true, ifVersion });
        assert.deepEqual(move?.refusal ?? null, alone);
      },
    ),
    { numRuns: 2000 },
  );
});
