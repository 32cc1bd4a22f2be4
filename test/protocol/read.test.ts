// Reads: what may be asked, in columns, and that a request comes back equal. Info, event ids and the paths of
// outcomes that do not fit with them.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeCursor } from "../../protocol/cursor.ts";
import { compareEventIds, eventIdText, parseEventId } from "../../protocol/event.ts";
import { decodeInfo, encodeInfo, INFO_LIMITS, type Info } from "../../protocol/info.ts";
import { parseOwner, parseTenant, parseWallet } from "../../protocol/names.ts";
import { outcomeFromJson } from "../../protocol/outcome-json.ts";
import { decodeRead, encodeRead, type ReadRequest } from "../../protocol/read.ts";
import * as anyOf from "./arbitraries.ts";

const { must } = anyOf;
const to = { tenant: must(parseTenant("demo")), owner: must(parseOwner("alice")) };
const wallet = must(parseWallet("alice:usd"));
const id = "0190a5d0-0000-7000-8000-000000000001";
const cursor = encodeCursor([7, 1]);

const accepted: readonly (readonly [object, object])[] = [
  [
    { get: "wallet", wallet },
    { get: "wallet", wallet, after: null },
  ],
  [
    { get: "wallet", wallet, after: "1742" },
    { get: "wallet", wallet, after: 1742 },
  ],
  [{ get: "owner" }, { get: "owner", after: null }],
  [
    { get: "outcome", id: id.toUpperCase() },
    { get: "outcome", id, after: null },
  ],
  [{ get: "holds" }, { get: "holds", cursor: null, limit: 50, after: null }],
  [
    { get: "holds", cursor, limit: 100 },
    { get: "holds", cursor: [7, 1], limit: 100, after: null },
  ],
  [
    { get: "entries", wallet, limit: 500 },
    { get: "entries", wallet, cursor: null, limit: 500, after: null },
  ],
  [
    { get: "entries", wallet, limit: 1, cursor },
    { get: "entries", wallet, cursor: [7, 1], limit: 1, after: null },
  ],
];
for (const [request, value] of accepted) {
  test(`${JSON.stringify(request)} is a read`, () => {
    assert.deepEqual(decodeRead(Buffer.from(JSON.stringify(request)), to), { ok: true, value });
  });
}

const refused: readonly (readonly [unknown, string, string?])[] = [
  [{ get: "all" }, "get"],
  [{ get: "toString" }, "get"],
  [{}, "get"],
  [[{ get: "owner" }], "not an object"],
  [null, "not an object"],
  [{ get: "owner", wallet }, "wallet"],
  [{ get: "owner", foo: 1 }, "foo"],
  [{ get: "wallet" }, "wallet"],
  [{ get: "wallet", wallet: "alice" }, "wallet"],
  [{ get: "wallet", wallet: "bob:usd" }, "wallet", "wallet_not_found"],
  [{ get: "entries", wallet: "bob:usd" }, "wallet", "wallet_not_found"],
  [{ get: "wallet", wallet, after: 5 }, "after"],
  [{ get: "wallet", wallet, after: "05" }, "after"],
  [{ get: "wallet", wallet, after: null }, "after"],
  [{ get: "outcome", id: "x" }, "id"],
  [{ get: "outcome" }, "id"],
  [{ get: "holds", limit: 0 }, "limit"],
  [{ get: "holds", limit: 101 }, "limit"],
  [{ get: "holds", limit: "50" }, "limit"],
  [{ get: "holds", cursor: "x" }, "cursor"],
  [{ get: "holds", cursor: null }, "cursor"],
  [{ get: "entries", wallet, limit: 501 }, "limit"],
  [{ get: "entries", wallet, limit: 1.5 }, "limit"],
];
for (const [request, detail, code = "malformed"] of refused) {
  test(`${JSON.stringify(request)} is ${code} at ${detail}`, () => {
    assert.deepEqual(decodeRead(Buffer.from(JSON.stringify(request)), to), {
      ok: false,
      error: { code, detail },
    });
  });
}

test("a read that is not JSON, has a field twice or is too long is malformed", () => {
  for (const text of [
    "",
    "{",
    '{"get":"owner","get":"owner"}',
    `{"get":"owner","foo":"${"x".repeat(5000)}"}`,
  ]) {
    const decoded = decodeRead(Buffer.from(text), to);
    assert.ok(!decoded.ok && decoded.error.code === "malformed");
  }
});

