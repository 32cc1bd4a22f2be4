// Contract 2, 3 and 4: moves within a shard, over two shards and over many. What each operation does to posted, held
// and incoming on every side; what happens to commands that arrive while a move is in flight; and that a read sent
// after the answer shows all sides.
//
// In flight, without luck: commands of one array are one record, so what follows a move in its array is judged while
// the move's reservations stand and before any other shard can have answered.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { EntryJson, OutcomeJson } from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller } from "./outside-caller.ts";
import { codes, legs, ownerOf, pay, Scene } from "./scene.ts";

const reason = "a test";
let scene: Scene;
let caller: OutsideCaller;
let reader: OutsideCaller;

before(async () => {
  scene = await Scene.open();
  ({ caller, reader } = scene);
});

after(() => scene.close());

describe("transfers", () => {
  for (const to of [0, 1]) {
    test(`from shard 0 to shard ${to}: settled on both sides when the answer comes`, async () => {
      const [from, receiver] = [await scene.wallet(0, 1000), await scene.wallet(to)];
      for (let paid = 10; paid <= 200; paid += 10) {
        await caller.must("posted", pay(from, receiver, 10));
        assert.deepEqual(await scene.seen(from, receiver), [`${1000 - paid} 0 0`, `${paid} 0 0`]);
      }
    });
  }

  test("over two shards the sender reserves, the receiver posts, the sender posts", async () => {
    const [from, to] = [await scene.wallet(0, 100), await scene.wallet(1)];
    const { balances, shard } = await caller.must(
      "posted",
      pay(from, to, 60, { code: "sale", ref: "order-7" }),
    );
    assert.deepEqual(Object.keys(balances ?? {}), [from], "balances are those of the answering shard");
    assert.equal(shard, 0);
    assert.deepEqual(await scene.history(from), [
      "transfer -60 -60",
      "reserve 0 60",
      "transfer 100 0",
      "open 0 0",
    ]);
    assert.deepEqual(await scene.history(to), ["transfer 60 0", "open 0 0"]);
    const [entry] = (await reader.entries(to, { limit: 1 })).rows;
    assert(entry);
    const { code, ref, counterparty, leg, balance } = entry;
    assert.deepEqual([code, ref, counterparty, leg], ["sale", "order-7", from, 0]);
    assert.deepEqual(balance, { posted: "60", held: "0", incoming: "0" });
  });

  test("over many shards: every shard has applied it when the answer comes", async () => {
    const names = [
      await scene.wallet(0, 1000),
      await scene.wallet(1, 500),
      await scene.wallet(2),
      await scene.wallet(3),
      await scene.wallet(0),
    ];
    const [a, b, c, d, e] = names as [string, string, string, string, string];
    for (let round = 1; round <= 20; round += 1) {
      const outcome = await caller.must(
        "posted",
        legs([
          [a, b, 7],
          [b, c, 5],
          [a, d, 3],
          [a, e, 1],
        ]),
      );
      assert.deepEqual(Object.keys(outcome.balances ?? {}).sort(), [a, e].sort());
      assert.deepEqual(await scene.seen(...names), [
        `${1000 - 11 * round} 0 0`,
        `${500 + 2 * round} 0 0`,
        `${5 * round} 0 0`,
        `${3 * round} 0 0`,
        `${round} 0 0`,
      ]);
    }
  });

  test("legs in both directions between two shards", async () => {
    const [a, b] = [await scene.wallet(0, 100), await scene.wallet(1, 100)];
    await caller.must(
      "posted",
      legs([
        [a, b, 30],
        [b, a, 80],
      ]),
    );
    assert.deepEqual(await scene.seen(a, b), ["150 0 0", "50 0 0"]);
  });

  for (const dealer of [0, 1, 2]) {
    test(`an exchange is two legs through a dealer on shard ${dealer}: each asset moves on its own`, async () => {
      const usd = await scene.wallet(0, 100);
      const eur = `${ownerOf(usd)}:eur`;
      await caller.must("open", { op: "open", wallet: eur, asset: "EUR/2" });
      const [takes, gives] = [
        await scene.wallet(dealer),
        await scene.wallet((dealer * 2) % 4, 500, { asset: "EUR/2" }),
      ];
      await caller.must(
        "posted",
        legs(
          [
            [usd, takes, 100],
            [gives, eur, 92],
          ],
          { ifVersion: { [takes]: "1" } },
        ),
      );
      assert.deepEqual(await scene.seen(usd, eur, takes, gives), ["0 0 0", "92 0 0", "100 0 0", "408 0 0"]);
    });
  }

  test("a min below zero is credit, also for what is reserved", async () => {
    const [a, b] = [await scene.wallet(0, 0, { min: "-100" }), await scene.wallet(1)];
    const outcomes = await caller.sendInOrder(ownerOf(a), [pay(a, b, 60), pay(a, b, 41), pay(a, b, 40)]);
    assert.deepEqual(codes(outcomes), ["posted", "insufficient_funds", "posted"]);
    assert.deepEqual(await scene.seen(a, b), ["-100 0 0", "100 0 0"]);
    assert.equal((await reader.wallet(a)).available, "0");
  });

  test("a max counts what is on its way in: of two moves that do not both fit, one is done", async () => {
    const [a, b, c] = [
      await scene.wallet(0, 100),
      await scene.wallet(1, 100),
      await scene.wallet(2, 0, { max: "100" }),
    ];
    const [d, e] = [await scene.wallet(3), await scene.wallet(3)];
    const [one, other] = await Promise.all([
      caller.do(
        legs([
          [a, c, 60],
          [a, d, 1],
        ]),
      ),
      caller.do(
        legs([
          [b, c, 60],
          [b, e, 1],
        ]),
      ),
    ]);
    assert.deepEqual(codes([one, other]).sort(), ["max_exceeded", "posted"]);
    const posted = one.status === "posted";
    // A refusal is settled by the decision; what the other shards had reserved goes back a moment later.
    await assertQuiet(caller);
    assert.deepEqual(await scene.seen(c, d, e), [
      "60 0 0",
      posted ? "1 0 0" : "0 0 0",
      posted ? "0 0 0" : "1 0 0",
    ]);
  });

  test("a refused move gives everything back on every shard", async () => {
    const names = [
      await scene.wallet(0, 100),
      await scene.wallet(1, 100),
      await scene.wallet(2),
      await scene.wallet(3, 0, { max: "1" }),
    ];
    const [a, b, c, d] = names as [string, string, string, string];
    await caller.must(
      "max_exceeded",
      legs([
        [a, b, 10],
        [b, c, 10],
        [a, d, 2],
      ]),
    );
    await assertQuiet(caller);
    assert.deepEqual(await scene.seen(...names), ["100 0 0", "100 0 0", "0 0 0", "0 0 0"]);
    assert.deepEqual(await scene.history(c), ["return 0 0", "reserve 0 0", "open 0 0"]);
  });
});

