// The shape rules of the contract as columns: what is changed in a valid command, the code, the field that is
// named. Then every pair of codes at once: the first in the precedence wins, in JSON and in frames.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Packr } from "msgpackr";
import { decodeCommandFrame } from "../../protocol/command-frame.ts";
import { commandIdBytes, parseCommandId } from "../../protocol/command-id.ts";
import { decodeCommandMessage } from "../../protocol/command-json.ts";
import {
  type DecodeContext,
  type DecodedCommandOrRefusal,
  isRefusedShape,
} from "../../protocol/decoded-command.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import { precedenceOf, REFUSALS, type RefusalCode } from "../../protocol/outcome.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import { must } from "./arbitraries.ts";

type Json = Record<string, unknown>;

const tenant = must(parseTenant("demo"));
const alice = must(parseOwner("alice"));
const id = "0190a5d0-0000-7000-8000-000000000001";
const hold = "0190a5d0-0000-7000-8000-000000000002";
const context: DecodeContext = { tenant, owner: alice, shard: null, shards: 16 };
const home = shardOf(tenant, alice, 16);

const leg = { from: "alice:usd", to: "bob:usd", amount: "5" };
const bases = {
  open: { op: "open", id, wallet: "alice:usd", asset: "USD/2" },
  transfer: { op: "transfer", id, ...leg },
  legs: {
    op: "transfer",
    id,
    legs: [leg, { ...leg, to: "shop:usd" }, { ...leg, to: "fees:usd" }, { ...leg, to: "tax:usd" }],
  },
  hold: { op: "transfer", id, ...leg, hold: { ttlMs: 60_000 } },
  capture: { op: "capture", id, hold },
  release: { op: "release", id, hold },
  reverse: { op: "reverse", id, transfer: hold },
  freeze: { op: "freeze", id, wallet: "alice:usd", reason: "court order" },
  unfreeze: { op: "unfreeze", id, wallet: "alice:usd", reason: "lifted" },
  close: { op: "close", id, wallet: "alice:usd", reason: "left" },
  limit: { op: "limit", id, wallet: "alice:usd", min: "-5" },
} as const;

function decode(value: unknown, to: DecodeContext = context): DecodedCommandOrRefusal {
  const [only, ...others] = decodeCommandMessage(Buffer.from(JSON.stringify(value)), to);
  assert.equal(others.length, 0);
  return must(only);
}

function codeOf(decoded: DecodedCommandOrRefusal): RefusalCode | "ok" {
  return isRefusedShape(decoded) ? decoded.shape.code : "ok";
}

const long = (length: number) => "x".repeat(length);
const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
const legsOf = (length: number) => Array.from({ length }, () => leg);
const absent = undefined;

