// The transaction door of a shard file: chains that do not depend on cuts, rollback, the guarded position, what
// is refused at the door, checkpoints. Real files throughout. Guards against anything stored that remembers
// where a turn began, and against two engines or two programs on one file.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { RECORD_HASHES_KEPT } from "../../protocol/limits.ts";
import { dumpHash, dumpShard } from "../../storage/dump.ts";
import { ReadOnlyShard } from "../../storage/read-only.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { StaleOwner, StorageFault, StorageRefused, storageFaultOf } from "../../storage/storage-error.ts";
import { holdOf, placeHold, sagaOf } from "./move-play.ts";
import {
  claim,
  IDENTITY,
  idOf,
  must,
  openWallet,
  outcomeOf,
  ownerName,
  START_MS,
  TENANT,
  TestShard,
  temporaryDirectory,
  transfer,
  walletName,
} from "./shard-file-support.ts";

const alice = walletName("alice:usd");

/** Records that write to every table; each is applied with the same id and time wherever it is cut. */
const RECORDS: readonly ((ledger: TestShard["ledger"]) => void)[] = [
  (ledger) =>
    ledger.startEpoch({ kind: "epoch", cluster: "cluster-1", shard: 0, node: "n", epoch: 1, codeVersion: 1 }),
  (ledger) => {
    openWallet(ledger, "alice:usd", { id: idOf(1), min: "unlimited" });
    openWallet(ledger, "bob:usd", { id: idOf(2) });
  },
  (ledger) => {
    for (let index = 0; index < 40; index += 1) {
      transfer(ledger, { id: idOf(10 + index), from: "alice:usd", to: "bob:usd", amount: 3n });
    }
  },
  (ledger) => placeHold(ledger, idOf(60), 9n),
  (ledger) => {
    const number = claim(ledger, ownerName("alice"), idOf(61));
    ledger.putSaga(sagaOf(number, idOf(61), 5n, "applying"));
    ledger.appendItem(1, { kind: "commit", saga: number }, []);
    ledger.setTimer({ dueMs: START_MS + 1, kind: "vote", target: number });
  },
  () => undefined,
  (ledger) => {
    const number = ledger.claimCommand({
      tenant: TENANT,
      owner: ownerName("alice"),
      id: idOf(61),
      content: new Uint8Array(1),
    });
    const existing = must("existing" in number ? number.existing : null);
    ledger.settleCommand(
      existing.number,
      outcomeOf(ledger, { id: idOf(61), op: "transfer", status: "posted" }),
    );
    ledger.endSaga(existing.number);
    ledger.clearTimer("vote", existing.number);
    ledger.acknowledge(1, ledger.pair(1).sent);
    ledger.putReversed(existing.number, 4n);
    ledger.markApplied(2, { number: 1, hash: new Uint8Array(16).fill(9) });
    ledger.putPrepared({
      coordinator: 2,
      saga: 1,
      move: "transfer",
      tenant: TENANT,
      owner: ownerName("x"),
      command: idOf(5),
      transfer: null,
      code: null,
      ref: null,
      reserved: [],
    });
  },
  (ledger) => ledger.parkTimer(1),
  (ledger) => ledger.endPrepared(2, 1),
];

function applied(cuts: readonly number[], reopens = false): { chains: string[]; dump: string[] } {
  using shard = new TestShard();
  let next = 0;
  for (const count of cuts) {
    shard.file.begin();
    for (const apply of RECORDS.slice(next, next + count)) shard.record(apply);
    shard.file.commit();
    next += count;
    if (reopens) shard.reopen();
    shard.file.checkpoint(0);
  }
  assert.equal(next, RECORDS.length);
  const { logChain, stateChain } = shard.file;
  using door = ReadOnlyShard.open(shard.path);
  return {
    chains: [logChain, stateChain].map((chain) => Buffer.from(chain).toString("hex")),
    dump: [...dumpShard(door)],
  };
}

test("chains and rows do not depend on where turns were cut, nor on what was in memory", () => {
  const whole = applied([9]);
  for (const cuts of [
    [1, 1, 1, 1, 1, 1, 1, 1, 1],
    [4, 5],
    [2, 3, 1, 3],
  ]) {
    assert.deepEqual(applied(cuts), whole);
    assert.deepEqual(applied(cuts, true), whole);
  }
});

