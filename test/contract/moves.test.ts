// Contract 2, 3 and 4: moves within a shard, over two shards and over many. What each operation does to posted, held
// and incoming on every side; what happens to commands that arrive while a move is in flight; and that a read sent
// after the answer shows all sides.
//
// In flight, without luck: commands of one array are one record, so what follows a move in its array is judged while
// the move's reservations stand and before any other shard can have answered.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Installation, install } from "./installation.ts";
import type { EntryJson, OutcomeJson } from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, OutsideCaller, ownerOn } from "./outside-caller.ts";

const HOUR = { ttlMs: 3_600_000 };
const reason = "a test";
let installation: Installation;
let caller: OutsideCaller;
/** Another connection: what it sees cannot be owed to the order on the caller's own. */
let reader: OutsideCaller;
let chapter = 0;

before(async () => {
  installation = await install();
  caller = await OutsideCaller.connect(installation.nats.url);
  reader = await OutsideCaller.connect(installation.nats.url);
});

beforeEach(() => {
  chapter += 1;
});

after(async () => {
  await assertQuiet(caller);
  await caller.close();
  await reader.close();
  await installation.stop();
});

/** A fresh wallet on a shard; with funds from a source of its own asset on the same shard. */
async function wallet(shard: number, funds = 0, more: Json = {}): Promise<string> {
  const asset = String(more["asset"] ?? "USD/2");
  const purse = asset.slice(0, 3).toLowerCase();
  const owner = ownerOn(shard, `o${chapter}-${newId().slice(-4)}`);
  await caller.must("open", { op: "open", wallet: `${owner}:${purse}`, asset, ...more });
  if (funds === 0) return `${owner}:${purse}`;
  const source = `${ownerOn(shard, "source")}:${purse}`;
  await caller.must("open", { op: "open", wallet: source, asset, min: "unlimited" });
  await caller.must("posted", pay(source, `${owner}:${purse}`, funds));
  return `${owner}:${purse}`;
}

function pay(from: string, to: string, amount: number | string, more: Json = {}): Json {
  return { op: "transfer", from, to, amount: String(amount), ...more };
}

function legs(list: readonly (readonly [string, string, number])[], more: Json = {}): Json {
  return { op: "transfer", legs: list.map(([from, to, amount]) => ({ from, to, amount: String(amount) })), ...more };
}

function ownerOf(name: string): string {
  return name.slice(0, name.indexOf(":"));
}

/** Posted, held and incoming of wallets, as another connection sees them now. */
async function seen(...names: string[]): Promise<string[]> {
  return await Promise.all(names.map((name) => reader.balance(name)));
}

function codes(outcomes: readonly OutcomeJson[]): string[] {
  return outcomes.map(({ code, status }) => code ?? status);
}

/** Kind, change of posted, change of held, newest first. */
async function history(name: string): Promise<string[]> {
  const { rows } = await reader.entries(name);
  return rows.map(({ kind, amount, held }) => `${kind} ${amount} ${held}`);
}