const cases: readonly (readonly [keyof typeof bases, Json, RefusalCode | "ok", string?])[] = [
  ["open", {}, "ok"],
  ["open", { op: "opened" }, "unknown_op", "op"],
  ["open", { op: absent }, "unknown_op", "op"],
  ["open", { op: 7 }, "unknown_op", "op"],
  ["open", { op: "toString" }, "unknown_op", "op"],
  ["open", { op: "opened", foo: 1, id: 5, wallet: "" }, "unknown_op", "op"],
  ["open", { foo: 1 }, "malformed", "foo"],
  ["open", { ["__proto__"]: 1 }, "malformed", "__proto__"],
  ["open", { id: absent }, "id_invalid", "id"],
  ["open", { id: "0190a5d0" }, "id_invalid", "id"],
  ["open", { id: 5 }, "id_invalid", "id"],
  ["open", { id: null }, "id_invalid", "id"],
  ["open", { id: id.replaceAll("-", "") }, "id_invalid", "id"],
  ["open", { wallet: absent }, "wallet_invalid", "wallet"],
  ["open", { wallet: "alice" }, "wallet_invalid", "wallet"],
  ["open", { wallet: "alice:USD" }, "wallet_invalid", "wallet"],
  ["open", { wallet: ["alice:usd"] }, "wallet_invalid", "wallet"],
  ["open", { wallet: "alice:usd\n" }, "wallet_invalid", "wallet"],
  ["open", { wallet: "bob:usd" }, "wrong_owner", "wallet"],
  ["open", { wallet: "alice2:usd" }, "wrong_owner", "wallet"],
  ["open", { wallet: "Alice:usd" }, "wrong_owner", "wallet"],
  ["open", { asset: absent }, "asset_invalid", "asset"],
  ["open", { asset: "USD/19" }, "asset_invalid", "asset"],
  ["open", { asset: "USD/02" }, "asset_invalid", "asset"],
  ["open", { asset: 5 }, "asset_invalid", "asset"],
  ["open", { min: "0" }, "ok"],
  ["open", { min: "-9223372036854775807" }, "ok"],
  ["open", { min: "-9223372036854775808" }, "amount_invalid", "min"],
  ["open", { min: "1" }, "amount_invalid", "min"],
  ["open", { min: "-0" }, "amount_invalid", "min"],
  ["open", { min: -5 }, "amount_invalid", "min"],
  ["open", { min: null }, "amount_invalid", "min"],
  ["open", { min: "Unlimited" }, "amount_invalid", "min"],
  ["open", { max: "-1" }, "amount_invalid", "max"],
  ["open", { max: "9223372036854775808" }, "amount_invalid", "max"],
  ["open", { max: "unlimited", min: "unlimited" }, "ok"],
  ["open", { meta: {} }, "ok"],
  ["open", { meta: [] }, "malformed", "meta"],
  ["open", { meta: "{}" }, "malformed", "meta"],
  ["open", { meta: null }, "malformed", "meta"],
  ["open", { meta: { note: long(2037) } }, "ok"],
  ["open", { meta: { note: long(2038) } }, "too_large", "meta"],
  ["open", { meta: { note: "é".repeat(1100) } }, "too_large", "meta"],
  ["open", { meta: nested(31) }, "ok"],
  ["open", { meta: nested(32) }, "malformed", "too deep"],
  ["open", { meta: { control: "\u0001" } }, "ok"],

  ["transfer", {}, "ok"],
  ["transfer", { from: absent }, "wallet_invalid", "from"],
  ["transfer", { to: absent }, "wallet_invalid", "to"],
  ["transfer", { to: "bob:" }, "wallet_invalid", "to"],
  ["transfer", { amount: absent }, "amount_invalid", "amount"],
  ["transfer", { amount: 5 }, "amount_invalid", "amount"],
  ["transfer", { amount: "0" }, "amount_invalid", "amount"],
  ["transfer", { amount: "-1" }, "amount_invalid", "amount"],
  ["transfer", { amount: "+1" }, "amount_invalid", "amount"],
  ["transfer", { amount: "01" }, "amount_invalid", "amount"],
  ["transfer", { amount: "1.0" }, "amount_invalid", "amount"],
  ["transfer", { amount: "1e3" }, "amount_invalid", "amount"],
  ["transfer", { amount: " 1" }, "amount_invalid", "amount"],
  ["transfer", { amount: "9223372036854775807" }, "ok"],
  ["transfer", { amount: "9223372036854775808" }, "amount_invalid", "amount"],
  ["transfer", { from: absent, to: absent, amount: absent }, "wallet_invalid", "from"],
  ["transfer", { from: "bob:usd", to: "alice:usd" }, "wrong_owner", "from"],
  ["transfer", { to: "alice:usd" }, "same_wallet", "to"],
  ["transfer", { code: "fee", ref: "order-7", meta: { a: 1 } }, "ok"],
  ["transfer", { code: "" }, "malformed", "code"],
  ["transfer", { code: 5 }, "malformed", "code"],
  ["transfer", { code: null }, "malformed", "code"],
  ["transfer", { code: "a\tb" }, "malformed", "code"],
  ["transfer", { code: "a\u0085b" }, "malformed", "code"],
  ["transfer", { code: long(64) }, "ok"],
  ["transfer", { code: long(65) }, "too_large", "code"],
  ["transfer", { ref: "" }, "malformed", "ref"],
  ["transfer", { ref: "é".repeat(64) }, "ok"],
  ["transfer", { ref: "é".repeat(65) }, "too_large", "ref"],
  ["transfer", { reason: "none here" }, "malformed", "reason"],
  ["transfer", { final: true }, "malformed", "final"],
  ["transfer", { ifVersion: {} }, "ok"],
  ["transfer", { ifVersion: { "alice:usd": "3", "bob:usd": "0" } }, "ok"],
  ["transfer", { ifVersion: { "alice:usd": "9007199254740991" } }, "ok"],
  ["transfer", { ifVersion: { "alice:usd": "9007199254740992" } }, "malformed", "ifVersion.alice:usd"],
  ["transfer", { ifVersion: { "alice:usd": "03" } }, "malformed", "ifVersion.alice:usd"],
  ["transfer", { ifVersion: { "alice:usd": "-1" } }, "malformed", "ifVersion.alice:usd"],
  ["transfer", { ifVersion: { "alice:usd": 3 } }, "malformed", "ifVersion.alice:usd"],
  ["transfer", { ifVersion: { alice: "3" } }, "wallet_invalid", "ifVersion.alice"],
  ["transfer", { ifVersion: { "alice:eur": "3" } }, "legs_invalid", "ifVersion.alice:eur"],
  ["transfer", { ifVersion: [] }, "malformed", "ifVersion"],
  ["transfer", { ifVersion: null }, "malformed", "ifVersion"],

  ["legs", {}, "ok"],
  ["legs", { legs: [] }, "legs_invalid", "legs"],
  ["legs", { legs: legsOf(64) }, "ok"],
  ["legs", { legs: legsOf(65) }, "legs_invalid", "legs"],
  ["legs", { legs: {} }, "legs_invalid", "legs"],
  ["legs", { legs: null }, "legs_invalid", "legs"],
  ["legs", { legs: [leg, 5] }, "legs_invalid", "legs[1]"],
  ["legs", { legs: [leg, [leg]] }, "legs_invalid", "legs[1]"],
  ["legs", { legs: [leg, {}] }, "wallet_invalid", "legs[1].from"],
  ["legs", { legs: [leg, { ...leg, to: 5 }] }, "wallet_invalid", "legs[1].to"],
  ["legs", { legs: [leg, { ...leg, amount: 5 }] }, "amount_invalid", "legs[1].amount"],
  ["legs", { legs: [leg, { ...leg, ref: "x" }] }, "malformed", "legs[1].ref"],
  ["legs", { legs: [leg, { ...leg, to: leg.from }] }, "same_wallet", "legs[1].to"],
  ["legs", { legs: [leg, { ...leg, from: "dealer:usd" }] }, "ok"],
  ["legs", { legs: [{ ...leg, from: "dealer:usd" }, leg] }, "wrong_owner", "legs[0].from"],
  ["legs", { from: leg.from }, "legs_invalid", "legs"],
  ["legs", { amount: "5" }, "legs_invalid", "legs"],
  ["legs", { amount: "0" }, "amount_invalid", "amount"],
  ["legs", { to: "bad" }, "wallet_invalid", "to"],
  ["legs", { ifVersion: { "tax:usd": "1" } }, "ok"],

  ["hold", {}, "ok"],
  ["hold", { hold: 60_000 }, "ttl_invalid", "hold"],
  ["hold", { hold: null }, "ttl_invalid", "hold"],
  ["hold", { hold: [] }, "ttl_invalid", "hold"],
  ["hold", { hold: {} }, "ttl_invalid", "hold.ttlMs"],
  ["hold", { hold: { ttlMs: 0 } }, "ttl_invalid", "hold.ttlMs"],
  ["hold", { hold: { ttlMs: 1 } }, "ok"],
  ["hold", { hold: { ttlMs: 1.5 } }, "ttl_invalid", "hold.ttlMs"],
  ["hold", { hold: { ttlMs: "60000" } }, "ttl_invalid", "hold.ttlMs"],
  ["hold", { hold: { ttlMs: 31_536_000_000 } }, "ok"],
  ["hold", { hold: { ttlMs: 31_536_000_001 } }, "ttl_invalid", "hold.ttlMs"],
  ["hold", { hold: { ttlMs: 5, until: 6 } }, "malformed", "hold.until"],
  ["hold", { from: absent, to: absent, amount: absent, legs: [leg, { ...leg, from: "alice:eur" }] }, "ok"],
  [
    "hold",
    { from: absent, to: absent, amount: absent, legs: [leg, { ...leg, from: "dealer:usd" }] },
    "legs_invalid",
    "legs",
  ],

  ["capture", {}, "ok"],
  ["capture", { hold: absent }, "id_invalid", "hold"],
  ["capture", { hold: "x" }, "id_invalid", "hold"],
  ["capture", { hold: { ttlMs: 5 } }, "id_invalid", "hold"],
  ["capture", { amount: "5", final: false }, "ok"],
  ["capture", { amount: "0" }, "amount_invalid", "amount"],
  ["capture", { amount: null }, "amount_invalid", "amount"],
  ["capture", { final: "true" }, "malformed", "final"],
  ["capture", { final: null }, "malformed", "final"],
  ["capture", { wallet: "alice:usd" }, "malformed", "wallet"],
  ["release", {}, "ok"],
  ["release", { hold: 5 }, "id_invalid", "hold"],
  ["release", { amount: "5" }, "malformed", "amount"],
  ["reverse", {}, "ok"],
  ["reverse", { transfer: absent }, "id_invalid", "transfer"],
  ["reverse", { amount: "5" }, "ok"],
  ["reverse", { amount: "x" }, "amount_invalid", "amount"],
  ["reverse", { hold }, "malformed", "hold"],

  ["freeze", {}, "ok"],
  ["unfreeze", {}, "ok"],
  ["close", {}, "ok"],
  ["freeze", { wallet: "bob:usd" }, "wrong_owner", "wallet"],
  ["unfreeze", { wallet: "bob:usd" }, "wrong_owner", "wallet"],
  ["close", { wallet: absent }, "wallet_invalid", "wallet"],
  ["freeze", { reason: absent }, "malformed", "reason"],
  ["close", { reason: "" }, "malformed", "reason"],
  ["close", { reason: "a\nb" }, "malformed", "reason"],
  ["close", { reason: long(256) }, "ok"],
  ["close", { reason: long(257) }, "too_large", "reason"],
  ["limit", {}, "ok"],
  ["limit", { min: absent }, "malformed", "min"],
  ["limit", { min: absent, max: "5" }, "ok"],
  ["limit", { min: "unlimited", max: "unlimited" }, "ok"],
  ["limit", { min: "5" }, "amount_invalid", "min"],
  ["limit", { max: "-5" }, "amount_invalid", "max"],
  ["limit", { wallet: "bob:usd" }, "wrong_owner", "wallet"],
];

