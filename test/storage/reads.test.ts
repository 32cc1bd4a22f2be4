// What callers read between turns: pages that fit together and below the size of a message, cursors from
// outside, outcomes in their scope, journal steps for events. Guards against a page that loses or repeats a row
// at its seam, and against a cursor that shows another wallet's entries.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "../../protocol/entry.ts";
import { OUTPUT_BYTES_MAX } from "../../protocol/limits.ts";
import { holdOf, MovePlay, placeHold } from "./move-play.ts";
import {
  idOf,
  must,
  openWallet,
  ownerName,
  TENANT,
  TestShard,
  tenantName,
  transfer,
  walletName,
} from "./shard-file-support.ts";

const alice = walletName("alice:usd");

function withEntries(count: number, ref: string | null = null): TestShard {
  const shard = new TestShard();
  shard.turn((ledger) => {
    openWallet(ledger, "alice:usd", { id: shard.id(), min: -1_000_000n });
    openWallet(ledger, "bob:usd", { id: shard.id() });
  });
  shard.turn((ledger) => {
    for (let index = 0; index < count; index += 1) {
      transfer(ledger, { id: shard.id(), from: "alice:usd", to: "bob:usd", amount: 2n, ref });
    }
  });
  return shard;
}

function allEntries(shard: TestShard, limit: number): Entry[][] {
  const pages: Entry[][] = [];
  let cursor: string | null = null;
  do {
    const page = shard.file.reads.entries(TENANT, alice, { cursor, limit });
    assert.ok(page.ok);
    pages.push(page.value.rows);
    cursor = page.value.next;
  } while (cursor !== null);
  return pages;
}

