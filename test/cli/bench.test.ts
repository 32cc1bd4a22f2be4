// `coffer bench` on an installation of its own: one line of JSON, files that were asked for, and nothing left behind,
// also when it is interrupted or cannot begin.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { csvTable } from "../../bench/csv.ts";
import { openConnection } from "../../cluster/connection.ts";
import { encodeOwnerRecord, OWNER_RECORD_VERSION } from "../../protocol/owner-record-codec.ts";
import { ownerSubject } from "../../protocol/subject.ts";
import { ReadOnlyShard } from "../../storage/read-only.ts";
import { clusterOf } from "../support/engine.ts";
import { call, discard, fieldOf, temporaryDirectory, until } from "./program-call.ts";

const bound = { timeout: 90_000 };
const SMALL = ["bench", "--shards", "2", "--durability", "relaxed", "--wallets", "20", "--no-reference"];

describe("bench on its own installation", bound, () => {
  let parent: string;
  before(async () => {
    parent = await temporaryDirectory();
  });
  after(async () => {
    await discard(parent);
  });

  test("prints one line, proves the files too, writes the samples, and leaves nothing behind", async () => {
    const csv = join(parent, "run.csv");
    const data = join(parent, "data");
    await mkdir(data);
    const words = [...SMALL, "--commands", "400", "--data", data, "--csv", csv, "--json"];
    const { exit, stdout, stderr } = await call(words);
    assert.equal(exit, 0, stdout + stderr);
    assert.equal(stdout.trimEnd().split("\n").length, 1);
    const report: Record<string, unknown> = JSON.parse(stdout);
    assert.deepEqual([report["verified"], report["commands"], report["shards"]], [true, 400, 2]);
    const sweep = fieldOf(fieldOf(report, "verification"), "sweep");
    assert.deepEqual([sweep["clean"], sweep["deep"], sweep["violations"]], [true, true, []]);
    const bytes = fieldOf(report, "bytesPerCommand");
    assert.ok(Number(bytes["log"]) > 0 && Number(bytes["sqlite"]) > 0, JSON.stringify(bytes));
    assert.deepEqual(Object.keys(fieldOf(report, "cpu")), ["generator", "engine", "nats-server"]);
    const [heading = [], ...samples] = csvTable(await readFile(csv, "utf8"));
    for (const name of ["time (s)", "settled (1/s)", "latency p99 (ms)", "rss engine (bytes)"])
      assert.ok(heading.includes(name), heading.join());
    assert.ok(samples.length > 0 && samples.every(({ length }) => length === heading.length));
    assert.match(stderr, /Bench: sweep the files/);
    assert.deepEqual(await readdir(data), []);
  });

  test("single commands under strict go to three servers, unless one is asked for", async () => {
    const words = ["bench", "--scenario", "singles", "--commands", "40", "--wallets", "20", "--no-reference"];
    for (const [flags, replicas] of [
      [[], 3],
      [["--replicas", "1"], 1],
    ] as const) {
      const { exit, stdout, stderr } = await call([...words, ...flags, "--data", parent, "--json"]);
      assert.equal(exit, 0, stdout + stderr);
      const report: Record<string, unknown> = JSON.parse(stdout);
      const found = [report["verified"], report["durability"], report["commands"], report["replicas"]];
      assert.deepEqual(found, [true, "strict", 40, replicas]);
    }
  });

  test("starts its own engine again for growth, stopped and killed, and draws the run", async () => {
    const data = join(parent, "growth");
    const plots = join(parent, "plots");
    await mkdir(data);
    const words = [
      ...SMALL,
      "--scenario",
      "growth",
      "--rows",
      "400",
      "--data",
      data,
      "--plot",
      plots,
      "--json",
    ];
    const { exit, stdout, stderr } = await call(words);
    assert.equal(exit, 0, stdout + stderr);
    const report: Record<string, unknown> = JSON.parse(stdout);
    const growth = fieldOf(report, "growth");
    assert.ok(Number(growth["restartMs"]) > 0 && Number(growth["restartAfterKillMs"]) > 0, stdout);
    assert.equal(fieldOf(fieldOf(report, "verification"), "sweep")["clean"], true);
    assert.ok(Number(fieldOf(report, "rss")["engine"]) > 0, "the new process is watched");
    assert.doesNotMatch(stderr, /died/);
    assert.deepEqual(await readdir(plots), ["growth-relaxed.svg"]);
    assert.deepEqual(await readdir(data), []);
  });

  test("samples that cannot be written are told before anything is started", async () => {
    const { exit, stdout } = await call([...SMALL, "--csv", join(parent, "nowhere", "run.csv"), "--json"]);
    assert.equal(exit, 1);
    assert.equal(fieldOf(JSON.parse(stdout), "error")["code"], "files_unwritable");
  });

  test("interrupted it ends with exit 1 and leaves nothing behind", async () => {
    const data = join(parent, "interrupted");
    await mkdir(data);
    const interruption = new AbortController();
    const running = call([...SMALL, "--duration", "60", "--data", data], { signal: interruption.signal });
    try {
      await serving(data);
    } finally {
      interruption.abort();
    }
    const { exit, stderr } = await running;
    assert.equal(exit, 1);
    assert.match(stderr, /Interrupted before the run was over/);
    assert.deepEqual(await readdir(data), []);
  });

  test("a run during which the engine dies is no result, and leaves nothing behind", async () => {
    const data = join(parent, "died");
    await mkdir(data);
    const running = call([...SMALL, "--duration", "60", "--data", data, "--json"]);
    const directory = await serving(data);
    await underWay(directory);
    const lock: Record<string, unknown> = JSON.parse(await readFile(join(directory, "lock.json"), "utf8"));
    process.kill(Number(lock["pid"]), "SIGKILL");
    const { exit, stdout } = await running;
    const error = fieldOf(JSON.parse(stdout), "error");
    assert.deepEqual([exit, error["code"]], [1, "bench_failed"]);
    assert.match(String(error["message"]), /^The run failed: engine died during the run: /);
    assert.deepEqual(await readdir(data), []);
  });

  test("a run during which a shard halts is no result, says why, and leaves nothing behind", async () => {
    const data = join(parent, "halted");
    await mkdir(data);
    const running = call([...SMALL, "--duration", "60", "--data", data, "--json"]);
    const directory = await serving(data);
    await underWay(directory);
    await appendFromNewerCode(directory, 1);
    const { exit, stdout } = await running;
    assert.equal(stdout.trimEnd().split("\n").length, 1);
    const error = fieldOf(JSON.parse(stdout), "error");
    assert.deepEqual([exit, error["code"]], [1, "bench_failed"]);
    const why =
      /^The run failed: shard 1 halted: unknown_version \(record \d+ was written by a newer version of Coffer\)$/;
    assert.match(String(error["message"]), why);
    assert.deepEqual(await readdir(data), []);
  });

  test("a directory that cannot be used is an error that names it", async () => {
    const file = join(parent, "file");
    await writeFile(file, "");
    const { exit, stdout } = await call([...SMALL, "--data", file, "--json"]);
    assert.equal(exit, 1);
    const error = fieldOf(JSON.parse(stdout), "error");
    assert.equal(error["code"], "directory_unusable");
    assert.ok(String(error["message"]).includes(file));
  });
});

