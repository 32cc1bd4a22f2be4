// Contract 1 and 3, stage 1: what is wrong with a command on its own. Each code, the fields that cause it, its place in
// the order; that nothing of it is recorded and the id stays free; and what lies exactly at a limit and is accepted.
// Guards against: a shape that is refused on one way in and accepted on another.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Installation, install } from "./installation.ts";
import { assertOutcome, type OutcomeJson } from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn } from "./outside-caller.ts";

let installation: Installation;
let caller: OutsideCaller;
const alice = ownerOn(0, "alice");
const bob = ownerOn(1, "bob");
const mine = `${alice}:usd`;
const mint = `${alice}:mint`;
const theirs = `${bob}:usd`;
const reason = "a test";

before(async () => {
  installation = await install();
  caller = await installation.caller();
  await caller.must("open", { op: "open", wallet: mint, asset: "USD/2", min: "unlimited" });
  await caller.must("open", { op: "open", wallet: mine, asset: "USD/2" });
  await caller.must("open", { op: "open", wallet: theirs, asset: "USD/2" });
});

after(() => installation.stop());

const pay = (more: Json = {}): Json => ({ op: "transfer", from: mint, to: mine, amount: "1", ...more });
const legs = (list: unknown, more: Json = {}): Json => ({ op: "transfer", legs: list, ...more });
const leg = (more: Json = {}): Json => ({ from: mint, to: mine, amount: "1", ...more });
const open = (more: Json = {}): Json => ({ op: "open", wallet: mine, asset: "USD/2", ...more });
const freeze = (more: Json = {}): Json => ({ op: "freeze", wallet: mine, reason, ...more });
const without = (name: string, command: Json): Json =>
  Object.fromEntries(Object.entries(command).filter(([field]) => field !== name));