test("a turn whose waiting rows outgrow memory is cut into pieces that leave no trace", () => {
  const chains = [false, true].map((isLarge) => {
    using shard = new TestShard();
    shard.turn((ledger) => {
      openWallet(ledger, "alice:usd", { id: idOf(1), min: "unlimited" });
      openWallet(ledger, "bob:usd", { id: idOf(2) });
    });
    const bulk = (ledger: TestShard["ledger"], from: number) => {
      for (let index = 0; index < 700; index += 1) {
        const number = claim(ledger, ownerName("alice"), idOf(from + index), "c".repeat(1000));
        ledger.settleCommand(
          number,
          outcomeOf(ledger, { id: idOf(from + index), op: "freeze", status: "done" }),
        );
      }
    };
    if (isLarge) shard.file.begin();
    for (let record = 0; record < 4; record += 1) {
      if (isLarge) shard.record((ledger) => bulk(ledger, 1000 + record * 700));
      else shard.turn((ledger) => bulk(ledger, 1000 + record * 700));
    }
    if (isLarge) shard.file.commit();
    using door = ReadOnlyShard.open(shard.path);
    return dumpHash(door);
  });
  assert.equal(chains[0], chains[1]);
});

test("the state chain remembers every record before", () => {
  const chains = ["one", "two"].map((content) => {
    using shard = new TestShard();
    shard.turn((ledger) => void claim(ledger, ownerName("alice"), idOf(1), content));
    shard.turn(() => undefined);
    return Buffer.from(shard.file.stateChain).toString("hex");
  });
  assert.notEqual(chains[0], chains[1]);
});

test("every logical write changes the state chain, and so does the time", () => {
  const seen = new Set<string>();
  const chainAfter = (apply: (ledger: TestShard["ledger"]) => void, stampMs = START_MS) => {
    using shard = new TestShard();
    shard.turn((ledger) => {
      openWallet(ledger, "alice:usd", { id: idOf(1), min: "unlimited" });
      openWallet(ledger, "bob:usd", { id: idOf(2) });
      ledger.putHold(holdOf(9, idOf(9), { amount: 5n, expiresMs: 0, ttlMs: 1 }));
      ledger.putSaga(sagaOf(9, idOf(9), 5n, "applying"));
      ledger.setTimer({ dueMs: 5, kind: "vote", target: 9 });
      ledger.appendItem(3, { kind: "abort", saga: 9 });
    }, START_MS);
    shard.turn(apply, stampMs);
    return Buffer.from(shard.file.stateChain).toString("hex");
  };
  const writes: readonly ((ledger: TestShard["ledger"]) => void)[] = [
    () => undefined,
    (ledger) =>
      ledger.startEpoch({ kind: "epoch", cluster: "c", shard: 0, node: "n", epoch: 1, codeVersion: 1 }),
    (ledger) =>
      ledger.startEpoch({ kind: "epoch", cluster: "c", shard: 0, node: "n", epoch: 1, codeVersion: 2 }),
    (ledger) => void openWallet(ledger, "carol:usd", { id: idOf(3) }),
    (ledger) => void openWallet(ledger, "carol:usd", { id: idOf(3), max: 7n }),
    (ledger) => void openWallet(ledger, "carol:usd", { id: idOf(3), meta: "{}" }),
    (ledger) => void transfer(ledger, { id: idOf(3), from: "alice:usd", to: "bob:usd", amount: 3n }),
    (ledger) => void transfer(ledger, { id: idOf(3), from: "alice:usd", to: "bob:usd", amount: 4n }),
    (ledger) =>
      void transfer(ledger, { id: idOf(3), from: "alice:usd", to: "bob:usd", amount: 4n, ref: "r" }),
    (ledger) => void claim(ledger, ownerName("alice"), idOf(3), "one"),
    (ledger) => void claim(ledger, ownerName("alice"), idOf(3), "two"),
    (ledger) => ledger.putHold(holdOf(9, idOf(9), { amount: 5n, expiresMs: 1, ttlMs: 1 })),
    (ledger) => ledger.putReversed(9, 1n),
    (ledger) => ledger.putSaga(sagaOf(9, idOf(9), 5n, "committing")),
    (ledger) => ledger.endSaga(9),
    (ledger) => ledger.clearTimer("vote", 9),
    (ledger) => ledger.parkTimer(1),
    (ledger) => ledger.setTimer({ dueMs: 6, kind: "vote", target: 10 }),
    (ledger) => ledger.appendItem(1, { kind: "commit", saga: 1 }),
    (ledger) => ledger.appendItem(1, { kind: "abort", saga: 1 }),
    (ledger) => ledger.appendItem(2, { kind: "abort", saga: 1 }),
    (ledger) =>
      ledger.appendItem(2, { kind: "abort", saga: 1 }, [
        { asset: must(ledger.wallet(TENANT, alice)).asset, amount: 1n },
      ]),
    (ledger) => void ledger.acknowledge(3, ledger.pair(3).sent),
    (ledger) => ledger.markApplied(3, { number: 1, hash: new Uint8Array(16) }),
  ];
  for (const apply of writes) seen.add(chainAfter(apply));
  seen.add(chainAfter(() => undefined, START_MS + 1));
  assert.equal(seen.size, writes.length + 1);
  assert.equal(
    chainAfter(() => undefined),
    chainAfter(() => undefined),
  );
});

