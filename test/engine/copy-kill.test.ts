// Kills with SIGKILL in the middle of a copy of the write-ahead log into the file by the copying thread, while turns go
// on: in its writes, and in the sync that ends them. SQLite's own mark in the log's index shows that a copy was under way.
// And the same moments with a disk that fails instead.
// Guards against: a file that is half the log's and half its own after a crash, and a log that is started over too early.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { COPYING_THREAD } from "../../engine/copy-protocol.ts";
import { WAL_BYTES_MAX } from "../../protocol/limits.ts";
import { idOf, openCommand, transferCommand } from "../support/command-mix.ts";
import { until } from "../support/condition.ts";
import type { TestEngine } from "../support/engine.ts";
import { canInject, inject } from "../support/fault.ts";
import { type JsonCommand, objectOf } from "../support/json-client.ts";
import { openMoves, requireClean, shardPath, walletSums } from "../support/shard-files.ts";
import { Site } from "../support/site.ts";

/** Messages of about 350 KiB, whose transfers make half a MiB of log each: a copy begins with the eighth. */
const MESSAGES = 14;
const TRANSFERS = 240;

/** What the copying thread does with the file. */
const COPY_STEPS = [
  { step: "a write", syscalls: "pwrite64", nth: 100, pausesForCopies: false },
  // The log is synced first, and its directory; the file last, but only where no turn came meanwhile.
  { step: "the sync", syscalls: "fsync,fdatasync", nth: 3, pausesForCopies: true },
] as const;

for (const { step, syscalls, nth, pausesForCopies } of COPY_STEPS) {
  test(`a kill inside ${step} of a copy of the log loses nothing and applies nothing twice`, async (t) => {
    const { site, engine } = await openSite(t);
    const fault = { syscalls, fault: "signal=SIGKILL", nth, thread: COPYING_THREAD };
    const ended = await inject(engine, fault);
    await publishAll(site, engine, pausesForCopies);
    await ended();
    await engine.exited;
    const { copied, wanted } = copyMarks(shardPath(site.dataDir, 0));
    if (canInject) assert.ok(copied < wanted, `${copied} of ${wanted} frames were copied`);
    await requireAllOnce(site);
  });

  if (canInject)
    test(`when ${step} of a copy of the log fails the shard stops with storage_failed, and a restart goes on`, async (t) => {
      const { site, engine } = await openSite(t);
      await inject(engine, { syscalls, fault: "error=EIO", nth, thread: COPYING_THREAD });
      await publishAll(site, engine, pausesForCopies);
      const { detail } = await site.client.halted(0, "storage_failed");
      assert.match(String(detail), /its log could not be copied: SQLITE_IOERR/);
      await engine.end();
      await requireAllOnce(site);
    });
}

/** Two wallets of one shard; the engine runs. */
async function openSite(t: TestContext): Promise<{ site: Site; engine: TestEngine }> {
  const site = await Site.start(t, { shards: 1 });
  const engine = await site.startEngine();
  await site.client.call(openCommand(idOf(1, 1), "world:usd"));
  await site.client.call(openCommand(idOf(1, 2), "world:alt"));
  return { site, engine };
}

/** More than a copy's worth of transfers; the log has them when it returns. With pauses no turn comes during a copy. */
async function publishAll({ client }: Site, { exited }: TestEngine, pausesForCopies: boolean): Promise<void> {
  const gone = exited.then(() => null);
  const isQuietAt = async (position: number): Promise<boolean> => {
    const status = await Promise.race([client.status(0), gone]);
    if (status === null) return true;
    const isDone = Number(status["position"]) >= position && Number(status["walBytes"]) < WAL_BYTES_MAX;
    return isDone || status["state"] === "halted";
  };
  for (let number = 0; number < MESSAGES; number += 1) {
    const published = await client.publish(message(number));
    assert.ok(published.kind === "ok");
    if (pausesForCopies) await until("no copy is under way", () => isQuietAt(published.sequence));
  }
}

/** The next engine settles every transfer, each once, and finds every row in order. */
async function requireAllOnce(site: Site): Promise<void> {
  await site.startEngine();
  const [last] = message(MESSAGES - 1).slice(-1);
  assert.ok(last);
  assert.equal((await site.client.settled(last))["status"], "posted");
  const answer = await site.client.get("world", { get: "wallet", wallet: "world:alt" });
  assert.equal(objectOf(answer["wallet"])["posted"], String(MESSAGES * TRANSFERS));
  assert.equal((await site.client.call(last))["replayed"], true);
  assert.equal(openMoves(site.dataDir).commands, 0);
  assert.deepEqual(walletSums(site.dataDir), new Map([["USD/2", 0n]]));
  requireClean(site.dataDir, true);
}

/** Transfers of one, by number: the same number is the same ids. */
function message(number: number): [JsonCommand, ...JsonCommand[]] {
  const transfer = (index: number): JsonCommand =>
    transferCommand(idOf(2 + number, index), ["world:usd>world:alt:1"], {
      meta: { filling: "c".repeat(1400) },
    });
  return [transfer(0), ...Array.from({ length: TRANSFERS - 1 }, (_, index) => transfer(1 + index))];
}

/** Frames of the log that are in the file for certain, and that the newest copy was to bring there (SQLite, "WAL-index"). */
function copyMarks(path: string): { copied: number; wanted: number } {
  const index = readFileSync(`${path}-shm`);
  return { copied: index.readUInt32LE(96), wanted: index.readUInt32LE(128) };
}