describe("what arrives while a move is in flight", () => {
  for (const [name, peers] of [
    ["two shards", [1]],
    ["three shards", [1, 2]],
  ] as const) {
    const start = async (
      funds: number,
      amount: number,
    ): Promise<{ from: string; move: Json; to: string[] }> => {
      const from = await scene.wallet(0, funds);
      const to = await Promise.all(peers.map((shard) => scene.wallet(shard)));
      return { from, to, move: legs(to.map((each) => [from, each, amount / to.length])) };
    };
    const during = (from: string, list: readonly Json[]) => caller.sendInOrder(ownerOf(from), list);

    test(`${name}: a freeze lets it finish and refuses what comes later`, async () => {
      const { from, to, move } = await start(100, 60);
      const freeze = { op: "freeze", wallet: from, reason };
      const [moved, frozen, later] = await during(from, [move, freeze, { ...move }]);
      assert(moved && frozen && later);
      assert.deepEqual(codes([moved, frozen, later]), ["posted", "done", "wallet_frozen"]);
      assert.equal(frozen.balances?.[from]?.held, "60", "the freeze was judged while the move was in flight");
      assert.deepEqual(await scene.seen(from, to[0] ?? ""), ["40 0 0", `${60 / to.length} 0 0`]);
    });

    test(`${name}: close is refused while it is reserved and done afterwards`, async () => {
      const { from, move } = await start(60, 60);
      const close = { op: "close", wallet: from, reason };
      const [moved, refused] = await during(from, [move, close]);
      assert(moved && refused);
      assert.deepEqual(codes([moved, refused]), ["posted", "wallet_not_empty"]);
      await caller.must("done", { op: "close", wallet: from, reason });
      await caller.must("done", { op: "close", wallet: from, reason });
      assert.equal((await reader.wallet(from)).status, "closed");
    });

    test(`${name}: a limit cannot undercut what is reserved`, async () => {
      const { from, move } = await start(50, 100);
      await caller.must("done", { op: "limit", wallet: from, min: "-50" });
      const limit = (more: Json): Json => ({ op: "limit", wallet: from, ...more });
      const outcomes = await during(from, [move, limit({ min: "-49" }), limit({ min: "-50", max: "50" })]);
      assert.deepEqual(codes(outcomes), ["posted", "insufficient_funds", "done"]);
      assert.deepEqual(await scene.seen(from), ["-50 0 0"]);
      await caller.must("insufficient_funds", limit({ min: "-49" }));
    });

    test(`${name}: funds that are reserved are not there for another command`, async () => {
      const { from, to, move } = await start(100, 60);
      const [moved, refused, fits] = await during(from, [
        move,
        pay(from, to[0] ?? "", 41),
        pay(from, to[0] ?? "", 40),
      ]);
      assert(moved && refused && fits);
      assert.deepEqual(codes([moved, refused, fits]), ["posted", "insufficient_funds", "posted"]);
    });

    test(`${name}: what a reverse will bring is incoming, completes on a frozen wallet, and keeps max`, async () => {
      const { from, to, move } = await start(100, 60);
      const { id } = await caller.must("posted", move);
      const [reversed, frozen, limited] = await during(from, [
        { op: "reverse", transfer: id },
        { op: "freeze", wallet: from, reason },
        { op: "limit", wallet: from, max: "99" },
      ]);
      assert(reversed && frozen && limited);
      assert.deepEqual(codes([reversed, frozen, limited]), ["reversed", "done", "max_exceeded"]);
      assert.equal(frozen.balances?.[from]?.incoming, "60");
      assert.deepEqual(await scene.seen(from, ...to), ["100 0 0", ...to.map(() => "0 0 0")]);
    });
  }
});

