// Contract 3, stages 2 to 7: every refusal that is recorded, end to end, in one shard, over two and over many; which of
// several applies; and that a refusal is final, told again equal, and moves nothing.
// Shapes, which are never recorded, have a file of their own.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Installation, install } from "./installation.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn } from "./outside-caller.ts";

const INT64_MAX = "9223372036854775807";
let installation: Installation;
let caller: OutsideCaller;
/** Two owners on shard 0, where commands are addressed to, one on each other shard. */
const alice = ownerOn(0, "alice");
const ann = ownerOn(0, "ann");
const bob = ownerOn(1, "bob");
const carol = ownerOn(2, "carol");
const dave = ownerOn(3, "dave");

before(async () => {
  installation = await install();
  caller = await installation.caller();
  await Promise.all([alice, ann, bob, carol, dave].map(furnish));
});

after(() => installation.stop());

/** Gives an owner one wallet of each kind that the tables speak of; `missing` is the one that nobody opens. */
async function furnish(owner: string): Promise<void> {
  const opens: readonly (readonly [string, Json])[] = [
    ["mint", { min: "unlimited" }],
    ["open", {}],
    ["euro", { asset: "EUR/2", min: "unlimited" }],
    ["frozen", {}],
    ["closed", {}],
    ["full", { max: "100" }],
    ["rich", {}],
    ["debt", { min: "unlimited" }],
  ];
  const outcomes = await caller.send(owner, [
    ...opens.map(([purse, more]) => ({ op: "open", wallet: `${owner}:${purse}`, asset: "USD/2", ...more })),
    pay(`${owner}:mint`, `${owner}:open`, "1000"),
    pay(`${owner}:mint`, `${owner}:frozen`, "100"),
    pay(`${owner}:mint`, `${owner}:full`, "100"),
    pay(`${owner}:debt`, `${owner}:rich`, INT64_MAX),
    { op: "freeze", wallet: `${owner}:frozen`, reason: "a test" },
    { op: "close", wallet: `${owner}:closed`, reason: "a test" },
  ]);
  assert.deepEqual(
    outcomes.filter(({ status }) => status === "refused"),
    [],
  );
}

function pay(from: string, to: string, amount: string, more: Json = {}): Json {
  return { op: "transfer", from, to, amount, ...more };
}

/** Asks, asks again, reads: one recorded refusal, and no wallet of either side has moved. */
async function assertRefused(command: Json, owner: string, code: string, detail?: string): Promise<void> {
  const before = await postedOf([owner, bob, carol, dave]);
  const sent = { ...command, id: newId() };
  const first = await caller.do(sent, owner);
  assert.equal(first.code ?? first.status, code, `${JSON.stringify(command)}: ${first.detail}`);
  if (detail !== undefined) assert.equal(first.detail, detail);
  assert.deepEqual(await caller.do(sent, owner), { ...first, replayed: true });
  assert.deepEqual(await caller.outcome(owner, sent.id), first);
  assert.deepEqual(await postedOf([owner, bob, carol, dave]), before);
}

async function postedOf(owners: readonly string[]): Promise<string[]> {
  const wallets = await Promise.all(owners.map((owner) => caller.wallets(owner)));
  return wallets.flat().map(({ wallet, posted, status }) => `${wallet} ${posted} ${status}`);
}

/** One fault in one leg: from, to, amount, code, and which side the detail names. */
const FAULTS: readonly (readonly [string, string, string, string, "from" | "to", Json?])[] = [
  ["missing", "open", "1", "wallet_not_found", "from"],
  ["open", "missing", "1", "wallet_not_found", "to"],
  ["open", "euro", "1", "asset_mismatch", "to"],
  ["euro", "open", "1", "asset_mismatch", "to"],
  ["closed", "open", "1", "wallet_closed", "from"],
  ["open", "closed", "1", "wallet_closed", "to"],
  ["frozen", "open", "1", "wallet_frozen", "from"],
  ["open", "frozen", "1", "wallet_frozen", "to"],
  ["mint", "open", "1", "version_mismatch", "from", { from: "999" }],
  ["mint", "debt", "1", "version_mismatch", "to", { to: "999" }],
  ["debt", "open", "1", "overflow", "from"],
  ["open", "rich", "1", "overflow", "to"],
  ["open", "full", "1", "max_exceeded", "to"],
  ["open", "debt", "1001", "insufficient_funds", "from"],
];