describe("transfers", () => {
  for (const to of [0, 1]) {
    test(`from shard 0 to shard ${to}: settled on both sides when the answer comes`, async () => {
      const [from, receiver] = [await wallet(0, 1000), await wallet(to)];
      for (let paid = 10; paid <= 200; paid += 10) {
        await caller.must("posted", pay(from, receiver, 10));
        assert.deepEqual(await seen(from, receiver), [`${1000 - paid} 0 0`, `${paid} 0 0`]);
      }
    });
  }

  test("over two shards the sender reserves, the receiver posts, the sender posts", async () => {
    const [from, to] = [await wallet(0, 100), await wallet(1)];
    const { balances, shard } = await caller.must("posted", pay(from, to, 60, { code: "sale", ref: "order-7" }));
    assert.deepEqual(Object.keys(balances ?? {}), [from], "balances are those of the answering shard");
    assert.equal(shard, 0);
    assert.deepEqual(await history(from), ["transfer -60 -60", "reserve 0 60", "transfer 100 0", "open 0 0"]);
    assert.deepEqual(await history(to), ["transfer 60 0", "open 0 0"]);
    const [entry] = (await reader.entries(to, { limit: 1 })).rows;
    assert(entry);
    const { code, ref, counterparty, leg, balance } = entry;
    assert.deepEqual([code, ref, counterparty, leg], ["sale", "order-7", from, 0]);
    assert.deepEqual(balance, { posted: "60", held: "0", incoming: "0" });
  });

  test("over many shards: every shard has applied it when the answer comes", async () => {
    const names = [await wallet(0, 1000), await wallet(1, 500), await wallet(2), await wallet(3), await wallet(0)];
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
      assert.deepEqual(await seen(...names), [
        `${1000 - 11 * round} 0 0`,
        `${500 + 2 * round} 0 0`,
        `${5 * round} 0 0`,
        `${3 * round} 0 0`,
        `${round} 0 0`,
      ]);
    }
  });

  test("legs in both directions between two shards", async () => {
    const [a, b] = [await wallet(0, 100), await wallet(1, 100)];
    await caller.must("posted", legs([[a, b, 30], [b, a, 80]]));
    assert.deepEqual(await seen(a, b), ["150 0 0", "50 0 0"]);
  });

  for (const dealer of [0, 1, 2]) {
    test(`an exchange is two legs through a dealer on shard ${dealer}: each asset moves on its own`, async () => {
      const usd = await wallet(0, 100);
      const eur = `${ownerOf(usd)}:eur`;
      await caller.must("open", { op: "open", wallet: eur, asset: "EUR/2" });
      const [takes, gives] = [await wallet(dealer), await wallet((dealer * 2) % 4, 500, { asset: "EUR/2" })];
      await caller.must("posted", legs([[usd, takes, 100], [gives, eur, 92]], { ifVersion: { [takes]: "1" } }));
      assert.deepEqual(await seen(usd, eur, takes, gives), ["0 0 0", "92 0 0", "100 0 0", "408 0 0"]);
    });
  }

  test("a min below zero is credit, also for what is reserved", async () => {
    const [a, b] = [await wallet(0, 0, { min: "-100" }), await wallet(1)];
    const outcomes = await caller.sendInOrder(ownerOf(a), [pay(a, b, 60), pay(a, b, 41), pay(a, b, 40)]);
    assert.deepEqual(codes(outcomes), ["posted", "insufficient_funds", "posted"]);
    assert.deepEqual(await seen(a, b), ["-100 0 0", "100 0 0"]);
    assert.equal((await reader.wallet(a)).available, "0");
  });

  test("a max counts what is on its way in: of two moves that do not both fit, one is done", async () => {
    const [a, b, c] = [await wallet(0, 100), await wallet(1, 100), await wallet(2, 0, { max: "100" })];
    const [d, e] = [await wallet(3), await wallet(3)];
    const [one, other] = await Promise.all([
      caller.do(legs([[a, c, 60], [a, d, 1]])),
      caller.do(legs([[b, c, 60], [b, e, 1]])),
    ]);
    assert.deepEqual(codes([one, other]).sort(), ["max_exceeded", "posted"]);
    const posted = one.status === "posted";
    assert.deepEqual(await seen(c, d, e), ["60 0 0", posted ? "1 0 0" : "0 0 0", posted ? "0 0 0" : "1 0 0"]);
  });

  test("a refused move gives everything back on every shard", async () => {
    const names = [await wallet(0, 100), await wallet(1, 100), await wallet(2), await wallet(3, 0, { max: "1" })];
    const [a, b, c, d] = names as [string, string, string, string];
    await caller.must("max_exceeded", legs([[a, b, 10], [b, c, 10], [a, d, 2]]));
    await assertQuiet(caller);
    assert.deepEqual(await seen(...names), ["100 0 0", "100 0 0", "0 0 0", "0 0 0"]);
    assert.deepEqual(await history(c), ["return 0 0", "reserve 0 0", "open 0 0"]);
  });
});