for (const [base, change, code, detail] of cases) {
  test(`${base} with ${shown(change)} is ${code}`, () => {
    const decoded = decode({ ...bases[base], ...change });
    assert.equal(codeOf(decoded), code);
    if (isRefusedShape(decoded) && detail !== undefined) assert.equal(decoded.shape.detail, detail);
  });
}

/** Undefined fields are absent ones. */
function shown(change: Json): string {
  return JSON.stringify(change, (_, value: unknown) => (value === undefined ? "absent" : value)).slice(0, 80);
}

/** One change for each code that a transfer can have; any two of them fit together. */
const faults: readonly (readonly [RefusalCode, (legs: Json[], raw: Json) => void])[] = [
  ["malformed", (_, raw) => Object.assign(raw, { code: "" })],
  ["id_invalid", (_, raw) => Object.assign(raw, { id: "x" })],
  ["wrong_owner", (legs) => Object.assign(must(legs[0]), { from: "bob:eur" })],
  ["wrong_shard", () => undefined],
  ["wallet_invalid", (legs) => Object.assign(must(legs[1]), { to: "bad" })],
  ["amount_invalid", (legs) => Object.assign(must(legs[2]), { amount: "0" })],
  ["legs_invalid", (legs) => legs.push(...legsOf(64))],
  ["same_wallet", (legs) => Object.assign(must(legs[3]), { to: "alice:usd" })],
  ["ttl_invalid", (_, raw) => Object.assign(raw, { hold: { ttlMs: 0 } })],
  ["too_large", (_, raw) => Object.assign(raw, { ref: long(129) })],
];

