// Contract 4, reads: wallet, owner, outcome, holds and entries; pages to the end; what `after` waits for; what is
// pending; what is malformed; that foreign wallets look like missing ones; and to whom reads and calls answer at all.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { untilDelivered } from "./delivered.ts";
import { type Installation, install } from "./installation.ts";
import { assertFields, isObject } from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn } from "./outside-caller.ts";

const PAYLOAD_BYTES_MAX = 512 * 1024;
let installation: Installation;
let caller: OutsideCaller;
const alice = ownerOn(0, "alice");
const ann = ownerOn(0, "ann");
const bob = ownerOn(1, "bob");
const mint = `${alice}:mint`;
const mine = `${alice}:usd`;
const theirs = `${bob}:usd`;

before(async () => {
  installation = await install();
  caller = await installation.caller();
  await caller.must("open", { op: "open", wallet: mint, asset: "USD/2", min: "unlimited" });
  await caller.must("open", {
    op: "open",
    wallet: mine,
    asset: "USD/2",
    min: "-5",
    max: "9000",
    meta: { b: [1], a: "x" },
  });
  await caller.must("open", { op: "open", wallet: theirs, asset: "USD/2" });
  await caller.must("open", { op: "open", wallet: `${ann}:usd`, asset: "USD/2" });
});

after(async () => {
  try {
    await assertQuiet(caller);
  } finally {
    await installation.stop();
  }
});

function pay(from: string, to: string, amount: string, more: Json = {}): Json {
  return { op: "transfer", from, to, amount, ...more };
}

async function lastPosition(shard: number): Promise<number> {
  const message = await caller.request(`$JS.API.STREAM.INFO.COFFER_S${shard}`);
  const info: unknown = message.json();
  assert(isObject(info) && isObject(info["state"]));
  return Number(info["state"]["last_seq"]);
}

describe("wallet and owner", () => {
  test("a wallet shows its eleven fields, amounts and version as text", async () => {
    const { position, time } = await caller.must("posted", pay(mint, mine, "70"));
    await caller.must("held", pay(mine, theirs, "20", { hold: { ttlMs: 3_600_000 } }));
    const answer = await caller.read(alice, { get: "wallet", wallet: mine });
    assert.deepEqual(Object.keys(answer), ["ok", "wallet", "asOf"]);
    assert.deepEqual(answer["wallet"], {
      wallet: mine,
      asset: "USD/2",
      posted: "70",
      held: "20",
      incoming: "0",
      available: "55",
      min: "-5",
      max: "9000",
      status: "open",
      version: "3",
      meta: { a: "x", b: [1] },
    });
    const { asOf } = answer;
    assert(isObject(asOf));
    assert.equal(asOf["shard"], 0);
    assert(Number(asOf["position"]) > Number(position));
    assert(Date.parse(String(asOf["time"])) >= Date.parse(time));
  });

  test("a wallet without bounds shows unlimited, and no meta when it has none", async () => {
    const { min, max, available, meta } = await caller.wallet(mint);
    assert.deepEqual([min, max, available, meta], ["unlimited", "unlimited", "unlimited", undefined]);
  });

  test("an owner shows all wallets of one instant, without meta; nobody's are none", async () => {
    const wallets = await caller.wallets(alice);
    assert.deepEqual(
      wallets.map(({ wallet, meta }) => [wallet, meta]),
      [
        [mint, undefined],
        [mine, undefined],
      ],
    );
    assert.deepEqual(await caller.wallets(ownerOn(3, "nobody")), []);
  });

  test("an owner's wallets are of one instant while money moves between them", async () => {
    const other = `${alice}:other`;
    await caller.must("open", { op: "open", wallet: other, asset: "USD/2" });
    const moves = Array.from({ length: 40 }, (_, index) => {
      const [from, to] = index % 2 === 0 ? [mine, other] : [other, mine];
      return caller.do(pay(from, to, "30"));
    });
    const sums = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const wallets = await caller.wallets(alice);
        return wallets.reduce((sum, { posted }) => sum + BigInt(posted), 0n);
      }),
    );
    await Promise.all(moves);
    assert.deepEqual(new Set(sums), new Set([0n]));
  });

  test("a foreign wallet looks like a missing one, whether it exists or not", async () => {
    for (const get of ["wallet", "entries"]) {
      const answers: unknown[] = [];
      for (const wallet of [`${alice}:missing`, `${ann}:usd`, `${ann}:missing`, theirs, `${bob}:missing`]) {
        answers.push(await caller.ask("get", alice, { get, wallet }));
      }
      const [missing, ...foreign] = answers;
      assertFields(missing, "ok code detail?");
      assert.equal(missing["code"], "wallet_not_found");
      for (const answer of foreign) assert.deepEqual(answer, missing);
    }
  });

  test("another tenant's wallet of the same name is another wallet", async () => {
    const stranger = await installation.caller("other");
    assert.equal(await stranger.readFailure(alice, { get: "wallet", wallet: mine }), "wallet_not_found");
    await stranger.must("open", { op: "open", wallet: mine, asset: "EUR/2" });
    assert.equal((await stranger.wallet(mine)).asset, "EUR/2");
    assert.equal((await caller.wallet(mine)).asset, "USD/2");
  });
});