describe("what arrives while a move is in flight", () => {
  for (const [name, peers] of [
    ["two shards", [1]],
    ["three shards", [1, 2]],
  ] as const) {
    const start = async (funds: number, amount: number): Promise<{ from: string; move: Json; to: string[] }> => {
      const from = await wallet(0, funds);
      const to = await Promise.all(peers.map((shard) => wallet(shard)));
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
      assert.deepEqual(await seen(from, to[0] ?? ""), ["40 0 0", `${60 / to.length} 0 0`]);
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
      assert.deepEqual(await seen(from), ["-50 0 0"]);
      await caller.must("insufficient_funds", limit({ min: "-49" }));
    });

    test(`${name}: funds that are reserved are not there for another command`, async () => {
      const { from, to, move } = await start(100, 60);
      const [moved, refused, fits] = await during(from, [move, pay(from, to[0] ?? "", 41), pay(from, to[0] ?? "", 40)]);
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
      assert.deepEqual(await seen(from, ...to), ["100 0 0", ...to.map(() => "0 0 0")]);
    });
  }
});

/** Where a hold's money goes: in the same shard, in one other, in two others. */
const PLACES: readonly (readonly [string, readonly number[]])[] = [
  ["one shard", [0]],
  ["two shards", [1]],
  ["three shards", [1, 2]],
];

