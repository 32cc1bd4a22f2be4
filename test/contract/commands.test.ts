// Contract 2 and 3: every operation, over coffer.cmd (outcomes to the Coffer-Reply subject) and over coffer.call, one
// command or an array; the exact JSON of outcomes; what "same id, same content" means.
// Guards against: an outcome whose form depends on the way in, and an id that counts twice.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Installation, install } from "./installation.ts";
import type { OutcomeJson } from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn } from "./outside-caller.ts";

let installation: Installation;
let caller: OutsideCaller;
const alice = ownerOn(0, "alice");
const bob = ownerOn(0, "bob");
const carol = ownerOn(1, "carol");
const world = ownerOn(2, "world");

before(async () => {
  installation = await install();
  caller = await installation.caller();
  await caller.must("open", { op: "open", wallet: `${world}:usd`, asset: "USD/2", min: "unlimited" });
  for (const owner of [alice, bob, carol]) {
    await caller.must("open", { op: "open", wallet: `${owner}:usd`, asset: "USD/2" });
    await caller.must("posted", transfer(`${world}:usd`, `${owner}:usd`, "100000"));
  }
});

after(() => installation.stop());

function transfer(from: string, to: string, amount: string, more: Json = {}): Json {
  return { op: "transfer", from, to, amount, ...more };
}

/** Status, amounts and versions of an outcome, in one line. */
function brief({ status, code, balances = {} }: OutcomeJson): string {
  const wallets = Object.entries(balances).map(
    ([name, { posted, held, incoming, available }]) =>
      `${name.slice(name.indexOf(":") + 1)} ${posted}/${held}/${incoming}/${available}`,
  );
  return [code ?? status, ...wallets].join(" ");
}

/** One wallet's life, every operation in it; `{hold}` and `{move}` stand for ids of earlier lines. */
function life(purse: string): { name: string; owner: string; command: Json; expected: string }[] {
  const mine = `${alice}:${purse}`;
  const other = `${bob}:usd`;
  const hold = newId();
  const move = newId();
  const line = (expected: string, command: Json, id = newId()) => ({
    name: `${String(command["op"])} gives ${expected}`,
    owner: alice,
    command: { id, ...command },
    expected,
  });
  return [
    line(`open ${purse} 0/0/0/50`, { op: "open", wallet: mine, asset: "USD/2", min: "-50", max: "900" }),
    line(`posted usd @ ${purse} 500/0/0/550`, transfer(`${alice}:usd`, mine, "500"), move),
    line(
      `held ${purse} 500/200/0/350 usd @`,
      transfer(mine, other, "200", { hold: { ttlMs: 60_000 } }),
      hold,
    ),
    line(`captured ${purse} 450/150/0/350 usd @`, { op: "capture", hold, amount: "50", final: false }),
    line(`released ${purse} 450/0/0/500 usd @`, { op: "release", hold }),
    line(`reversed ${purse} 350/0/0/400 usd @`, { op: "reverse", transfer: move, amount: "100" }),
    line(`done ${purse} 350/0/0/400`, { op: "freeze", wallet: mine, reason: "court order" }),
    line("wallet_frozen", transfer(mine, other, "1")),
    line(`done ${purse} 350/0/0/400`, { op: "unfreeze", wallet: mine, reason: "appeal" }),
    line(`done ${purse} 350/0/0/350`, { op: "limit", wallet: mine, min: "0", max: "unlimited" }),
    line(`posted ${purse} 0/0/0/0 usd @`, transfer(mine, `${alice}:usd`, "350")),
    line(`done ${purse} 0/0/0/0`, { op: "close", wallet: mine, reason: "the end" }),
  ];
}

/** `@` stands for balances that earlier lines of other tests have changed. */
function assertBrief(outcome: OutcomeJson, expected: string): void {
  const actual = expected.includes("@") ? brief(outcome).replace(/usd \S+/, "usd @") : brief(outcome);
  assert.equal(actual, expected);
}