describe("outcome", () => {
  test("a settled one is told as it was first told; an unknown one is outcome_not_found", async () => {
    const first = await caller.must("posted", pay(mint, theirs, "1"));
    assert.deepEqual(await caller.outcome(alice, first.id), first);
    assert.deepEqual(await caller.outcome(alice, first.id?.toUpperCase()), first);
    assert.equal(await caller.readFailure(alice, { get: "outcome", id: newId() }), "outcome_not_found");
    assert.equal(await caller.readFailure(bob, { get: "outcome", id: first.id }), "outcome_not_found");
  });

  test("one that is under way is pending: id and status, nothing else", async () => {
    // A read that waits for the record of the move is answered right after the turn that applied it, and that turn
    // has only just let the other shard know. Other records may come in between; then it is tried again.
    for (;;) {
      const id = newId();
      const position = (await lastPosition(0)) + 1;
      const read = caller.ask("get", alice, { get: "outcome", id, after: String(position) });
      await caller.nc.flush();
      const reply = caller.resultSubject();
      const settled = caller.collect(reply, 1);
      const { seq } = await caller.append(alice, { ...pay(mint, theirs, "1"), id }, { reply });
      const answer = await read;
      assert.equal((await settled)[0]?.status, "posted");
      if (seq !== position) continue;
      assert(isObject(answer));
      assert.deepEqual(answer["outcome"], { id, status: "pending" });
      assert.equal((await caller.outcome(alice, id)).status, "posted");
      return;
    }
  });
});

describe("entries", () => {
  const wallet = `${alice}:many`;
  const count = 1234;

  before(async () => {
    await caller.must("open", { op: "open", wallet, asset: "USD/2" });
    const commands = Array.from({ length: count }, (_, index) =>
      pay(mint, wallet, String(index + 1), { ref: `n${index + 1}` }),
    );
    await caller.send(alice, commands.slice(0, 1000));
    await caller.send(alice, commands.slice(1000));
  });

  for (const limit of [1, 7, 50, 499, 500]) {
    test(`pages of ${limit} show every entry once, newest first, while new ones come`, async () => {
      const refs: (string | undefined)[] = [];
      const version = Number((await caller.wallet(wallet)).version);
      let cursor: string | undefined;
      const pages = limit === 1 ? 20 : Number.POSITIVE_INFINITY;
      for (let page = 0; page < pages; page += 1) {
        const { rows, next } = await caller.entries(wallet, {
          limit,
          ...(cursor === undefined ? {} : { cursor }),
        });
        assert(rows.length === limit || next === undefined);
        refs.push(...rows.map(({ version: of }) => of));
        cursor = next;
        if (next === undefined) break;
        if (page === 0) await caller.must("posted", pay(mint, wallet, "1"));
      }
      const expected = Array.from({ length: refs.length }, (_, index) => String(version - index));
      assert.deepEqual(refs, expected);
      if (limit > 1) assert.equal(refs.at(-1), "1");
    });
  }

  test("an entry shows what its step did and what the wallet had after it", async () => {
    const { id, position, time } = await caller.must(
      "posted",
      pay(mint, wallet, "5", { code: "c", ref: "r" }),
    );
    const { rows } = await caller.entries(wallet, { limit: 1 });
    const { posted, version } = await caller.wallet(wallet);
    assert.deepEqual(rows, [
      {
        version,
        kind: "transfer",
        amount: "5",
        held: "0",
        balance: { posted, held: "0", incoming: "0" },
        command: id,
        leg: 0,
        counterparty: mint,
        code: "c",
        ref: "r",
        position,
        time,
      },
    ]);
  });

  test("a page is 50 unless a limit from 1 to 500 is named", async () => {
    assert.equal((await caller.entries(wallet)).rows.length, 50);
    for (const limit of [0, 501, -1, 1.5, "5", null]) {
      assert.equal(await caller.readFailure(alice, { get: "entries", wallet, limit }), "malformed");
    }
  });

  test("a cursor that this wallet did not give is malformed", async () => {
    const { next } = await caller.entries(mine, { limit: 1 });
    for (const cursor of [next, "", "x", "AAAA", "../..", 5, null]) {
      const code = await caller.readFailure(alice, { get: "entries", wallet, cursor });
      assert.equal(code, "malformed", JSON.stringify(cursor));
    }
  });
});