/** Where the two wallets of the faulty leg are, and what other legs the transfer has. */
const PLACES: readonly (readonly [string, string, string, Json[]])[] = [
  ["one owner", alice, alice, []],
  ["one shard", alice, ann, []],
  ["two shards", alice, bob, []],
  ["three shards", alice, bob, [leg(`${alice}:mint`, `${carol}:debt`, "1")]],
  [
    "four shards",
    alice,
    bob,
    [leg(`${alice}:mint`, `${carol}:debt`, "1"), leg(`${alice}:mint`, `${dave}:debt`, "1")],
  ],
];

function leg(from: string, to: string, amount: string): Json {
  return { from, to, amount };
}

function versionsOf(versions: Json | undefined, from: string, to: string): Json {
  if (!versions) return {};
  const named = Object.entries(versions).map(([side, version]) => [side === "from" ? from : to, version]);
  return { ifVersion: Object.fromEntries(named) };
}

for (const [place, fromOwner, toOwner, others] of PLACES) {
  describe(`one fault, ${place}`, () => {
    for (const [fromPurse, toPurse, amount, code, side, versions] of FAULTS) {
      const from = `${fromOwner}:${fromPurse}`;
      const to = `${toOwner}:${toPurse}`;
      const fields = {
        op: "transfer",
        legs: [leg(from, to, amount), ...others],
        ...versionsOf(versions, from, to),
      };
      const detail = side === "from" ? from : to;
      test(`${fromPurse} to ${toPurse} is ${code}`, () => assertRefused(fields, alice, code, detail));
      test(`${fromPurse} to ${toPurse} is ${code} as a hold too`, () =>
        assertRefused({ ...fields, hold: { ttlMs: 60_000 } }, alice, code, detail));
    }
  });
}

describe("one fault in a leg between two other shards", () => {
  for (const [fromPurse, toPurse, amount, code, side, versions] of FAULTS) {
    const from = `${bob}:${fromPurse}`;
    const to = `${carol}:${toPurse}`;
    const legs = [leg(`${alice}:mint`, `${dave}:debt`, "1"), leg(from, to, amount)];
    const fields = { op: "transfer", legs, ...versionsOf(versions, from, to) };
    test(`${fromPurse} to ${toPurse} is ${code}`, () =>
      assertRefused(fields, alice, code, side === "from" ? from : to));
  }
});

/** Two faults: what one shard says, and what the coordinator's shard says when the other wallet is elsewhere. */
const PAIRS: readonly (readonly [string, string, string, string, string, Json?])[] = [
  ["missing", "closed", "1", "wallet_not_found", "wallet_not_found"],
  ["euro", "closed", "1", "asset_mismatch", "asset_mismatch"],
  ["closed", "frozen", "1", "wallet_closed", "wallet_closed"],
  ["frozen", "closed", "1", "wallet_closed", "wallet_frozen"],
  ["frozen", "full", "101", "wallet_frozen", "wallet_frozen"],
  ["frozen", "missing", "1", "wallet_not_found", "wallet_frozen"],
  ["frozen", "open", "1", "wallet_frozen", "wallet_frozen", { from: "999" }],
  ["open", "full", "1", "version_mismatch", "version_mismatch", { from: "999" }],
  ["debt", "full", "1", "overflow", "overflow"],
  ["open", "rich", "1001", "overflow", "insufficient_funds"],
  ["open", "full", "1001", "max_exceeded", "insufficient_funds"],
  ["open", "missing", "1001", "wallet_not_found", "insufficient_funds"],
];