test("each operation over coffer.call answers one outcome object", async () => {
  for (const { owner, command, expected, name } of life("called")) {
    const outcome = await caller.do(command, owner);
    assertBrief(outcome, expected);
    assert.equal(outcome.id, command["id"], name);
    assert.equal(outcome.op, command["op"]);
    assert.equal(outcome.replayed, false);
    assert.equal(outcome.shard, 0);
  }
  await assertQuiet(caller);
});

test("each operation over coffer.cmd, one object a message, answers an array of one to the Coffer-Reply subject", async () => {
  for (const { owner, command, expected } of life("single")) {
    const reply = caller.resultSubject();
    const outcomes = caller.collect(reply, 1);
    const ack = await caller.append(owner, command, { reply });
    const [outcome] = await outcomes;
    assert(outcome);
    assert.equal(ack.stream, "COFFER_S0");
    assert.equal(outcome.position, String(ack.seq), "a settled outcome names its record");
    assertBrief(outcome, expected);
  }
  await assertQuiet(caller);
});

test("all operations in one array are applied in their order, and one that refuses stops none of the others", async () => {
  const lines = life("array");
  const outcomes = await caller.send(
    alice,
    lines.map(({ command }) => command),
  );
  assert.deepEqual(
    outcomes.map(({ id }) => id),
    lines.map(({ command }) => command["id"]),
  );
  for (const [index, { expected }] of lines.entries()) {
    const outcome = outcomes[index];
    assert(outcome);
    assertBrief(outcome, expected);
  }
  assert.equal(new Set(outcomes.map(({ position, time }) => `${position} ${time}`)).size, 1, "one record");
  await assertQuiet(caller);
});

test("an outcome has the fields of the contract and no others, word for word", async () => {
  const id = "0190A000-ABCD-7000-8000-00000000FFFF";
  const wallet = `${alice}:words`;
  const answer = await caller.ask("call", alice, {
    op: "open",
    id,
    wallet,
    asset: "USD/2",
    min: "unlimited",
  });
  const { position, time } = await caller.outcome(alice, id);
  assert.deepEqual(answer, {
    id: id.toLowerCase(),
    op: "open",
    status: "open",
    replayed: false,
    shard: 0,
    position,
    time,
    balances: { [wallet]: { posted: "0", held: "0", incoming: "0", available: "unlimited", version: "1" } },
  });
  assert(Math.abs(Date.parse(time) - Date.now()) < 60_000, "the time is that of the record");
  const refused = await caller.ask("call", alice, { op: "release", id: newId(), hold: id });
  assert(typeof refused === "object" && refused !== null);
  assert.deepEqual(Object.keys(refused).sort(), [
    "code",
    "detail",
    "id",
    "op",
    "position",
    "replayed",
    "shard",
    "status",
    "time",
  ]);
});

/** Pairs of the same content in another spelling. */
const mine = `${alice}:usd`;
const yours = `${bob}:usd`;
const theirs = `${carol}:usd`;
const SAME: readonly (readonly [string, Json, Json])[] = [
  [
    "keys in another order",
    { op: "transfer", from: mine, to: yours, amount: "1", ref: "a", code: "b" },
    { code: "b", ref: "a", amount: "1", to: yours, from: mine, op: "transfer" },
  ],
  [
    "the short form as one leg",
    transfer(mine, yours, "2"),
    { op: "transfer", legs: [{ amount: "2", to: yours, from: mine }] },
  ],
  ["the short form as one leg, over two shards", transfer(mine, theirs, "2"), legs([mine, theirs, "2"])],
  [
    "meta with its keys in another order",
    transfer(mine, yours, "3", { meta: { a: 1, b: [{ c: 2, d: null }] } }),
    transfer(mine, yours, "3", { meta: { b: [{ d: null, c: 2 }], a: 1.0 } }),
  ],
  [
    "ifVersion with its keys in another order",
    transfer(mine, yours, "1", { ifVersion: { [mine]: "1", [yours]: "1" } }),
    transfer(mine, yours, "1", { ifVersion: { [yours]: "1", [mine]: "1" } }),
  ],
  [
    "a default that is written out (open)",
    { op: "open", wallet: `${alice}:plain`, asset: "USD/2" },
    { op: "open", wallet: `${alice}:plain`, asset: "USD/2", min: "0", max: "unlimited" },
  ],
  [
    "a default that is written out (capture)",
    { op: "capture", hold: newId() },
    { op: "capture", hold: newId(), final: true },
  ],
];