function faulty(codes: readonly RefusalCode[]): { raw: Json; to: DecodeContext } {
  const legs: Json[] = bases.legs.legs.map((each) => ({ ...each }));
  const raw: Json = { ...bases.legs, legs };
  for (const [code, change] of faults) {
    if (codes.includes(code)) change(legs, raw);
  }
  const shard = codes.includes("wrong_shard") ? (home + 1) % 16 : home;
  return { raw, to: { ...context, shard } };
}

/** The frame form of a faulty transfer, by a library that writes whatever it is given. */
function framed(raw: Json): Uint8Array {
  const packr = new Packr({ useRecords: false, useBigIntExtension: false });
  const legs = (raw["legs"] as Json[]).map((each) => [
    each["from"],
    each["to"],
    BigInt(String(each["amount"])),
  ]);
  const ttlMs = raw["hold"] === undefined ? null : 0;
  const content = [1, 1, legs, ttlMs, raw["code"] ?? null, raw["ref"] ?? null, null, null];
  const valid = parseCommandId(raw["id"]);
  return packr.pack([1, null, [["alice", valid ? commandIdBytes(valid) : raw["id"], content]]]);
}

test("of any set of faults the code that comes first in the precedence is returned, in JSON and in frames", () => {
  const codes = faults.map(([code]) => code);
  let sets = 0;
  for (let bits = 1; bits < 2 ** codes.length; bits += 1) {
    const set = codes.filter((_, place) => (bits >> place) & 1);
    const first = must(set.toSorted((left, right) => precedenceOf(left) - precedenceOf(right))[0]);
    const { raw, to } = faulty(set);
    assert.equal(codeOf(decode(raw, to)), first, `JSON: ${set.join(", ")}`);
    const { commands } = decodeCommandFrame(framed(raw), { ...to, owner: null });
    assert.equal(codeOf(must(commands[0])), first, `frame: ${set.join(", ")}`);
    sets += 1;
  }
  assert.equal(sets, 1023);
});