describe("of two faults the one that comes first in the order of the contract", () => {
  for (const [fromPurse, toPurse, amount, local, spread, versions] of PAIRS) {
    const from = `${alice}:${fromPurse}`;
    for (const [owner, code] of [
      [ann, local],
      [bob, spread],
    ] as const) {
      const to = `${owner}:${toPurse}`;
      test(`${fromPurse} to ${toPurse} on ${owner === ann ? "one shard" : "two shards"}: ${code}`, () =>
        assertRefused(pay(from, to, amount, versionsOf(versions, from, to)), alice, code));
    }
  }

  const ACROSS: readonly (readonly [Json, Json, string])[] = [
    [
      leg(`${alice}:open`, `${ann}:full`, "1"),
      leg(`${alice}:open`, `${ann}:missing`, "1"),
      "wallet_not_found",
    ],
    [
      leg(`${alice}:open`, `${ann}:euro`, "1"),
      leg(`${alice}:open`, `${ann}:missing`, "1"),
      "wallet_not_found",
    ],
    [
      leg(`${alice}:open`, `${ann}:debt`, "1001"),
      leg(`${alice}:mint`, `${ann}:frozen`, "1"),
      "wallet_frozen",
    ],
    [leg(`${alice}:mint`, `${ann}:frozen`, "1"), leg(`${alice}:mint`, `${ann}:closed`, "1"), "wallet_closed"],
    [leg(`${alice}:open`, `${ann}:debt`, "1001"), leg(`${alice}:mint`, `${ann}:full`, "1"), "max_exceeded"],
  ];
  for (const [one, other, code] of ACROSS) {
    test(`in one shard over all legs, not leg by leg: ${code}`, () =>
      assertRefused({ op: "transfer", legs: [one, other] }, alice, code));
  }

  const full = leg(`${alice}:open`, `${bob}:full`, "1");
  const missing = leg(`${alice}:open`, `${carol}:missing`, "1");
  test("among other shards in the order of the legs", async () => {
    await assertRefused({ op: "transfer", legs: [full, missing] }, alice, "max_exceeded");
    await assertRefused({ op: "transfer", legs: [missing, full] }, alice, "wallet_not_found");
    const hold = { ttlMs: 60_000 };
    await assertRefused({ op: "transfer", legs: [full, missing], hold }, alice, "max_exceeded");
    await assertRefused({ op: "transfer", legs: [missing, full], hold }, alice, "wallet_not_found");
  });

  test("id_conflict before everything that is looked up, shape before id_conflict", async () => {
    const id = newId();
    const first = await caller.must("insufficient_funds", {
      ...pay(`${alice}:open`, `${ann}:open`, "1001"),
      id,
    });
    await caller.must("id_conflict", { ...pay(`${alice}:missing`, `${ann}:missing`, "1"), id });
    await caller.must("amount_invalid", { ...pay(`${alice}:open`, `${ann}:open`, "0"), id });
    assert.deepEqual(await caller.outcome(alice, id), first);
  });
});

describe("legs do not fund each other", () => {
  for (const [where, owner] of [
    ["in one shard", ann],
    ["over two shards", bob],
  ] as const) {
    test(`${where}: what a wallet receives in the transfer is not there for its own debits`, () =>
      assertRefused(
        {
          op: "transfer",
          legs: [leg(`${alice}:mint`, `${alice}:open`, "50"), leg(`${alice}:open`, `${owner}:debt`, "1001")],
        },
        alice,
        "insufficient_funds",
        `${alice}:open`,
      ));
    test(`${where}: what a wallet pays in the transfer makes no room under its max`, () =>
      assertRefused(
        {
          op: "transfer",
          legs: [leg(`${alice}:full`, `${owner}:debt`, "50"), leg(`${alice}:mint`, `${alice}:full`, "50")],
        },
        alice,
        "max_exceeded",
        `${alice}:full`,
      ));
    test(`${where}: the debits of one wallet are added up`, () =>
      assertRefused(
        {
          op: "transfer",
          legs: [leg(`${alice}:open`, `${owner}:debt`, "600"), leg(`${alice}:open`, `${owner}:mint`, "600")],
        },
        alice,
        "insufficient_funds",
      ));
  }
});