/** Code, the field that the detail names, and commands that have this fault. */
const FAULTS: readonly (readonly [string, string, Json])[] = [
  ["malformed", "extra", pay({ extra: 1 })],
  ["malformed", "wallet", pay({ wallet: mine })],
  ["malformed", "legs[0].ref", legs([leg({ ref: "a" })])],
  ["malformed", "hold.until", pay({ hold: { ttlMs: 1, until: "noon" } })],
  ["malformed", "meta", pay({ meta: 5 })],
  ["malformed", "meta", pay({ meta: null })],
  ["malformed", "meta", open({ meta: [] })],
  ["malformed", "code", pay({ code: 5 })],
  ["malformed", "ref", pay({ ref: ["a"] })],
  ["malformed", "ifVersion", pay({ ifVersion: "1" })],
  ["malformed", `ifVersion.${mine}`, pay({ ifVersion: { [mine]: 1 } })],
  ["malformed", `ifVersion.${mine}`, pay({ ifVersion: { [mine]: "-1" } })],
  ["malformed", "final", { op: "capture", hold: newId(), final: "no" }],
  ["malformed", "reason", freeze({ reason: 5 })],
  ["malformed", "reason", without("reason", freeze())],
  ["malformed", "min", { op: "limit", wallet: mine }],
  ["unknown_op", "op", pay({ op: "fly" })],
  ["unknown_op", "op", pay({ op: "TRANSFER" })],
  ["unknown_op", "op", pay({ op: 5 })],
  ["unknown_op", "op", without("op", pay())],
  ["unknown_op", "op", { op: "fly", extra: 1, wallet: 5 }],
  ["id_invalid", "hold", { op: "capture", hold: "mine" }],
  ["id_invalid", "hold", { op: "release" }],
  ["id_invalid", "transfer", { op: "reverse", transfer: 5 }],
  ["wrong_owner", "from", pay({ from: theirs })],
  ["wrong_owner", "legs[0].from", legs([leg({ from: theirs }), leg()])],
  ["wrong_owner", "wallet", open({ wallet: theirs })],
  ["wrong_owner", "wallet", freeze({ wallet: theirs })],
  ["wallet_invalid", "from", without("from", pay())],
  ["wallet_invalid", "to", pay({ to: alice })],
  ["wallet_invalid", "to", pay({ to: `${alice}:USD` })],
  ["wallet_invalid", "to", pay({ to: `${alice}:` })],
  ["wallet_invalid", "to", pay({ to: `${"o".repeat(65)}:usd` })],
  ["wallet_invalid", "to", pay({ to: `bob:${"p".repeat(33)}` })],
  ["wallet_invalid", "to", pay({ to: "bob:usd:eur" })],
  ["wallet_invalid", "to", pay({ to: 5 })],
  ["wallet_invalid", "legs[1].to", legs([leg(), leg({ to: "é:usd" })])],
  ["wallet_invalid", "wallet", without("wallet", open())],
  ["asset_invalid", "asset", without("asset", open())],
  ["asset_invalid", "asset", open({ asset: "usd/2" })],
  ["asset_invalid", "asset", open({ asset: "USD" })],
  ["asset_invalid", "asset", open({ asset: "USD/19" })],
  ["asset_invalid", "asset", open({ asset: "2USD/2" })],
  ["asset_invalid", "asset", open({ asset: "ABCDEFGHIJKLM/2" })],
  ["amount_invalid", "amount", without("amount", pay())],
  ...["0", "-1", "+1", "01", "1e3", "1.0", " 1", "1 ", "", "0x1", "9223372036854775808", 1, null].map(
    (amount): readonly [string, string, Json] => ["amount_invalid", "amount", pay({ amount })],
  ),
  ["amount_invalid", "legs[1].amount", legs([leg(), leg({ amount: "0" })])],
  ["amount_invalid", "amount", { op: "capture", hold: newId(), amount: "0" }],
  ["amount_invalid", "amount", { op: "reverse", transfer: newId(), amount: 1 }],
  ["amount_invalid", "min", open({ min: "1" })],
  ["amount_invalid", "min", open({ min: 0 })],
  ["amount_invalid", "min", open({ min: "-9223372036854775808" })],
  ["amount_invalid", "max", open({ max: "-1" })],
  ["amount_invalid", "max", open({ max: "infinite" })],
  ["amount_invalid", "max", { op: "limit", wallet: mine, max: "-1" }],
  ["legs_invalid", "legs", legs([])],
  ["legs_invalid", "legs", legs(Array.from({ length: 65 }, () => leg()))],
  ["legs_invalid", "legs", legs("all")],
  ["legs_invalid", "legs[0]", legs([5])],
  ["legs_invalid", "legs", legs([leg()], { from: mint })],
  ["legs_invalid", "legs", legs([leg(), leg({ from: theirs })], { hold: { ttlMs: 1000 } })],
  ["legs_invalid", `ifVersion.${theirs}`, pay({ ifVersion: { [theirs]: "1" } })],
  ["same_wallet", "to", pay({ to: mint })],
  ["same_wallet", "legs[1].to", legs([leg(), leg({ from: mine })])],
  ["ttl_invalid", "hold", pay({ hold: 1000 })],
  ["ttl_invalid", "hold.ttlMs", pay({ hold: {} })],
  ...[0, -1, 1.5, "1000", 31_536_000_001, null].map((ttlMs): readonly [string, string, Json] => [
    "ttl_invalid",
    "hold.ttlMs",
    pay({ hold: { ttlMs } }),
  ]),
  ["too_large", "code", pay({ code: "c".repeat(65) })],
  ["too_large", "code", pay({ code: "é".repeat(33) })],
  ["too_large", "ref", pay({ ref: "r".repeat(129) })],
  ["too_large", "reason", freeze({ reason: "r".repeat(257) })],
  ["too_large", "meta", pay({ meta: { a: "m".repeat(2048 - 7) } })],
  ["too_large", "meta", open({ meta: { a: "m".repeat(2048 - 7) } })],
];

/** The same by request/reply and by publish: answered, not recorded, and the id can still be used. */
async function assertShape(command: Json, code: string, detail: string): Promise<void> {
  const id = newId();
  const called = await caller.do({ ...command, id }, alice);
  const [sent] = await caller.send(alice, [{ ...command, id }]);
  assert(sent);
  for (const outcome of [called, sent]) assertShapeOutcome(outcome, id, command, [code, detail]);
  assert.equal(called.position, "0", "a call with such a fault never reaches the log");
  assert.equal(await caller.readFailure(alice, { get: "outcome", id }), "outcome_not_found");
  await caller.must("posted", { ...pay(), id });
}

function assertShapeOutcome(
  outcome: OutcomeJson,
  id: string,
  { op }: Json,
  expected: [string, string],
): void {
  assert.deepEqual([outcome.code, outcome.detail], expected);
  assert.deepEqual(
    [outcome.id, outcome.op],
    [id, typeof op === "string" ? op : null],
    "id and op are echoed",
  );
  assert.deepEqual([outcome.status, outcome.replayed, outcome.shard], ["refused", false, 0]);
}