/** The directory that a run made in `parent`, once its installation serves. */
async function serving(parent: string): Promise<string> {
  return await until("the installation serves", async () => {
    const [name] = await readdir(parent);
    return name !== undefined && existsSync(join(parent, name, "dev.json")) ? join(parent, name) : undefined;
  });
}

/** An engine that dies before it was asked anything is one that never answered. Wallets take a few records. */
async function underWay(directory: string): Promise<void> {
  await until("the run has begun", () => {
    using door = ReadOnlyShard.open(join(directory, "shards", "0.db"));
    return door.meta.position > 100 ? true : undefined;
  });
}

/** Appends a record of the owner to a shard's log as a later version of the program would: this one must halt there. */
async function appendFromNewerCode(directory: string, shard: number): Promise<void> {
  const dev: Record<string, unknown> = JSON.parse(await readFile(join(directory, "dev.json"), "utf8"));
  const cluster = clusterOf(directory);
  const data = encodeOwnerRecord({ kind: "tick", cluster, shard, epoch: 1, touches: [] });
  // Behind the head of the list.
  assert.equal(data[1], OWNER_RECORD_VERSION);
  data[1] = OWNER_RECORD_VERSION + 1;
  const connection = await openConnection({ servers: String(dev["nats"]), name: "newer" });
  const stored = await connection.nc.request(ownerSubject(shard), data);
  await connection.close();
  assert.match(stored.string(), /"seq":/);
}