test("asset_invalid stands between wallet_invalid and amount_invalid", () => {
  const bad = { wallet: "bad", asset: "usd", min: "1", meta: { a: long(3000) } };
  const order = ["wallet_invalid", "asset_invalid", "amount_invalid", "too_large"];
  const fields = ["wallet", "asset", "min", "meta"] as const;
  for (const [place, code] of order.entries()) {
    const change = Object.fromEntries(fields.slice(place).map((field) => [field, bad[field]]));
    assert.equal(codeOf(decode({ ...bases.open, ...change })), code);
  }
});

test("every shape code is reached by the tables of this file", () => {
  const reached = new Set<string>([...cases.map(([, , code]) => code), ...faults.map(([code]) => code)]);
  const missing = REFUSALS.filter(({ code, stage }) => stage === 1 && !reached.has(code)).map(
    ({ code }) => code,
  );
  assert.deepEqual(missing, []);
});

test("id and op are echoed when they are texts of at most 64 characters, a valid id in lower case", () => {
  const echo = (value: Json) => {
    const decoded = decode(value);
    return isRefusedShape(decoded) ? [decoded.id, decoded.op] : [];
  };
  assert.deepEqual(echo({ op: "fly", id: id.toUpperCase() }), [id, "fly"]);
  assert.deepEqual(echo({ op: "fly", id: "order-7" }), ["order-7", "fly"]);
  assert.deepEqual(echo({ op: long(64), id: long(64) }), [long(64), long(64)]);
  assert.deepEqual(echo({ op: long(65), id: long(65) }), [null, null]);
  assert.deepEqual(echo({ op: 5, id: {} }), [null, null]);
  assert.deepEqual(echo({ ...bases.open, asset: "x" }), [id, "open"]);
});