for (const [code, detail, command] of FAULTS) {
  const text = JSON.stringify(command).replaceAll(`${alice}:`, "mine:").replaceAll(`${bob}:`, "theirs:");
  test(`${code} ${detail}: ${text.slice(0, 90)}`, () => assertShape(command, code, detail));
}

describe("of two faults the one that comes first in the order of the contract", () => {
  const PAIRS: readonly (readonly [string, Json])[] = [
    ["malformed", pay({ id: "none", extra: 1 })],
    ["unknown_op", { op: "fly", id: "none", extra: 1 }],
    ["id_invalid", pay({ id: "none", from: theirs })],
    ["wrong_owner", pay({ id: newId(), from: theirs, to: "nowhere" })],
    ["wallet_invalid", open({ id: newId(), wallet: "nowhere", asset: "none" })],
    ["asset_invalid", open({ id: newId(), asset: "none", min: "1" })],
    ["amount_invalid", legs([leg({ amount: "0" }), 5], { id: newId() })],
    ["legs_invalid", legs([leg({ to: mint }), 5], { id: newId() })],
    ["same_wallet", pay({ id: newId(), to: mint, hold: {} })],
    ["ttl_invalid", pay({ id: newId(), hold: {}, code: "c".repeat(65) })],
  ];
  for (const [code, command] of PAIRS) {
    test(`${code} first in ${JSON.stringify(Object.keys(command))}`, async () => {
      await caller.must(code, command, alice);
    });
  }
});

describe("ids", () => {
  for (const [id, echoed] of [
    ["", ""],
    ["none", "none"],
    ["0190a000-0000-7000-8000-00000000000", "0190a000-0000-7000-8000-00000000000"],
    ["{0190a000-0000-7000-8000-000000000001}", "{0190a000-0000-7000-8000-000000000001}"],
    ["x".repeat(64), "x".repeat(64)],
    ["x".repeat(65), null],
    [5, null],
    [null, null],
    [{}, null],
  ] as const) {
    test(`${JSON.stringify(id).slice(0, 50)} is id_invalid and echoed as ${String(echoed).slice(0, 40)}`, async () => {
      const outcome = await caller.must("id_invalid", pay({ id }), alice);
      assert.deepEqual([outcome.id, outcome.op, outcome.detail], [echoed, "transfer", "id"]);
    });
  }
  test("no id at all is id_invalid", async () => {
    const [outcome] = await caller.sendRaw(alice, Buffer.from(JSON.stringify(pay())), 1);
    assert.deepEqual([outcome?.code, outcome?.id], ["id_invalid", null]);
  });
  for (const version of ["00000000-0000-0000-0000-000000000000", "FFFFFFFF-ffff-FFFF-ffff-FFFFFFFFFFFF"]) {
    test(`${version} is an id like any other and comes back in lower case`, async () => {
      const outcome = await caller.must("posted", pay({ id: version }));
      assert.equal(outcome.id, version.toLowerCase());
    });
  }
});