describe("open", () => {
  for (const [field, more] of [
    ["asset", { asset: "EUR/2" }],
    ["min", { min: "-1" }],
    ["max", { max: "5" }],
    ["meta", { meta: { a: 1 } }],
  ] as const) {
    test(`with another ${field} than the first open is wallet_exists`, () =>
      assertRefused(
        { op: "open", wallet: `${alice}:open`, asset: "USD/2", ...more },
        alice,
        "wallet_exists",
        field,
      ));
  }

  test("is compared with the fields of the first open, not with what limit made of them", async () => {
    const wallet = `${alice}:limited`;
    await caller.must("open", { op: "open", wallet, asset: "USD/2", max: "7" });
    await caller.must("done", { op: "limit", wallet, max: "9" });
    await caller.must("open", { op: "open", wallet, asset: "USD/2", max: "7" });
    assert.equal((await caller.wallet(wallet)).version, "2");
    await assertRefused({ op: "open", wallet, asset: "USD/2", max: "9" }, alice, "wallet_exists", "max");
  });

  test("of a closed wallet with the same fields is wallet_closed, with others wallet_exists", async () => {
    const wallet = `${alice}:closed`;
    await assertRefused({ op: "open", wallet, asset: "USD/2" }, alice, "wallet_closed", wallet);
    await assertRefused({ op: "open", wallet, asset: "EUR/2" }, alice, "wallet_exists", "asset");
  });

  test("of wallet 1,001 of an owner is too_many_wallets, of wallet 1,000 not", async () => {
    const owner = ownerOn(0, "collector");
    const open = (number: number): Json => ({ op: "open", wallet: `${owner}:w${number}`, asset: "USD/2" });
    const outcomes = await caller.send(
      owner,
      Array.from({ length: 1000 }, (_, number) => open(number)),
    );
    assert(outcomes.every(({ status }) => status === "open"));
    await assertRefused(open(1000), owner, "too_many_wallets", owner);
    await caller.must("open", open(999));
    assert.equal((await caller.wallets(owner)).length, 1000);
  });
});

describe("wallets that are not there, closed, or not empty", () => {
  const missing = `${alice}:missing`;
  const closed = `${alice}:closed`;
  const reason = "a test";
  const CASES: readonly (readonly [Json, string, string?])[] = [
    [{ op: "freeze", wallet: missing, reason }, "wallet_not_found", missing],
    [{ op: "unfreeze", wallet: missing, reason }, "wallet_not_found", missing],
    [{ op: "close", wallet: missing, reason }, "wallet_not_found", missing],
    [{ op: "limit", wallet: missing, max: "1" }, "wallet_not_found", missing],
    [{ op: "freeze", wallet: closed, reason }, "wallet_closed", closed],
    [{ op: "unfreeze", wallet: closed, reason }, "wallet_closed", closed],
    [{ op: "limit", wallet: closed, max: "1" }, "wallet_closed", closed],
    [{ op: "close", wallet: `${alice}:open`, reason }, "wallet_not_empty", `${alice}:open`],
    [{ op: "close", wallet: `${alice}:debt`, reason }, "wallet_not_empty", `${alice}:debt`],
    [{ op: "limit", wallet: `${alice}:open`, max: "999" }, "max_exceeded", `${alice}:open`],
    [{ op: "limit", wallet: `${alice}:mint`, min: "0" }, "insufficient_funds", `${alice}:mint`],
    [{ op: "limit", wallet: `${alice}:mint`, min: "0", max: "0" }, "insufficient_funds"],
  ];
  for (const [command, code, detail] of CASES) {
    test(`${command["op"]} of ${String(command["wallet"]).replace(/.*:/, "")} is ${code}`, () =>
      assertRefused(command, alice, code, detail));
  }
  test("frozen, unfrozen or closed already is done, and the version stays", async () => {
    for (const [op, purse] of [
      ["freeze", "frozen"],
      ["unfreeze", "open"],
      ["close", "closed"],
    ] as const) {
      const { version } = await caller.wallet(`${alice}:${purse}`);
      await caller.must("done", { op, wallet: `${alice}:${purse}`, reason });
      assert.equal((await caller.wallet(`${alice}:${purse}`)).version, version);
    }
  });
});

test("everything that was refused leaves every asset at zero and nothing reserved", async () => {
  await assertQuiet(caller);
});