for (const [place, shards] of PLACES) {
  describe(`holds, ${place}`, () => {
    const isOneLeg = shards.length === 1;
    const placed = async (amount: number, hold: Json = HOUR): Promise<{ id: string; from: string; to: string[] }> => {
      const from = await wallet(0, 1000);
      const to = await Promise.all(shards.map((shard) => wallet(shard)));
      const { id } = await caller.must("held", legs(to.map((each) => [from, each, amount]), { hold }));
      assert(id !== null);
      return { id, from, to };
    };
    const all = (from: string, list: readonly string[]) => seen(from, ...list);
    const each = (list: readonly string[], text: string): string[] => list.map(() => text);
    const total = shards.length;

    test("placing reserves the source and nothing at the destination", async () => {
      const { id, from, to } = await placed(100);
      assert.deepEqual(await all(from, to), [`1000 ${100 * total} 0`, ...each(to, "0 0 0")]);
      const { rows } = await reader.holds(ownerOf(from));
      assert.deepEqual(
        rows.map((hold) => [hold.id, hold.status, hold.legs.map(({ remaining, captured }) => [remaining, captured])]),
        [[id, "open", to.map(() => ["100", "0"])]],
      );
    });

    test("a capture of the whole moves it, also from a frozen source", async () => {
      const { id, from, to } = await placed(100);
      await caller.must("done", { op: "freeze", wallet: from, reason });
      await caller.must("captured", { op: "capture", hold: id }, ownerOf(from));
      assert.deepEqual(await all(from, to), [`${1000 - 100 * total} 0 0`, ...each(to, "100 0 0")]);
      const { rows } = await reader.holds(ownerOf(from));
      assert.deepEqual(rows[0]?.status, "captured");
      assert.deepEqual(rows[0]?.legs[0]?.captured, "100");
    });

    test("release gives it back, also on a frozen wallet", async () => {
      const { id, from, to } = await placed(100);
      await caller.must("done", { op: "freeze", wallet: from, reason });
      await caller.must("released", { op: "release", hold: id }, ownerOf(from));
      assert.deepEqual(await all(from, to), ["1000 0 0", ...each(to, "0 0 0")]);
      assert.equal((await reader.holds(ownerOf(from))).rows[0]?.status, "released");
    });

    test("captures that are not final leave the hold open; what is left can be released", async () => {
      const { id, from, to } = await placed(100);
      if (isOneLeg) {
        await caller.must("captured", { op: "capture", hold: id, amount: "30", final: false }, ownerOf(from));
        assert.deepEqual(await all(from, to), ["970 70 0", "30 0 0"]);
        await caller.must("captured", { op: "capture", hold: id, amount: "20", final: false }, ownerOf(from));
        await caller.must("released", { op: "release", hold: id }, ownerOf(from));
        assert.deepEqual(await all(from, to), ["950 0 0", "50 0 0"]);
        return;
      }
      await caller.must("captured", { op: "capture", hold: id, final: false }, ownerOf(from));
      assert.equal((await reader.holds(ownerOf(from))).rows[0]?.status, "open");
      await caller.must("released", { op: "release", hold: id }, ownerOf(from));
      assert.deepEqual(await all(from, to), ["800 0 0", ...each(to, "100 0 0")]);
    });

    test("a time to live that has passed gives it back, and a read does not show it any more", async () => {
      const { id, from, to } = await placed(100, { ttlMs: 40 });
      const expires = Date.parse((await reader.holds(ownerOf(from))).rows[0]?.expires ?? "");
      while (Date.now() <= expires) await reader.read(ownerOf(from), { get: "outcome", id });
      assert.deepEqual(await all(from, to), ["1000 0 0", ...each(to, "0 0 0")]);
      assert.equal((await reader.holds(ownerOf(from))).rows[0]?.status, "expired");
      assert.equal((await history(from))[0], `expire 0 ${-100 * total}`);
    });

    test("a release while a capture is in flight gives back only what the capture has not taken", async () => {
      const { id, from, to } = await placed(100);
      const capture = { op: "capture", hold: id, final: false, ...(isOneLeg ? { amount: "60" } : {}) };
      const outcomes = await caller.sendInOrder(ownerOf(from), [capture, { op: "release", hold: id }]);
      assert.deepEqual(codes(outcomes), ["captured", "released"]);
      const taken = isOneLeg ? 60 : 100;
      assert.deepEqual(await all(from, to), [`${1000 - taken * total} 0 0`, ...each(to, `${taken} 0 0`)]);
    });

    test("what captures moved can be reversed by the hold's id, in all and no more", async () => {
      const { id, from, to } = await placed(100);
      await caller.must("captured", { op: "capture", hold: id }, ownerOf(from));
      if (isOneLeg) {
        await caller.must("reversed", { op: "reverse", transfer: id, amount: "30" }, ownerOf(from));
        assert.deepEqual(await all(from, to), ["930 0 0", "70 0 0"]);
      }
      await caller.must("reversed", { op: "reverse", transfer: id }, ownerOf(from));
      assert.deepEqual(await all(from, to), ["1000 0 0", ...each(to, "0 0 0")]);
      await caller.must("already_reversed", { op: "reverse", transfer: id }, ownerOf(from));
    });

    if (isOneLeg) {
      test("a final capture of a part releases the rest", async () => {
        const { id, from, to } = await placed(100);
        await caller.must("captured", { op: "capture", hold: id, amount: "30", final: false }, ownerOf(from));
        await caller.must("captured", { op: "capture", hold: id, amount: "20" }, ownerOf(from));
        assert.deepEqual(await all(from, to), ["950 0 0", "50 0 0"]);
        assert.equal((await reader.holds(ownerOf(from))).rows[0]?.status, "captured");
      });

      test("a capture that the destination refuses after a release gives its amount back to available", async () => {
        const { id, from, to } = await placed(100);
        await caller.must("done", { op: "freeze", wallet: to[0], reason }, ownerOf(to[0] ?? ""));
        const outcomes = await caller.sendInOrder(ownerOf(from), [
          { op: "capture", hold: id, amount: "60", final: false },
          { op: "release", hold: id },
        ]);
        assert.deepEqual(codes(outcomes), ["wallet_frozen", "released"]);
        assert.deepEqual(await all(from, to), ["1000 0 0", "0 0 0"]);
      });
    }
  });

  describe(`reverses, ${place}`, () => {
    test("a whole transfer once; the second time nothing is left; the same id again is the first outcome", async () => {
      const from = await wallet(0, 1000);
      const to = await Promise.all(shards.map((shard) => wallet(shard)));
      const { id } = await caller.must("posted", legs(to.map((each) => [from, each, 100])));
      const reverse = { op: "reverse", transfer: id, id: newId() };
      const first = await caller.must("reversed", reverse, ownerOf(from));
      assert.deepEqual(await seen(from, ...to), ["1000 0 0", ...to.map(() => "0 0 0")]);
      assert.deepEqual(await caller.do(reverse, ownerOf(from)), { ...first, replayed: true });
      await caller.must("already_reversed", { op: "reverse", transfer: id }, ownerOf(from));
      const [entry] = (await reader.entries(to[0] ?? "", { limit: 1 })).rows;
      assert.deepEqual([entry?.kind, entry?.transfer, entry?.command], ["reverse", id, reverse.id]);
    });

    if (shards.length === 1) {
      test("parts add up to what was moved", async () => {
        const [from, to] = [await wallet(0, 1000), await wallet(shards[0] ?? 0)];
        const { id } = await caller.must("posted", pay(from, to, 100));
        for (const [amount, left] of [["30", 70], ["50", 20], ["20", 0]] as const) {
          await caller.must("reversed", { op: "reverse", transfer: id, amount }, ownerOf(from));
          assert.deepEqual(await seen(from, to), [`${1000 - left} 0 0`, `${left} 0 0`]);
        }
        await caller.must("already_reversed", { op: "reverse", transfer: id }, ownerOf(from));
      });
    }
  });
}

