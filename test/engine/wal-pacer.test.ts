// The write-ahead log is copied by another thread while turns go on: it stays bounded, the file stays whole and equal
// to one that was written without that thread, and a copy that fails stops the shard.
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { test } from "node:test";
import { setImmediate as nextRound } from "node:timers/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { CopyDesk } from "../../engine/copy-desk.ts";
import { WalPacer } from "../../engine/wal-pacer.ts";
import { WAL_BYTES_MAX } from "../../protocol/limits.ts";
import { dumpHash } from "../../storage/dump.ts";
import { ReadOnlyShard } from "../../storage/read-only.ts";
import { StorageFault } from "../../storage/storage-error.ts";
import { claim, ownerName, TestShard } from "../storage/shard-file-support.ts";
import { until, within } from "../support/condition.ts";

/** A copying thread as a node starts it. */
class CopyingThread implements AsyncDisposable {
  readonly #worker = new Worker(new URL("../../engine/copy-main.ts", import.meta.url));
  readonly desk: CopyDesk;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage(port1, [port1]);
    this.desk = new CopyDesk(port2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.desk.end();
    await this.#worker.terminate();
  }
}

/** One turn of about 400 KiB of log. */
function write(shard: TestShard): void {
  shard.turn((ledger) => {
    for (let count = 0; count < 200; count += 1)
      claim(ledger, ownerName("alice"), shard.id(), "c".repeat(2000));
  });
}

/** Turns while one copy is under way, 400 KiB each. */
const COPY_TURNS_MAX = 4;

function unexpected(error: unknown): never {
  throw error;
}

test("the log stays bounded while turns go on, and the file is the one that is written without a copying thread", async () => {
  await using thread = new CopyingThread();
  using paced = new TestShard();
  using plain = new TestShard();
  // Turns since the copy began that is under way; 0 = none is. A busy machine may keep the other thread waiting for
  // as long as it likes: after some turns the loop waits for it, which it never does where each has a core.
  let turnsOfCopy = 0;
  const copy = async (path: string): Promise<void> => {
    turnsOfCopy = 1;
    await thread.desk.copy(path);
    turnsOfCopy = 0;
  };
  const pacer = new WalPacer(paced.file, { copy }, unexpected);
  using ending = new DisposableStack();
  ending.defer(() => pacer.close());
  let restarts = 0;
  let pendingBefore = 0;
  for (let turn = 0; turn < 130; turn += 1) {
    write(paced);
    write(plain);
    const pending = paced.file.pendingWalBytes();
    if (pending < pendingBefore) restarts += 1;
    pendingBefore = pending;
    pacer.pace();
    if (turnsOfCopy > 0) turnsOfCopy += 1;
    do await nextRound();
    while (turnsOfCopy > COPY_TURNS_MAX);
  }
  assert.ok(restarts >= 2, `the log was copied ${restarts} times`);
  const { size } = statSync(`${paced.path}-wal`);
  assert.ok(size < 2.5 * WAL_BYTES_MAX, `the log's file has ${size} bytes`);
  assert.deepEqual(
    [paced.file.stateChain, paced.file.logChain],
    [plain.file.stateChain, plain.file.logChain],
  );
  pacer.close();
  await thread.desk.close(paced.path);
  assert.equal(wholeAndHashed(paced), wholeAndHashed(plain));
});

test("a copy is in the file itself: the log that a crash leaves behind is not needed for it", async () => {
  await using thread = new CopyingThread();
  using shard = new TestShard();
  write(shard);
  const before = statSync(shard.path).size;
  await thread.desk.copy(shard.path);
  assert.ok(statSync(shard.path).size > before);
  assert.equal(shard.file.pendingWalBytes(), 0);
  write(shard);
  assert.ok(shard.file.pendingWalBytes() > 0);
  await thread.desk.close(shard.path);
  shard.file.close();
  assert.equal(existsSync(`${shard.path}-wal`), false, "the writer was the last to let go of the file");
});

test("a copy that fails stops the shard; a lock that another holds for a moment does not", async () => {
  using shard = new TestShard();
  for (let bytes = 0; bytes < WAL_BYTES_MAX; bytes = shard.file.pendingWalBytes()) write(shard);
  const faults: unknown[] = [];
  let outcome: StorageFault | null = new StorageFault("busy", "for a moment");
  let copies = 0;
  const copy = async (): Promise<void> => {
    copies += 1;
    if (outcome) throw outcome;
  };
  const pacer = new WalPacer(shard.file, { copy }, (error) => faults.push(error));
  pacer.pace();
  await nextRound();
  assert.deepEqual([copies, faults.length], [1, 0]);
  outcome = new StorageFault("io", "the disk is gone");
  pacer.pace();
  await until("the fault is told", () => faults.length > 0);
  pacer.pace();
  assert.deepEqual([copies, faults], [2, [outcome]]);
});

test("when the copying thread is gone, copies fail and closing ends", async () => {
  using shard = new TestShard();
  write(shard);
  const thread = new CopyingThread();
  await thread.desk.copy(shard.path);
  await thread[Symbol.asyncDispose]();
  await assert.rejects(within("the copy ends", thread.desk.copy(shard.path)), StorageFault);
  await within("the close ends", thread.desk.close(shard.path));
});

test("a copy and a close that wait when the copying thread goes end too", async () => {
  await using thread = new CopyingThread();
  using shard = new TestShard();
  write(shard);
  const copying = thread.desk.copy(shard.path);
  const closing = thread.desk.close(shard.path);
  thread.desk.end();
  await assert.rejects(within("the copy ends", copying), StorageFault);
  await within("the close ends", closing);
});

test("a file that is not there is refused, and is no reason for the thread to end", async () => {
  await using thread = new CopyingThread();
  using shard = new TestShard();
  await assert.rejects(thread.desk.copy(`${shard.path}.missing`), StorageFault);
  write(shard);
  await thread.desk.copy(shard.path);
  assert.equal(shard.file.pendingWalBytes(), 0);
  await thread.desk.close(shard.path);
});

/** The hash of a closed file's canonical dump, once SQLite has found it whole. */
function wholeAndHashed(shard: TestShard): string {
  shard.file.close();
  const database = new Database(shard.path, { readonly: true });
  assert.equal(database.pragma("integrity_check", { simple: true }), "ok");
  database.close();
  const door = ReadOnlyShard.open(shard.path);
  try {
    return dumpHash(door);
  } finally {
    door.close();
  }
}