test("a request comes back equal", () => {
  const after = fc.option(anyOf.counter, { nil: null });
  const page = {
    cursor: fc.option(fc.array(anyOf.counter, { minLength: 1, maxLength: 3 }), { nil: null }),
    after,
  };
  const requests = fc.oneof<fc.Arbitrary<ReadRequest>[]>(
    fc.record({ get: fc.constant("wallet" as const), wallet: fc.constant(wallet), after }),
    fc.record({ get: fc.constant("owner" as const), after }),
    fc.record({ get: fc.constant("outcome" as const), id: anyOf.id, after }),
    fc.record({ get: fc.constant("holds" as const), ...page, limit: fc.integer({ min: 1, max: 100 }) }),
    fc.record({
      get: fc.constant("entries" as const),
      wallet: fc.constant(wallet),
      ...page,
      limit: fc.integer({ min: 1, max: 500 }),
    }),
  );
  fc.assert(
    fc.property(requests, (request) => {
      const value = { ...request };
      assert.deepEqual(decodeRead(encodeRead(value), to), { ok: true, value });
    }),
  );
});

test("an event's id is shard, position and index, and 0 is no event", () => {
  assert.deepEqual(parseEventId("3:1742:0"), { shard: 3, position: 1742, index: 0 });
  assert.equal(eventIdText({ shard: 3, position: 1742, index: 12 }), "3:1742:12");
  for (const text of [
    "0",
    "",
    "3:1742",
    "3:1742:0:0",
    "3:01742:0",
    "3:-1:0",
    "3:1742:",
    " 3:1742:0",
    3,
    null,
  ]) {
    assert.equal(parseEventId(text), undefined);
  }
  const at = (position: number, index: number) => ({ shard: 0, position, index });
  assert.ok(compareEventIds(at(9, 5), at(10, 0)) < 0);
  assert.ok(compareEventIds(at(10, 1), at(10, 0)) > 0);
  assert.equal(compareEventIds(at(10, 1), at(10, 1)), 0);
});

test("info comes back equal, a newer server's extra fields are passed over", () => {
  const info: Info = {
    version: "0.1.0",
    cluster: "c-1",
    shards: 4,
    durability: "strict",
    limits: INFO_LIMITS,
  };
  assert.deepEqual(decodeInfo(encodeInfo(info)), { ok: true, value: info });
  const newer = { ...info, extra: 1, limits: { ...INFO_LIMITS, more: 2 } };
  assert.deepEqual(decodeInfo(Buffer.from(JSON.stringify(newer))), { ok: true, value: info });
  assert.deepEqual(decodeInfo(Buffer.from(JSON.stringify({ ...info, shards: 0 }))), {
    ok: false,
    error: "shards",
  });
  const { legs: _, ...limits } = INFO_LIMITS;
  assert.deepEqual(decodeInfo(Buffer.from(JSON.stringify({ ...info, limits }))), {
    ok: false,
    error: "limits.legs",
  });
});

const outcome = {
  id,
  op: "transfer",
  status: "posted",
  replayed: false,
  shard: 3,
  position: "1742",
  time: "2026-11-22T08:00:00.000Z",
  balances: { "alice:usd": { posted: "8750", held: "0", incoming: "0", available: "8750", version: "12" } },
};
const misfits: readonly (readonly [object, string])[] = [
  [{ position: 1742 }, "position"],
  [{ shard: "3" }, "shard"],
  [{ time: "2026-11-22" }, "time"],
  [{ status: "lost" }, "status"],
  [{ code: "because" }, "code"],
  [{ replayed: "false" }, "replayed"],
  [{ id: 5 }, "id"],
  [{ balances: [] }, "balances"],
  [{ balances: { alice: {} } }, "balances.alice"],
  [
    { balances: { "alice:usd": { ...outcome.balances["alice:usd"], posted: 8750 } } },
    "balances.alice:usd.posted",
  ],
];
for (const [change, path] of misfits) {
  test(`an outcome with ${JSON.stringify(change).slice(0, 60)} does not fit at ${path}`, () => {
    assert.equal(outcomeFromJson(outcome).ok, true);
    const read = outcomeFromJson({ ...outcome, ...change });
    assert.ok(!read.ok);
    assert.match(read.error, new RegExp(`^${path.replaceAll(".", "\\.")}`));
  });
}
