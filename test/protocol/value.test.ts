// The single values of the contract: names, amounts, ids, counters, times, cursors, hashes. What parses, what
// does not, and that text and value belong to each other.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { commandIdBytes, commandIdFromBytes, parseCommandId } from "../../protocol/command-id.ts";
import { decodeCursor, encodeCursor } from "../../protocol/cursor.ts";
import { parseDecimal } from "../../protocol/decimal.ts";
import {
  chainHash,
  hash16,
  hash32,
  pairHash,
  sameBytes,
  uint64Bytes,
  ZERO_HASH_16,
} from "../../protocol/digest.ts";
import { INT64_MAX, parseAmount, parseInt64 } from "../../protocol/money.ts";
import {
  isOwnedBy,
  ownerOf,
  parseAsset,
  parseOwner,
  parseTenant,
  parseWallet,
} from "../../protocol/names.ts";
import { parseTimeText, TIME_MS_MAX, timeText } from "../../protocol/time-text.ts";
import * as anyOf from "./arbitraries.ts";

type Row = readonly [string, (value: unknown) => unknown, readonly unknown[], readonly unknown[]];
const long = (length: number) => "a".repeat(length);

const rows: readonly Row[] = [
  ["tenant", parseTenant, ["a", "demo-1", long(32)], ["", long(33), "Demo", "a_b", "a.b", "a\n", 5, null]],
  ["owner", parseOwner, ["a", "Al_ice-1", long(64)], ["", long(65), "a.b", "a b", "é", "a:b", "*", ">", 5]],
  [
    "wallet",
    parseWallet,
    ["a:b", `${long(64)}:${long(32)}`, "A:b_-1"],
    ["a", "a:", ":b", "a:B", "a:b:c", `a:${long(33)}`, "a:b\n", 5],
  ],
  [
    "asset",
    parseAsset,
    ["USD/2", "JPY/0", "A/18", "ABCDEFGHIJKL/9"],
    ["usd/2", "USD", "USD/19", "USD/02", "1SD/2", "ABCDEFGHIJKLM/1", "USD/2 ", 5],
  ],
  [
    "amount",
    parseAmount,
    ["1", "9223372036854775807"],
    [
      "0",
      "-1",
      "01",
      "+1",
      "1.0",
      "1e3",
      "",
      " 1",
      "1\n",
      "9223372036854775808",
      "99999999999999999999",
      1,
      1n,
    ],
  ],
  [
    "balance",
    parseInt64,
    ["0", "-1", "-9223372036854775807"],
    ["-0", "00", "-9223372036854775808", "9223372036854775808", "+1", 0],
  ],
  [
    "counter",
    parseDecimal,
    ["0", "7", "9007199254740991"],
    ["-1", "01", "9007199254740992", "99999999999999999", "1.0", "", " 1", 1],
  ],
  [
    "id",
    parseCommandId,
    ["0190a5d0-0000-7000-8000-000000000001", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"],
    [
      "",
      "0190a5d000007000800000000000001",
      "{0190a5d0-0000-7000-8000-000000000001}",
      "0190a5d0-0000-7000-8000-00000000000g",
      5,
    ],
  ],
  [
    "time",
    parseTimeText,
    [
      "1970-01-01T00:00:00.000Z",
      "2026-11-22T08:00:00.123Z",
      "2024-02-29T23:59:59.999Z",
      "9999-12-31T23:59:59.999Z",
    ],
    [
      "2026-11-22T08:00:00Z",
      "2026-02-29T00:00:00.000Z",
      "2026-13-01T00:00:00.000Z",
      "2026-11-22T24:00:00.000Z",
      "1969-12-31T23:59:59.999Z",
      "2026-11-22T08:00:60.000Z",
      5,
    ],
  ],
];
for (const [name, parse, good, bad] of rows) {
  test(`the grammar of a ${name}`, () => {
    for (const value of good) assert.notEqual(parse(value), undefined, String(value));
    for (const value of bad) assert.equal(parse(value), undefined, String(value));
  });
}

test("an amount's text comes back equal, and 2^63-1 is the last one", () => {
  fc.assert(fc.property(anyOf.amount, (amount) => assert.equal(parseAmount(amount.toString()), amount)));
  assert.equal(parseAmount((INT64_MAX + 1n).toString()), undefined);
});

test("an id and its 16 bytes belong to each other", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const id = anyOf.must(commandIdFromBytes(bytes));
      assert.equal(parseCommandId(id.toUpperCase()), id);
      assert.deepEqual([...commandIdBytes(id)], [...bytes]);
    }),
  );
  assert.equal(commandIdFromBytes(new Uint8Array(15)), undefined);
});