test("a rollback drops everything, memory too, and the next turn goes on as if nothing had been", () => {
  using shard = new TestShard();
  using other = new TestShard();
  const good = (target: TestShard) => {
    target.turn((ledger) => openWallet(ledger, "alice:usd", { id: idOf(1), min: "unlimited" }));
    target.turn((ledger) => {
      openWallet(ledger, "bob:usd", { id: idOf(2) });
      ledger.appendItem(1, { kind: "abort", saga: 1 });
    });
  };
  const bad = () =>
    shard.turn((ledger) => {
      transfer(ledger, { id: idOf(3), from: "alice:usd", to: "bob:usd", amount: 5n });
      assert.equal(ledger.earliestDueMs(), null);
      placeHold(ledger, idOf(4), 2n);
      ledger.appendItem(1, { kind: "commit", saga: 1 });
      claim(ledger, ownerName("new-owner"), idOf(9));
      ledger.startEpoch({ kind: "epoch", cluster: "c", shard: 0, node: "n", epoch: 9, codeVersion: 9 });
      throw new Error("a bug");
    });
  good(shard);
  good(other);
  assert.throws(bad, /a bug/);
  assert.equal(shard.file.position, 2);
  assert.equal(shard.file.epoch, 0);
  assert.equal(shard.ledger.wallet(TENANT, alice)?.posted, 0n);
  assert.equal(shard.ledger.findCommand(TENANT, ownerName("alice"), idOf(3)), undefined);
  assert.equal(shard.ledger.earliestDueMs(), null);
  assert.equal(shard.ledger.pair(1).sent.number, 1);
  assert.equal(shard.file.recordHash(3), null);
  for (const target of [shard, other]) {
    target.turn((ledger) => transfer(ledger, { id: idOf(3), from: "alice:usd", to: "bob:usd", amount: 5n }));
  }
  assert.deepEqual(shard.file.stateChain, other.file.stateChain);
  assert.deepEqual(shard.file.counters(), {
    ...other.file.counters(),
    walBytes: shard.file.counters().walBytes,
  });
});

test("what a turn wrote is the same in memory and in the file that is opened again", () => {
  using shard = new TestShard();
  shard.file.begin();
  for (const apply of RECORDS) shard.record(apply);
  shard.file.commit();
  const seen = () => ({
    counters: { ...shard.file.counters(), walBytes: 0 },
    wallet: { ...must(shard.ledger.wallet(TENANT, alice)), warm: true },
    chains: [shard.file.logChain, shard.file.stateChain].map((chain) => Buffer.from(chain)),
    pairs: shard.file
      .pairs()
      .map(({ peer, sent, acked, applied }) => [peer, sent.number, acked.number, applied.number]),
    due: shard.ledger.earliestDueMs(),
    command: shard.ledger.findCommand(TENANT, ownerName("alice"), idOf(20)),
  });
  const before = seen();
  shard.reopen();
  assert.deepEqual(seen(), before);
});