describe("many moves at once", () => {
  test("a storm of random moves between all shards settles every command and keeps every balance", async () => {
    const wallets = await Promise.all(
      [0, 1, 2, 3, 0, 1, 2, 3].map((shard) => scene.wallet(shard, 1000, { max: "2500" })),
    );
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const pick = (): string => wallets[random(wallets.length)] ?? "";
    const other = (than: string): string => {
      for (;;) {
        const name = pick();
        if (name !== than) return name;
      }
    };
    const moves = Array.from({ length: 400 }, (): Json => {
      const from = pick();
      const list = Array.from({ length: 1 + random(3) }, (_, index): [string, string, number] => {
        const source = index === 0 ? from : pick();
        return [source, other(source), 1 + random(120)];
      });
      return { ...legs(list), id: newId() };
    });
    const outcomes = await Promise.all(moves.map((move) => caller.do(move)));
    const tally = codes(outcomes);
    const posted = tally.filter((code) => code === "posted").length;
    assert(posted > 50, `${posted} of ${moves.length} were posted`);
    assert(
      tally.every((code) => ["posted", "insufficient_funds", "max_exceeded"].includes(code)),
      tally.join(),
    );
    await assertQuiet(caller);
    await assertExactly(wallets, moves, outcomes);
    for (const name of wallets) await assertUnbroken(name);
  });
});

/** Each balance is what the posted moves, and only they, make of it. */
async function assertExactly(
  wallets: readonly string[],
  moves: readonly Json[],
  outcomes: readonly OutcomeJson[],
): Promise<void> {
  const expected = new Map(wallets.map((name) => [name, 1000]));
  for (const [index, move] of moves.entries()) {
    const list = move["legs"];
    if (outcomes[index]?.status !== "posted" || !Array.isArray(list)) continue;
    for (const { from, to, amount } of list) {
      expected.set(from, (expected.get(from) ?? 0) - Number(amount));
      expected.set(to, (expected.get(to) ?? 0) + Number(amount));
    }
  }
  const balances = await Promise.all(
    wallets.map(async (name) => [name, Number((await reader.wallet(name)).posted)] as const),
  );
  assert.deepEqual(new Map(balances), expected);
}

/** Versions are dense, and the entries from the oldest on make the balance. */
async function assertUnbroken(name: string): Promise<void> {
  const entries: EntryJson[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await reader.entries(name, { limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    entries.unshift(...[...page.rows].reverse());
    cursor = page.next;
    if (cursor === undefined) break;
  }
  let [posted, held] = [0n, 0n];
  for (const [index, { version, amount, held: change, balance }] of entries.entries()) {
    posted += BigInt(amount);
    held += BigInt(change);
    assert.deepEqual(
      [version, balance.posted, balance.held],
      [String(index + 1), String(posted), String(held)],
    );
  }
  assert.equal((await reader.wallet(name)).version, String(entries.length));
}