describe("many moves at once", () => {
  test("a storm of random moves between all shards settles every command and keeps every balance", async () => {
    const wallets = await Promise.all([0, 1, 2, 3, 0, 1, 2, 3].map((shard) => wallet(shard, 1000, { max: "2500" })));
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const any = (): string => wallets[random(wallets.length)] ?? "";
    const other = (than: string): string => {
      for (;;) {
        const name = any();
        if (name !== than) return name;
      }
    };
    const moves = Array.from({ length: 400 }, (): Json => {
      const from = any();
      const list = Array.from({ length: 1 + random(3) }, (_, index): [string, string, number] => {
        const source = index === 0 ? from : any();
        return [source, other(source), 1 + random(120)];
      });
      return { ...legs(list), id: newId() };
    });
    const outcomes = await Promise.all(moves.map((move) => caller.do(move)));
    const tally = codes(outcomes);
    const posted = tally.filter((code) => code === "posted").length;
    assert(posted > 50, `${posted} of ${moves.length} were posted`);
    assert(tally.every((code) => ["posted", "insufficient_funds", "max_exceeded"].includes(code)), tally.join());
    await assertQuiet(caller);
    await assertExactly(wallets, moves, outcomes);
    for (const name of wallets) await assertUnbroken(name);
  });
});

/** Each balance is what the posted moves, and only they, make of it. */
async function assertExactly(wallets: readonly string[], moves: readonly Json[], outcomes: readonly OutcomeJson[]): Promise<void> {
  const expected = new Map(wallets.map((name) => [name, 1000]));
  for (const [index, move] of moves.entries()) {
    const list = move["legs"];
    if (outcomes[index]?.status !== "posted" || !Array.isArray(list)) continue;
    for (const { from, to, amount } of list) {
      expected.set(from, (expected.get(from) ?? 0) - Number(amount));
      expected.set(to, (expected.get(to) ?? 0) + Number(amount));
    }
  }
  const balances = await Promise.all(wallets.map(async (name) => [name, Number((await reader.wallet(name)).posted)] as const));
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
    assert.deepEqual([version, balance.posted, balance.held], [String(index + 1), String(posted), String(held)]);
  }
  assert.equal((await reader.wallet(name)).version, String(entries.length));
}