function legs(...list: readonly (readonly [string, string, string])[]): Json {
  return { op: "transfer", legs: list.map(([from, to, amount]) => ({ from, to, amount })) };
}

for (const [name, one, other] of SAME) {
  test(`the same content: ${name} gives the first outcome again, equal but for replayed`, async () => {
    const id = newId();
    const again = one["op"] === "capture" ? { ...other, hold: one["hold"] } : other;
    const first = await caller.do({ ...one, id }, alice);
    const second = await caller.do({ ...again, id: id.toUpperCase() }, alice);
    assert.deepEqual([first.replayed, second.replayed], [false, true]);
    assert.deepEqual({ ...second, replayed: false }, first);
    assert.deepEqual(await caller.outcome(alice, id), first, "a read shows it as it was first told");
  });
}

test("reply subject and encoding of the message do not belong to the content", async () => {
  const id = newId();
  const command = { ...transfer(mine, theirs, "5"), id };
  const first = await caller.do(command);
  const [second] = await caller.send(alice, [command]);
  const spaced = Buffer.from(JSON.stringify([command], null, 3).replace("transfer", "\\u0074ransfer"));
  const reply = caller.resultSubject();
  const third = caller.collect(reply, 1);
  await caller.append(alice, spaced, { reply });
  for (const outcome of [second, ...(await third)]) assert.deepEqual(outcome, { ...first, replayed: true });
});

/** The differing field as the refusal's detail names it. */
const OTHER: readonly (readonly [string, Json, Json])[] = [
  ["amount", transfer(mine, yours, "1"), transfer(mine, yours, "2")],
  ["to", transfer(mine, yours, "1"), transfer(mine, theirs, "1")],
  ["from", transfer(mine, yours, "1"), transfer(`${alice}:plain`, yours, "1")],
  ["legs", transfer(mine, yours, "1"), legs([mine, yours, "1"], [mine, theirs, "1"])],
  ["legs", legs([mine, yours, "1"], [mine, theirs, "1"]), legs([mine, theirs, "1"], [mine, yours, "1"])],
  ["ref", transfer(mine, yours, "1", { ref: "a" }), transfer(mine, yours, "1", { ref: "b" })],
  ["code", transfer(mine, yours, "1"), transfer(mine, yours, "1", { code: "b" })],
  ["meta", transfer(mine, yours, "1", { meta: { a: "1" } }), transfer(mine, yours, "1", { meta: { a: 1 } })],
  ["hold", transfer(mine, yours, "1"), transfer(mine, yours, "1", { hold: { ttlMs: 60_000 } })],
  ["ifVersion", transfer(mine, yours, "1"), transfer(mine, yours, "1", { ifVersion: { [mine]: "1" } })],
  ["op", transfer(mine, yours, "1"), { op: "open", wallet: mine, asset: "USD/2" }],
  ["final", { op: "capture", hold: newId() }, { op: "capture", final: false }],
  ["reason", status("freeze", "one"), status("freeze", "two")],
  ["op", status("freeze", "one"), status("unfreeze", "one")],
];

function status(op: string, reason: string): Json {
  return { op, wallet: `${alice}:nothing-here`, reason };
}

for (const [detail, one, other] of OTHER) {
  test(`other content: ${JSON.stringify(other["op"])} with another ${detail} is id_conflict and the first outcome stays`, async () => {
    const id = newId();
    const before = await caller.balance(mine);
    const first = await caller.do({ ...one, id }, alice);
    const between = await caller.balance(mine);
    const hold = one["op"] === "capture" ? { hold: one["hold"] } : {};
    const second = await caller.do({ ...other, ...hold, id }, alice);
    assert.deepEqual([second.status, second.code, second.detail], ["refused", "id_conflict", detail]);
    assert.equal(second.replayed, false);
    assert.deepEqual(await caller.outcome(alice, id), first);
    assert.deepEqual(await caller.do({ ...one, id }, alice), { ...first, replayed: true });
    assert.equal(await caller.balance(mine), between, `nothing moved twice (before: ${before})`);
  });
}