for (const change of ["position = position + 1", "epoch = epoch + 1", "generation = generation + 1"]) {
  test(`an engine whose file was moved under it stops: ${change}`, () => {
    using shard = new TestShard();
    shard.turn((ledger) => openWallet(ledger, "alice:usd", { id: shard.id(), min: "unlimited" }));
    const database = new Database(shard.path);
    database.exec(`UPDATE meta SET ${change}`);
    database.close();
    const turn = () => shard.turn((ledger) => openWallet(ledger, "bob:usd", { id: shard.id() }));
    assert.throws(turn, StaleOwner);
    assert.equal(shard.ledger.wallet(TENANT, walletName("bob:usd")), undefined);
    assert.equal(shard.file.counters().steps, 1);
  });
}

test("records are applied without a gap, and only inside a turn", () => {
  using shard = new TestShard();
  const head = { position: 2, stampMs: START_MS, digest: new Uint8Array(32) };
  assert.throws(() => shard.file.beginRecord({ ...head, position: 1 }), /inside a turn/);
  shard.file.begin();
  assert.throws(() => shard.file.beginRecord(head), /without a gap/);
  assert.throws(
    () => shard.file.beginRecord({ ...head, position: 1, digest: new Uint8Array(16) }),
    /32 bytes/,
  );
  assert.throws(() => shard.ledger.putReversed(1, 1n), /inside a record/);
  shard.file.beginRecord({ ...head, position: 1 });
  assert.throws(() => shard.file.commit(), /between records/);
  assert.throws(() => shard.file.begin(), /between turns/);
  assert.throws(() => shard.file.outbox(1, 1, 1, 1), /between turns/);
  shard.file.rollback();
  shard.file.rollback();
  assert.equal(shard.file.position, 0);
});

test("the hashes of the last records are kept, older ones go in slices, and none stays for ever", () => {
  using shard = new TestShard();
  const total = RECORD_HASHES_KEPT + 5000;
  while (shard.file.position < total) {
    shard.file.begin();
    for (let count = 0; count < 1000; count += 1) shard.record(() => undefined);
    shard.file.commit();
    shard.file.checkpoint();
  }
  assert.equal(shard.file.recordHash(total)?.length, 16);
  assert.equal(shard.file.recordHash(total - RECORD_HASHES_KEPT + 1)?.length, 16);
  assert.equal(shard.file.recordHash(total - RECORD_HASHES_KEPT), null);
  assert.equal(shard.file.recordHash(1), null);
  assert.equal(shard.file.recordHash(total + 1), null);
});

test("the stream's nonce and what was published are kept, and are no part of the state chain", () => {
  using shard = new TestShard();
  assert.equal(shard.file.streamNonce, null);
  shard.file.setStreamNonce("nonce-1");
  shard.turn((ledger) => openWallet(ledger, "alice:usd", { id: shard.id() }));
  const { stateChain } = shard.file;
  shard.file.setEventsPublished(1);
  assert.deepEqual(shard.file.stateChain, stateChain);
  assert.throws(() => shard.file.setEventsPublished(2), /existing steps/);
  shard.turn(() => undefined);
  shard.reopen();
  assert.deepEqual(
    [shard.file.streamNonce, shard.file.eventsPublished, shard.file.generation],
    ["nonce-1", 1, 0],
  );
});

const REFUSED: readonly (readonly [
  string,
  Partial<typeof IDENTITY> | { cluster: string } | { shard: number } | { shards: number },
  string,
])[] = [
  ["another cluster", { cluster: "cluster-2" }, "wrong_cluster"],
  ["another shard", { shard: 1 }, "wrong_shard"],
  ["another number of shards", { shards: 8 }, "wrong_shards"],
];

for (const [what, other, code] of REFUSED) {
  test(`a file of ${what} is refused and stays as it was`, () => {
    using shard = new TestShard();
    shard.file.close();
    const open = () => ShardFile.open({ ...IDENTITY, ...other, path: shard.path });
    assert.throws(open, (error) => error instanceof StorageRefused && error.code === code);
    shard.file = shard.open();
    assert.equal(shard.file.position, 0);
  });
}