describe("holds", () => {
  const owner = ownerOn(0, "holder");
  const from = `${owner}:${"p".repeat(32)}`;
  const far = ownerOn(1, "w".repeat(60));
  const to = `${far}:${"q".repeat(32)}`;
  const count = 130;

  before(async () => {
    await caller.must("open", { op: "open", wallet: from, asset: "USD/2", min: "unlimited" });
    await caller.must("open", { op: "open", wallet: to, asset: "USD/2" });
    const legs = Array.from({ length: 64 }, () => ({ from, to, amount: "9000000000000000" }));
    const holds = Array.from({ length: count }, (_, index) =>
      index < 120
        ? pay(from, to, String(index + 1), { hold: { ttlMs: 3_600_000 } })
        : { op: "transfer", legs, hold: { ttlMs: 3_600_000 } },
    );
    for (const outcome of await caller.send(owner, holds.slice(0, 100))) assert.equal(outcome.status, "held");
    for (const outcome of await caller.send(owner, holds.slice(100, 120)))
      assert.equal(outcome.status, "held");
    for (const hold of holds.slice(120)) assert.equal((await caller.send(owner, [hold]))[0]?.status, "held");
  });

  for (const limit of [1, 40, 100]) {
    test(`pages of ${limit} show every hold once, newest first`, async () => {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await caller.holds(owner, { limit, ...(cursor === undefined ? {} : { cursor }) });
        assert(page.rows.length <= limit && page.rows.length > 0);
        ids.push(...page.rows.map(({ id }) => id));
        cursor = page.next;
      } while (cursor !== undefined);
      assert.equal(new Set(ids).size, count);
      assert.deepEqual(ids, ids.toSorted().toReversed(), "ids were given in order");
    });
  }

  test("a page ends early below 512 KiB", async () => {
    const wide = `${owner}:${"v".repeat(32)}`;
    await caller.must("open", { op: "open", wallet: wide, asset: "USD/2", min: "unlimited" });
    const legs = Array.from({ length: 64 }, () => ({ from: wide, to, amount: "9000000000000000" }));
    for (let group = 0; group < 3; group += 1) {
      const holds = Array.from({ length: 15 }, () => ({ op: "transfer", legs, hold: { ttlMs: 3_600_000 } }));
      await caller.send(owner, holds);
    }
    const request = JSON.stringify({ get: "holds", limit: 100 });
    const message = await caller.request(`coffer.get.demo.${owner}`, request);
    assert(message.data.length < PAYLOAD_BYTES_MAX, `${message.data.length} bytes`);
    const { rows, next } = await caller.holds(owner, { limit: 100 });
    assert(rows.length > 10 && rows.length < 55 && next !== undefined, `${rows.length} rows`);
  });

  test("a page is 50 unless a limit from 1 to 100 is named", async () => {
    assert.equal((await caller.holds(owner, { limit: 50 })).rows.length <= 50, true);
    for (const limit of [0, 101, -1, 1.5, "5"]) {
      assert.equal(await caller.readFailure(owner, { get: "holds", limit }), "malformed");
    }
    for (const cursor of ["", "x", "!", 5]) {
      assert.equal(await caller.readFailure(owner, { get: "holds", cursor }), "malformed");
    }
  });

  test("reads of an owner with a due hold show it expired, many at once for one tick", async () => {
    // The first hold's tick keeps the shard's own ticks away for a while: the second one expires by the reads alone.
    const placed = [20, 80].map((ttlMs) => pay(mine, mint, "1", { hold: { ttlMs } }));
    const [first, second] = await caller.send(alice, placed);
    const passed = async (ttlMs: number): Promise<void> => {
      while (Date.now() <= Date.parse(first?.time ?? "") + ttlMs) await caller.outcome(alice, first?.id);
    };
    const shown = async (): Promise<(string | undefined)[]> => {
      const { rows } = await caller.holds(alice, { limit: 100 });
      return [first, second].map((hold) => rows.find(({ id }) => id === hold?.id)?.status);
    };
    await passed(20);
    assert.equal((await shown())[0], "expired");
    await passed(80);
    const before = await lastPosition(0);
    const reads = await Promise.all(Array.from({ length: 50 }, shown));
    for (const read of reads) assert.deepEqual(read, ["expired", "expired"]);
    assert((await lastPosition(0)) - before <= 5, "the reads share a tick");
  });
});