describe("a message that is no command", () => {
  const id = newId();
  const text = JSON.stringify(pay({ id }));
  const WHOLE: readonly (readonly [string, string | Uint8Array, string])[] = [
    ["nothing at all", "", "malformed"],
    ["no JSON", "{", "malformed"],
    ["two JSON values", `${text}${text}`, "malformed"],
    ["a number", "5", "malformed"],
    ["a text", '"open"', "malformed"],
    ["null", "null", "malformed"],
    ["a byte order mark in front", `\ufeff${text}`, "malformed"],
    ["no UTF-8", Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0x7d])]), "malformed"],
    ["more than 512 KiB", text + " ".repeat(512 * 1024), "too_large"],
    ["1,001 commands", `[${Array.from({ length: 1001 }, () => text).join(",")}]`, "too_large"],
  ];
  for (const [name, body, code] of WHOLE) {
    test(`${name} is ${code}, once, without an id`, async () => {
      const [outcome] = await caller.sendRaw(alice, Buffer.from(body), 1);
      assert.deepEqual([outcome?.code, outcome?.id, outcome?.op], [code, null, null]);
    });
  }

  const ELEMENTS: readonly (readonly [string, string, string | null])[] = [
    ["a number", "5", null],
    ["a list", "[]", null],
    ["a field twice", text.replace("{", '{"amount":"5",'), id],
    ["a field twice, once escaped", text.replace("{", '{"am\\u006funt":"5",'), id],
    ["the id twice", text.replace("{", `{"id":"${newId()}",`), null],
    ["meta 40 deep", text.replace("{", `{"meta":${'{"a":'.repeat(40)}1${"}".repeat(40)},`), id],
    ["half a character", text.replace("{", '{"ref":"\\ud800",'), id],
  ];
  for (const [name, element, echoed] of ELEMENTS) {
    test(`${name}: one element is malformed, its neighbours are done`, async () => {
      const [one, other] = [pay({ id: newId() }), pay({ id: newId() })].map((each) => JSON.stringify(each));
      const outcomes = await caller.sendRaw(alice, Buffer.from(`[${one},${element},${other}]`), 3);
      assert.deepEqual(
        outcomes.map(({ code, status }) => code ?? status),
        ["posted", "malformed", "posted"],
      );
      assert.equal(outcomes[1]?.id, echoed);
      assert.equal(await caller.readFailure(alice, { get: "outcome", id }), "outcome_not_found");
    });
  }

  test("an array over coffer.call is malformed, whatever its length", async () => {
    for (const body of [[], [pay({ id: newId() })], [pay({ id: newId() }), pay({ id: newId() })]]) {
      const outcome = await caller.ask("call", alice, body);
      assertOutcome(outcome);
      assert.deepEqual([outcome.code, outcome.id, outcome.position], ["malformed", null, "0"]);
    }
  });
  test("an empty array has no outcomes, and the next message is answered", async () => {
    const reply = caller.resultSubject();
    const outcomes = caller.collect(reply, 1);
    await caller.append(alice, [], { reply });
    await caller.append(alice, pay({ id: newId() }), { reply });
    assert.equal((await outcomes)[0]?.status, "posted");
  });
});

describe("what lies exactly at a limit is accepted", () => {
  const longest = `${"w".repeat(64)}:${"p".repeat(32)}`;
  const AT: readonly (readonly [string, string, Json])[] = [
    ["code of 64 bytes", "posted", pay({ code: "é".repeat(32) })],
    ["ref of 128 bytes", "posted", pay({ ref: "r".repeat(128) })],
    ["reason of 256 bytes", "done", freeze({ op: "unfreeze", reason: "r".repeat(256) })],
    ["meta of 2,048 bytes", "posted", pay({ meta: { a: "m".repeat(2048 - 8) } })],
    ["64 legs", "posted", legs(Array.from({ length: 64 }, () => leg()))],
    ["a time to live of a year", "held", pay({ hold: { ttlMs: 31_536_000_000 } })],
    ["the longest names", "wallet_not_found", pay({ to: longest })],
    ["scale 18", "open", open({ wallet: `${alice}:fine`, asset: "A23456789012/18" })],
    [
      "min of -(2^63-1) and max of 2^63-1",
      "open",
      open({ wallet: `${alice}:wide`, min: "-9223372036854775807", max: "9223372036854775807" }),
    ],
    ["an amount of 2^63-1", "overflow", pay({ amount: "9223372036854775807" })],
  ];
  for (const [name, status, command] of AT) {
    test(name, async () => {
      await caller.must(status, command, alice);
    });
  }
  test("1,000 commands in one message", async () => {
    const outcomes = await caller.send(
      alice,
      Array.from({ length: 1000 }, () => pay()),
    );
    assert(outcomes.every(({ status }) => status === "posted"));
  });
  test("512 KiB in one message", async () => {
    const text = JSON.stringify(pay({ id: newId() }));
    const [outcome] = await caller.sendRaw(alice, Buffer.from(text.padEnd(512 * 1024)), 1);
    assert.equal(outcome?.status, "posted");
  });
});

test("a command in the log of another shard than its owner's is wrong_shard, and nothing of it is recorded", async () => {
  const reply = caller.resultSubject();
  const id = newId();
  const outcomes = caller.collect(reply, 1);
  await caller.appendTo(`coffer.s.2.cmd.demo.${alice}`, pay({ id }), { reply });
  const [outcome] = await outcomes;
  assert.deepEqual([outcome?.code, outcome?.shard, outcome?.id], ["wrong_shard", 2, id]);
  assert.equal(await caller.readFailure(alice, { get: "outcome", id }), "outcome_not_found");
  await caller.must("posted", pay({ id }));
});

test("no shape has moved anything", async () => {
  await assertQuiet(caller);
});