test("a wallet is its owner's and nobody else's", () => {
  fc.assert(
    fc.property(anyOf.wallet, anyOf.owner, (wallet, owner) => {
      assert.ok(isOwnedBy(wallet, ownerOf(wallet)));
      assert.equal(isOwnedBy(wallet, owner), ownerOf(wallet) === owner);
    }),
  );
  const wallet = anyOf.must(parseWallet("alice2:usd"));
  assert.ok(!isOwnedBy(wallet, anyOf.must(parseOwner("alice"))));
});

test("times have the text that Date gives them", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: TIME_MS_MAX }), (timeMs) => {
      assert.equal(timeText(timeMs), new Date(timeMs).toISOString());
      assert.equal(parseTimeText(timeText(timeMs)), timeMs);
    }),
  );
  for (let day = 0; day < 60_000; day += 1) {
    assert.equal(timeText(day * 86_400_000), new Date(day * 86_400_000).toISOString());
  }
});

test("a cursor comes back equal; other text, other versions and other spellings do not parse", () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 8 }), (numbers) => {
      const text = encodeCursor(numbers);
      assert.match(text, /^[A-Za-z0-9_-]+$/);
      assert.deepEqual(decodeCursor(text), numbers);
    }),
  );
  const spelled = (body: string) => Buffer.from(body).toString("base64url");
  const bad = [
    "",
    "1.2",
    "MS4xNR",
    spelled("1"),
    spelled("2.5"),
    spelled("1.05"),
    spelled("1.-5"),
    spelled("1.9007199254740992"),
    `${spelled("1.5")}=`,
    spelled("1.1.1.1.1.1.1.1.1.1"),
    5,
    null,
  ];
  for (const text of bad) assert.equal(decodeCursor(text), undefined, String(text));
});

test("hashes are SHA-256 of the joined parts, cut to 16 bytes where they are short", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), (parts) => {
      const whole = createHash("sha256").update(Buffer.concat(parts)).digest();
      assert.deepEqual([...hash32(...parts)], [...whole]);
      assert.deepEqual([...hash16(...parts)], [...whole.subarray(0, 16)]);
      const previous = new Uint8Array(32).fill(7);
      assert.deepEqual([...chainHash(previous, ...parts)], [...hash32(previous, ...parts)]);
    }),
  );
  const large = new Uint8Array(300_000).fill(1);
  assert.deepEqual([...hash32(large, large)], [...createHash("sha256").update(large).update(large).digest()]);
});

test("a pair's running hash is SHA-256(previous, number, item) cut to 16 bytes", () => {
  const item = Uint8Array.from([1, 2, 3]);
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(9_007_199_254_740_991n);
  const expected = createHash("sha256")
    .update(ZERO_HASH_16)
    .update(number)
    .update(item)
    .digest()
    .subarray(0, 16);
  assert.deepEqual([...pairHash(ZERO_HASH_16, Number.MAX_SAFE_INTEGER, item)], [...expected]);
  assert.deepEqual([...uint64Bytes(4_294_967_296 + 5)], [0, 0, 0, 1, 0, 0, 0, 5]);
});

test("bytes are the same when length and every byte are", () => {
  assert.ok(sameBytes(Uint8Array.from([1, 2]), Buffer.from([1, 2])));
  assert.ok(!sameBytes(Uint8Array.from([1, 2]), Uint8Array.from([1, 3])));
  assert.ok(!sameBytes(Uint8Array.from([1, 2]), Uint8Array.from([1, 2, 0])));
});