test("an id is the addressed owner's own: two owners, two outcomes", async () => {
  const id = newId();
  const mineOnly = await caller.do({ ...transfer(mine, yours, "1"), id });
  const yoursOnly = await caller.do({ ...transfer(yours, mine, "1"), id });
  assert.deepEqual([mineOnly.replayed, yoursOnly.replayed], [false, false]);
  assert.equal(await caller.readFailure(carol, { get: "outcome", id }), "outcome_not_found");
});

test("ids of transfers and holds live in one scope with those of other commands", async () => {
  const id = newId();
  await caller.must("held", { ...transfer(mine, yours, "1", { hold: { ttlMs: 60_000 } }), id });
  await caller.must("id_conflict", { ...transfer(mine, yours, "1"), id });
  await caller.must("id_conflict", { op: "release", hold: id, id }, alice);
  await caller.must("released", { op: "release", hold: id }, alice);
});

test("copies of an id that is still open are answered when it settles, with one outcome", async () => {
  const command = { ...transfer(mine, theirs, "7"), id: newId() };
  const before = BigInt((await caller.wallet(theirs)).posted);
  const outcomes = await caller.send(alice, [command, command, command]);
  const [first] = outcomes;
  assert(first);
  assert.equal(first.status, "posted");
  assert.deepEqual(
    outcomes.map(({ replayed }) => replayed),
    [false, true, true],
  );
  for (const outcome of outcomes) assert.deepEqual({ ...outcome, replayed: false }, first);
  assert.equal(BigInt((await caller.wallet(theirs)).posted), before + 7n);
});

test("a copy is a replay also when nobody was named to be told of the first", async () => {
  const command = { ...transfer(mine, theirs, "7"), id: newId() };
  const reply = caller.resultSubject();
  const outcomes = caller.collect(reply, 2);
  await Promise.all([caller.append(alice, command), caller.append(alice, [command, command], { reply })]);
  for (const { status: what, replayed } of await outcomes)
    assert.deepEqual([what, replayed], ["posted", true]);
});

test("a copy with other content conflicts at once while the first is open", async () => {
  const id = newId();
  const outcomes = await caller.send(alice, [
    { ...transfer(mine, theirs, "7"), id },
    { ...transfer(mine, theirs, "8"), id },
  ]);
  assert.deepEqual(
    outcomes.map(brief).map((text) => text.split(" ")[0]),
    ["id_conflict", "posted"],
  );
});

test("in one array each command sees what those before it did", async () => {
  const step = (purse: string): Json => ({ op: "open", wallet: `${alice}:${purse}`, asset: "USD/2" });
  const outcomes = await caller.send(alice, [
    transfer(mine, `${alice}:later`, "10"),
    step("later"),
    transfer(mine, `${alice}:later`, "10"),
    transfer(`${alice}:later`, yours, "11"),
    transfer(`${alice}:later`, yours, "10"),
    { op: "close", wallet: `${alice}:later`, reason: "done" },
    transfer(mine, `${alice}:later`, "10"),
  ]);
  assert.deepEqual(
    outcomes.map(({ status: what, code }) => code ?? what),
    ["wallet_not_found", "open", "posted", "insufficient_funds", "posted", "done", "wallet_closed"],
  );
});

test("messages of one publisher for one owner are applied in the order published", async () => {
  const reply = caller.resultSubject();
  const count = 300;
  const outcomes = caller.collect(reply, count);
  const commands = Array.from({ length: count }, () => ({ ...transfer(mine, yours, "1"), id: newId() }));
  await Promise.all(commands.map((command) => caller.append(alice, command, { reply })));
  const told = await outcomes;
  assert.deepEqual(
    told.map(({ id }) => id),
    commands.map(({ id }) => id),
  );
  const versions = told.map(({ balances = {} }) => Number(balances[mine]?.version));
  assert(versions.every((version, index) => version === Number(versions[0]) + index));
});

test("everything that happened leaves every asset at zero", async () => {
  await assertQuiet(caller);
});