describe("after", () => {
  test("the answer shows the record of that PubAck", async () => {
    for (let round = 0; round < 30; round += 1) {
      const id = newId();
      const { seq } = await caller.append(alice, { ...pay(mint, `${alice}:many`, "1"), id });
      const { outcome, asOf } = await caller.read(alice, { get: "outcome", id, after: String(seq) });
      assert(isObject(outcome) && isObject(asOf));
      assert.deepEqual([outcome["id"], outcome["position"]], [id, String(seq)]);
      assert(Number(asOf["position"]) >= seq);
    }
  });

  test("a position that does not come is busy", async () => {
    const code = await caller.readFailure(alice, { get: "owner", after: "999999999" });
    assert.equal(code, "busy");
  });
});

describe("malformed reads", () => {
  const BODIES: readonly unknown[] = [
    {},
    { get: "everything" },
    { get: 5 },
    { get: "owner", extra: 1 },
    { get: "owner", limit: 5 },
    { get: "wallet" },
    { get: "wallet", wallet: "usd" },
    { get: "wallet", wallet: 5 },
    { get: "wallet", wallet: mine, cursor: "x" },
    { get: "outcome" },
    { get: "outcome", id: "none" },
    { get: "entries" },
    { get: "owner", after: 5 },
    { get: "owner", after: "-1" },
    { get: "owner", after: "01" },
    [],
    [{ get: "owner" }],
    5,
    null,
    "owner",
    Buffer.from("{"),
    Buffer.from(""),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('{"get":"owner","get":"owner"}'),
    Buffer.from(`{"get":"owner"${" ".repeat(100_000)}}`),
    Buffer.from("[".repeat(100_000)),
  ];
  for (const body of BODIES) {
    const text = body instanceof Uint8Array ? Buffer.from(body).toString("latin1") : JSON.stringify(body);
    test(`${text.slice(0, 60)} is malformed`, async () => {
      assert.equal(await caller.readFailure(alice, body), "malformed");
    });
  }
});

describe("reads and calls answer to nobody whose reply subject", () => {
  const read = JSON.stringify({ get: "owner" });
  for (const reply of [
    "coffer.res.demo.me",
    "coffer.s.1.peer.0",
    "coffer.s.1.owner",
    "coffer.cmd.demo.bob",
    "coffer",
    "$JS.API.STREAM.PURGE.COFFER_S1",
    "$me.too",
  ]) {
    test(`is ${reply}`, async () => {
      await untilDelivered(caller);
      const positions = await Promise.all([0, 1, 2, 3].map(lastPosition));
      const heard: string[] = [];
      const subscription = caller.nc.subscribe(reply, {
        callback: (_, { subject }) => {
          heard.push(subject);
        },
      });
      const call = JSON.stringify({ ...pay(mint, mine, "1"), id: newId() });
      caller.nc.publish(`coffer.get.demo.${alice}`, read, { reply });
      caller.nc.publish(`coffer.call.demo.${alice}`, call, { reply });
      caller.nc.publish(`coffer.call.demo.${alice}`, "nonsense", { reply });
      await caller.read(alice, { get: "owner" });
      await caller.must("malformed", { op: "limit", wallet: mine });
      await caller.nc.flush();
      subscription.unsubscribe();
      assert.deepEqual(heard, []);
      assert.deepEqual(
        await Promise.all([0, 1, 2, 3].map(lastPosition)),
        positions,
        "and nothing is appended",
      );
    });
  }

  test("but to others, such as one that only begins like it", async () => {
    for (const reply of ["cofferdam.x", "me.$too", "mine"]) {
      const subscription = caller.nc.subscribe(reply, { max: 1 });
      caller.nc.publish(`coffer.get.demo.${alice}`, read, { reply });
      for await (const message of subscription) assertFields(message.json(), "ok wallets asOf");
    }
  });

  test("is missing: nothing happens, and the next is answered", async () => {
    caller.nc.publish(`coffer.get.demo.${alice}`, read);
    caller.nc.publish(`coffer.call.demo.${alice}`, read);
    await caller.read(alice, { get: "owner" });
  });
});

test("coffer.info names version, cluster, shards, durability and limits", async () => {
  const message = await caller.request("coffer.info");
  const info: unknown = message.json();
  assertFields(info, "version cluster shards durability limits");
  assert.deepEqual([info["shards"], info["durability"]], [4, "relaxed"]);
  assert(isObject(info["limits"]));
  const { legs, commands, messageBytes, codeBytes, refBytes, reasonBytes, metaBytes } = info["limits"];
  assert.deepEqual(
    [legs, commands, messageBytes, codeBytes, refBytes, reasonBytes, metaBytes],
    [64, 1000, 524_288, 64, 128, 256, 2048],
  );
});