for (const [age, format, code] of [
  ["a newer", 1000, "newer_version"],
  ["the unreleased", 1, "older_version"],
] as const) {
  test(`a file of ${age} format is refused, for writing and for reading`, () => {
    using shard = new TestShard();
    shard.file.close();
    const database = new Database(shard.path);
    database.pragma(`user_version = ${format}`);
    database.close();
    const isRefused = (error: unknown) => error instanceof StorageRefused && error.code === code;
    assert.throws(() => shard.open(), isRefused);
    assert.throws(() => ReadOnlyShard.open(shard.path), isRefused);
  });
}

test("a file that is no shard file is refused, whatever it is", () => {
  using directory = temporaryDirectory();
  const other = join(directory.path, "other.db");
  const database = new Database(other);
  database.exec("CREATE TABLE meta (a)");
  database.close();
  const text = join(directory.path, "text.db");
  writeFileSync(text, "not a database ".repeat(400));
  const missing = join(directory.path, "missing.db");
  const refused = (path: string, open: (path: string) => unknown) => {
    try {
      open(path);
      return "opened";
    } catch (error) {
      return error instanceof StorageRefused || error instanceof StorageFault ? error.code : String(error);
    }
  };
  const write = (path: string) => ShardFile.open({ ...IDENTITY, path });
  const read = (path: string) => ReadOnlyShard.open(path);
  assert.deepEqual([refused(other, write), refused(other, read)], ["not_a_shard_file", "not_a_shard_file"]);
  assert.deepEqual([refused(text, write), refused(text, read)], ["corrupt", "corrupt"]);
  assert.deepEqual(
    [refused(missing, read), refused(join(missing, "x.db"), write)],
    ["not_found", "not_found"],
  );
});

test("a turn that another process blocks is a fault of the environment, not a bug", () => {
  using shard = new TestShard();
  const database = new Database(shard.path);
  database.exec("BEGIN IMMEDIATE");
  assert.throws(
    () => shard.file.begin(),
    (error) => error instanceof StorageFault && error.code === "busy",
  );
  database.exec("ROLLBACK");
  database.close();
  shard.turn(() => undefined);
  assert.equal(shard.file.position, 1);
});

test("only faults of the environment are told from bugs by their SQLite code", () => {
  const faults = [
    "SQLITE_FULL",
    "SQLITE_IOERR_FSYNC",
    "SQLITE_CORRUPT_VTAB",
    "SQLITE_BUSY",
    "SQLITE_READONLY",
  ];
  for (const code of faults) assert.ok(storageFaultOf(new Database.SqliteError("x", code)), code);
  for (const code of ["SQLITE_CONSTRAINT_UNIQUE", "SQLITE_ERROR", "SQLITE_RANGE", "SQLITE_MISMATCH"]) {
    assert.equal(storageFaultOf(new Database.SqliteError("x", code)), undefined);
  }
  assert.equal(storageFaultOf(new Error("x")), undefined);
});

test("the log's file is copied at its bound, written over from its start, and grows only under a reader", () => {
  using shard = new TestShard();
  const write = () =>
    shard.turn((ledger) => {
      for (let count = 0; count < 50; count += 1)
        claim(ledger, ownerName("alice"), shard.id(), "c".repeat(2000));
    });
  const bytesMax = 256 * 1024;
  write();
  assert.equal(shard.file.checkpoint(100 * 1024 * 1024).kind, "none");
  assert.ok(shard.file.counters().walBytes > 0);
  let fileBytes = 0;
  for (let turn = 0; turn < 40; turn += 1) {
    write();
    const report = shard.file.checkpoint(bytesMax);
    assert.ok(report.pendingBytes < bytesMax);
    fileBytes = Math.max(fileBytes, report.fileBytes);
  }
  assert.ok(fileBytes < 4 * bytesMax, `${fileBytes} bytes`);
  const door = ReadOnlyShard.open(shard.path);
  for (let turn = 0; turn < 10; turn += 1) write();
  const blocked = shard.file.checkpoint(bytesMax);
  assert.equal(blocked.blocked, true);
  assert.ok(blocked.pendingBytes > 0);
  assert.equal(door.meta.position, 41);
  door.close();
  assert.deepEqual(
    { ...shard.file.checkpoint(0), fileBytes: 0 },
    { pendingBytes: 0, fileBytes: 0, kind: "copied", blocked: false },
  );
});
