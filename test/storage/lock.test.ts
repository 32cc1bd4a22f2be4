// The lock of a data directory with real processes: held for life, freed by death, named to who is refused.
// Guards against two engines on one directory, and against a lock that stays behind after a kill.
// Each test has a directory of its own and leaves no process behind.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DataLock, readHolder } from "../../storage/lock.ts";
import { StorageRefused } from "../../storage/storage-error.ts";
import { temporaryDirectory } from "./shard-file-support.ts";

const holderScript = `
  import { DataLock } from ${JSON.stringify(new URL("../../storage/lock.ts", import.meta.url).href)};
  const lock = DataLock.take(process.argv[1], "test holder");
  process.stdout.write("held");
  setInterval(() => lock, 1000);
`;

function isLocked(error: unknown): boolean {
  return error instanceof StorageRefused && error.code === "locked";
}

test("a second lock of a directory is refused and names the holder, until the first is released", () => {
  using directory = temporaryDirectory();
  const lock = DataLock.take(directory.path, "coffer node");
  const refused = () => DataLock.take(directory.path, "coffer node");
  assert.throws(refused, isLocked);
  assert.throws(
    refused,
    new RegExp(`in use by coffer node \\(process ${process.pid} on ${hostname()}, since 20`),
  );
  const holder = readHolder(directory.path);
  assert.deepEqual([holder?.pid, holder?.host, holder?.what], [process.pid, hostname(), "coffer node"]);
  lock.release();
  lock.release();
  DataLock.take(directory.path, "another").release();
});

test("a holder that is killed frees its lock", async () => {
  using directory = temporaryDirectory();
  const flags = ["--input-type=module-typescript", "--eval", holderScript, directory.path];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    assert.throws(() => DataLock.take(directory.path, "coffer node"), isLocked);
    assert.equal(readHolder(directory.path)?.pid, child.pid);
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  const lock = DataLock.take(directory.path, "coffer node");
  assert.equal(readHolder(directory.path)?.pid, process.pid);
  lock.release();
});

test("what lock.json says never decides, and rubbish in it harms nothing", () => {
  using directory = temporaryDirectory();
  assert.equal(readHolder(directory.path), null);
  for (const text of ["", "null", "[]", '{"pid":"x","host":1,"what":2}']) {
    writeFileSync(join(directory.path, "lock.json"), text);
    assert.equal(readHolder(directory.path), null);
    const lock = DataLock.take(directory.path, "coffer node");
    writeFileSync(join(directory.path, "lock.json"), text);
    assert.throws(() => DataLock.take(directory.path, "x"), /in use by another process/);
    lock.release();
  }
});

test("the lock of a directory that does not exist is refused", () => {
  using directory = temporaryDirectory();
  const take = () => DataLock.take(join(directory.path, "missing"), "x");
  assert.throws(take, (error) => error instanceof StorageRefused && error.code === "not_found");
});