test("entries are read newest first in pages that fit together, down to the opening", () => {
  using shard = withEntries(10);
  const [whole] = allEntries(shard, 500);
  assert.deepEqual(
    whole?.map(({ version }) => version),
    [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
  );
  const pages = allEntries(shard, 4);
  assert.deepEqual(
    pages.map((page) => page.length),
    [4, 4, 3],
  );
  assert.deepEqual(pages.flat(), whole);
  assert.deepEqual(allEntries(shard, 11).length, 1);
  const newest = must(whole?.[0]);
  assert.deepEqual(newest, {
    version: 11,
    kind: "transfer",
    amount: -2n,
    held: 0n,
    balance: { posted: -20n, held: 0n, incoming: 0n },
    command: newest.command,
    transfer: null,
    leg: 0,
    counterparty: "bob:usd",
    code: null,
    ref: null,
    position: 2,
    timeMs: shard.file.timeMs,
  });
});

test("an entry names a counterparty of another shard", () => {
  using play = new MovePlay();
  const page = play.here.file.reads.entries(TENANT, alice, { cursor: null, limit: 1 });
  assert.ok(page.ok);
  assert.equal(page.value.rows[0]?.counterparty, "bob:usd");
  assert.equal(page.value.rows[0]?.kind, "reserve");
});

test("a page of entries ends before its message would be too large", () => {
  using shard = withEntries(700, `${"\u0001".repeat(128)}`);
  const pages = allEntries(shard, 500);
  assert.ok(pages.length >= 2);
  assert.equal(pages.flat().length, 701);
  for (const page of pages) {
    const text = JSON.stringify(page, (_key, value) => (typeof value === "bigint" ? String(value) : value));
    assert.ok(text.length < OUTPUT_BYTES_MAX, `${text.length}`);
    assert.ok(page.length <= 500);
  }
});

for (const cursor of ["", "0", "x", "-1", "1.5", "99999", "3", "999999999999999999999", "' OR 1"]) {
  test(`a cursor that no page gave is refused: ${JSON.stringify(cursor)}`, () => {
    using shard = new TestShard();
    shard.turn((ledger) => {
      openWallet(ledger, "alice:usd", { id: shard.id(), min: "unlimited" });
      openWallet(ledger, "bob:usd", { id: shard.id() });
      openWallet(ledger, "carol:usd", { id: shard.id() });
    });
    const page = shard.file.reads.entries(TENANT, alice, { cursor, limit: 5 });
    assert.deepEqual(page, { ok: false, error: "cursor_invalid" });
  });
}

test("entries of a wallet that does not exist, or is another tenant's, are not found", () => {
  using shard = withEntries(1);
  const request = { cursor: null, limit: 5 };
  for (const [tenant, wallet] of [
    [TENANT, walletName("carol:usd")],
    [tenantName("other"), alice],
  ] as const) {
    const page = shard.file.reads.entries(tenant, wallet, request);
    assert.deepEqual(page, { ok: false, error: "wallet_not_found" });
  }
});

test("a wallet shows what is available; an owner's wallets come at one instant, by purse", () => {
  using play = new MovePlay();
  const { reads } = play.here.file;
  assert.deepEqual(reads.wallet(TENANT, alice), {
    wallet: "alice:usd",
    asset: "USD/2",
    posted: 950n,
    held: 151n,
    incoming: 0n,
    available: 799n,
    min: 0n,
    max: 1_000_000n,
    status: "open",
    version: 9,
    meta: '{"tier":"gold"}',
  });
  assert.equal(reads.wallet(TENANT, walletName("world:usd"))?.available, "unlimited");
  assert.equal(reads.wallet(TENANT, walletName("nobody:usd")), undefined);
  assert.deepEqual(
    reads.owner(TENANT, ownerName("alice")).map(({ wallet }) => wallet),
    ["alice:usd"],
  );
  assert.deepEqual(reads.owner(TENANT, ownerName("nobody")), []);
  assert.deepEqual(reads.asOf, {
    shard: 0,
    position: play.here.file.position,
    timeMs: play.here.file.timeMs,
  });
});

test("an outcome is settled, pending or not found, in its owner's scope", () => {
  using play = new MovePlay();
  const { file } = play.here;
  const settled = file.ledger.command(4);
  const found = file.reads.outcome(TENANT, settled.owner, settled.id);
  assert.deepEqual(found, { kind: "settled", outcome: settled.outcome });
  const open = file.ledger.command(file.counters().commands);
  assert.deepEqual(file.reads.outcome(TENANT, open.owner, open.id), { kind: "pending", number: open.number });
  assert.deepEqual(file.reads.outcome(TENANT, ownerName("bob"), settled.id), { kind: "not_found" });
  assert.deepEqual(file.reads.outcome(TENANT, settled.owner, idOf(99_999)), { kind: "not_found" });
});

test("holds are listed newest first in pages; those that were never placed are not", () => {
  using shard = withEntries(0);
  const numbers = Array.from({ length: 7 }, () => shard.turn((ledger) => placeHold(ledger, shard.id(), 5n)));
  shard.turn((ledger) => {
    const first = must(ledger.hold(must(numbers[0])));
    ledger.putHold({ ...first, status: "captured", left: 0n, captured: 5n });
    ledger.putHold({ ...must(ledger.hold(must(numbers[1]))), status: "placing" });
    ledger.putHold({ ...must(ledger.hold(must(numbers[2]))), status: "refused", left: 0n });
  });
  const { reads } = shard.file;
  const first = reads.holds(TENANT, ownerName("alice"), { cursor: null, limit: 3 });
  assert.ok(first.ok && first.value.next !== null);
  const second = reads.holds(TENANT, ownerName("alice"), { cursor: first.value.next, limit: 3 });
  assert.ok(second.ok);
  const seen = [...first.value.rows, ...second.value.rows];
  assert.deepEqual(
    seen.map(({ status }) => status),
    ["open", "open", "open", "open", "captured"],
  );
  assert.equal(second.value.next, null);
  assert.deepEqual(seen.at(-1)?.legs, [
    { from: alice, to: "bob:usd", amount: 5n, remaining: 0n, captured: 5n },
  ]);
  assert.deepEqual(seen[0]?.legs, [{ from: alice, to: "bob:usd", amount: 5n, remaining: 5n, captured: 0n }]);
  const nobody = reads.holds(TENANT, ownerName("nobody"), { cursor: null, limit: 3 });
  assert.deepEqual(nobody, { ok: true, value: { rows: [], next: null } });
  const wrong = reads.holds(TENANT, ownerName("alice"), { cursor: "x", limit: 3 });
  assert.deepEqual(wrong, { ok: false, error: "cursor_invalid" });
});

test("a page of holds with many legs ends before its message would be too large", () => {
  using shard = withEntries(0);
  const long = walletName(`${"z".repeat(64)}:${"p".repeat(32)}`);
  shard.turn((ledger) => {
    for (let number = 100; number < 200; number += 1) {
      const hold = holdOf(number, idOf(number), { amount: 1n, expiresMs: 1, ttlMs: 1 });
      const legs = Array.from({ length: 64 }, () => ({
        from: alice,
        to: long,
        amount: 9_000_000_000_000_000_000n,
      }));
      ledger.putHold({
        ...hold,
        legs,
        assets: legs.map(() => must(hold.assets[0])),
        left: 1n,
        meta: `"${"é".repeat(1000)}"`,
      });
    }
  });
  const page = shard.file.reads.holds(TENANT, ownerName("alice"), { cursor: null, limit: 100 });
  assert.ok(page.ok && page.value.next !== null);
  const text = JSON.stringify(page.value.rows, (_key, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
  assert.ok(Buffer.byteLength(text) < OUTPUT_BYTES_MAX, `${Buffer.byteLength(text)}`);
  const hold = page.value.rows[0];
  assert.equal(hold?.legs[63]?.remaining, 9_000_000_000_000_000_000n);
});

test("journal steps come in order with names, balances and the tenant's step before each", () => {
  using play = new MovePlay();
  const { reads } = play.here.file;
  const steps = reads.journal(0, 1000);
  assert.deepEqual(
    steps.map(({ number }) => number),
    steps.map((_step, index) => index + 1),
  );
  assert.equal(steps[0]?.previous, null);
  for (const [index, step] of steps.entries()) {
    const before = steps[index - 1];
    if (before) assert.deepEqual(step.previous, { position: before.position, index: before.index });
  }
  const paid = must(steps[3]);
  assert.deepEqual(
    paid.wallets.map(({ wallet, posted, available, version }) => [wallet, posted, available, version]),
    [
      ["world:usd", -1000n, "unlimited", 2],
      ["alice:usd", 1000n, 1000n, 2],
    ],
  );
  assert.equal(paid.tenant, "demo");
  assert.deepEqual(reads.journal(3, 1), [paid]);
  assert.deepEqual(reads.journal(steps.length, 10), []);
});