test("an id in upper case is the same command", () => {
  const upper = decode({ ...bases.capture, id: id.toUpperCase(), hold: hold.toUpperCase() });
  assert.deepEqual(upper, decode(bases.capture));
});

test("without an addressed owner the first wallet names it, and ops without a wallet are wrong_owner", () => {
  const to: DecodeContext = { ...context, owner: null };
  const owners = [bases.open, bases.legs, bases.transfer, bases.close].map((base) => {
    const decoded = decode(base, to);
    return isRefusedShape(decoded) ? decoded.shape.code : decoded.command.owner;
  });
  assert.deepEqual(owners, ["alice", "alice", "alice", "alice"]);
  assert.equal(codeOf(decode(bases.capture, to)), "wrong_owner");
  assert.equal(codeOf(decode({ ...bases.open, wallet: "bad" }, to)), "wallet_invalid");
});

test("a fault inside one element of an array leaves the others alone", () => {
  const good = JSON.stringify(bases.transfer);
  const texts = [
    good,
    good.replace('"amount":"5"', '"amount":"5","amount":"6"'),
    good.replace('"bob:usd"', '"bob:usd","ref":"\\ud800"'),
    good.replace("{", '{"meta":{"a":1,"\\u0061":2},'),
    good.replace("{", `{"meta":${"[".repeat(40)}${"]".repeat(40)},`),
    good.replace("{", '{"meta":{"a":1e999},'),
    good.replace("{", '{"id":"other",'),
    good.replace('"transfer"', '"fly","fly":1,"fly":2'),
    "5",
    good,
  ];
  const decoded = decodeCommandMessage(Buffer.from(`[${texts.join(" , ")}]`), context);
  const shown = decoded.map((each) =>
    isRefusedShape(each) ? [each.id, each.shape.code, each.shape.detail] : "ok",
  );
  assert.deepEqual(shown, [
    "ok",
    [id, "malformed", "amount"],
    [id, "malformed", "ill-formed text"],
    [id, "malformed", "a"],
    [id, "malformed", "too deep"],
    [id, "malformed", "number out of range"],
    [null, "malformed", "id"],
    [id, "unknown_op", "op"],
    [null, "malformed", "not an object"],
    "ok",
  ]);
});

test("a message that cannot be taken apart is one refused element without id", () => {
  const broken: readonly (readonly [string | Uint8Array, string])[] = [
    ["", "not JSON"],
    ["{", "not JSON"],
    [`${JSON.stringify(bases.open)},`, "not JSON"],
    [`\ufeff${JSON.stringify(bases.open)}`, "not JSON"],
    [Uint8Array.from([0x22, 0xff, 0x22]), "not UTF-8"],
    [Uint8Array.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "not UTF-8"],
    ["null", "not an object"],
    ['"open"', "not an object"],
  ];
  for (const [message, detail] of broken) {
    const bytes = typeof message === "string" ? Buffer.from(message) : message;
    assert.deepEqual(decodeCommandMessage(bytes, context), [
      { id: null, op: null, shape: { code: "malformed", detail } },
    ]);
  }
});

test("an empty array is no command", () => {
  assert.deepEqual(decodeCommandMessage(Buffer.from(" [ ] "), context), []);
});
