// Faults of the environment, made real: a full disk, a file that may not grow, an fsync that fails, pages that are
// garbage, a second engine on the same data, an engine on a copy of the data.
// Guards against: a half-done turn, an fsync that is tried again, a fault that brings down more than its shard, and two
// owners of one log.
import assert from "node:assert/strict";
import { closeSync, cpSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { numberIn, requestApi } from "../../cluster/jetstream-api.ts";
import { listRecords } from "../../cluster/log-lookup.ts";
import { LogWriter } from "../../cluster/log-writer.ts";
import type { OwnerRecord } from "../../protocol/owner-record.ts";
import { decodeOwnerRecord, encodeOwnerRecord } from "../../protocol/owner-record-codec.ts";
import { epochSubject, ownerSubject, shardStream } from "../../protocol/subject.ts";
import { CommandMix, idOf, openCommand, ownerOnShard, transferCommand } from "../support/command-mix.ts";
import { until } from "../support/condition.ts";
import { clusterOf, makeDataDir, type TestEngine } from "../support/engine.ts";
import { canInject, canMount, inject, limitFiles, oneConnectionTo, SmallDisk } from "../support/fault.ts";
import { type Json, type JsonClient, type JsonCommand, objectOf } from "../support/json-client.ts";
import { replayLog } from "../support/log-copy.ts";
import { requireClean, shardPath, shardPrint, untilAllEnded, walletSums } from "../support/shard-files.ts";
import { Site } from "../support/site.ts";

const SHARDS = 2;
const seed = Number(process.env["COFFER_TEST_SEED"] ?? Date.now() % 1_000_000_000);

/** A fault of storage that begins while an engine runs, and ends before the next one starts. */
interface StorageTrouble {
  readonly what: string;
  readonly isPossible: boolean;
  /** A directory to put the data in; by default anywhere. */
  readonly begin: (t: TestContext) => {
    parent?: string;
    strike: (engine: TestEngine) => Promise<void>;
    end?: () => void;
  };
}

const TROUBLES: readonly StorageTrouble[] = [
  {
    what: "the disk is full",
    isPossible: canMount,
    begin: (t) => {
      const disk = new SmallDisk(t, 32);
      const strike = async (): Promise<void> => disk.fill();
      return { parent: disk.path, strike, end: () => disk.free() };
    },
  },
  {
    what: "no file may grow",
    isPossible: true,
    begin: () => ({ strike: async (engine) => limitFiles(engine, 4_096) }),
  },
  {
    what: "an fsync fails once",
    isPossible: canInject,
    begin: () => ({
      strike: async (engine) =>
        void (await inject(engine, { syscalls: "fsync,fdatasync", fault: "error=EIO", nth: 3 })),
    }),
  },
  {
    what: "a write fails once",
    isPossible: canInject,
    begin: () => ({
      strike: async (engine) =>
        void (await inject(engine, { syscalls: "pwrite64", fault: "error=EIO", nth: 5 })),
    }),
  },
];

for (const { what, begin } of TROUBLES.filter(({ isPossible }) => isPossible)) {
  test(`when ${what} the shard stops with storage_failed, and a restart continues with nothing half-done`, async (t) => {
    const { parent, strike, end } = begin(t);
    const dataDir = await makeDataDir(SHARDS, "relaxed", parent);
    t.after(() => rmSync(dataDir, { recursive: true, force: true }));
    const site = await Site.start(t, { shards: SHARDS, dataDir });
    const engine = await site.startEngine();
    const mix = new CommandMix(seed, SHARDS);
    for (const command of mix.opening()) await site.client.accepted(command);
    await untilAllEnded(dataDir);

    await strike(engine);
    const commands = mix.take(60);
    for (const command of commands) await site.client.accepted(command);
    const failed = await until("a shard has failed", () => anyHalted(site));
    assert.equal(failed["reason"], "storage_failed");
    assert.match(String(failed["detail"]), /SQLITE_(FULL|IOERR)/);
    await engine.heard((event) => event.event === "shard" && event.reason === "storage_failed");
    await engine.end();

    end?.();
    await site.startEngine();
    for (const command of commands) await site.client.settled(command);
    await untilAllEnded(dataDir);
    requireClean(dataDir, true);
    for (const [asset, sum] of walletSums(dataDir)) assert.equal(sum, 0n, asset);
  });
}

async function anyHalted(site: Site): Promise<Json | undefined> {
  const statuses = await Promise.all([0, 1].map((shard) => site.client.status(shard)));
  return statuses.find(({ state }) => state === "halted");
}

/** What is garbage, and what makes the engine look at it. */
const GARBAGE: readonly (readonly [table: string, look: (site: Site) => Promise<unknown>])[] = [
  ["sqlite_schema", () => Promise.resolve()],
  ["meta", () => Promise.resolve()],
  ["wallet", ({ client }) => client.ask(`coffer.get.demo.${NEAR}`, { get: "owner" })],
  [
    "step_run",
    ({ client }) => client.ask(`coffer.get.demo.${NEAR}`, { get: "entries", wallet: `${NEAR}:usd` }),
  ],
  [
    "outcome_page",
    ({ client }) => client.ask(`coffer.get.demo.${NEAR}`, { get: "outcome", id: idOf(1, 10) }),
  ],
  ["wallet", ({ client }) => client.publish(transferCommand(idOf(1, 20), [`${NEAR}:usd>${NEAR}:alt:1`]))],
  // An id of its own: the log has the command of the case before.
  ["outbox", ({ client }) => client.publish(transferCommand(idOf(1, 21), [`${NEAR}:usd>${FAR}:usd:1`]))],
];
const NEAR = ownerOnShard("near", 0, SHARDS);
const FAR = ownerOnShard("far", 1, SHARDS);

// The second one mostly waits.
describe("a fault stays where it is", { concurrency: 2 }, () => {
  test("a shard whose file has garbage in it stops with storage_failed when it is met; the other goes on", async (t) => {
    const site = await Site.start(t, { shards: SHARDS });
    let engine = await site.startEngine({ events: true });
    const wallets = ["world:usd", `${NEAR}:usd`, `${NEAR}:alt`, `${FAR}:usd`];
    for (const [index, wallet] of wallets.entries())
      await site.client.call(openCommand(idOf(1, index), wallet));
    await site.client.call(transferCommand(idOf(1, 9), [`world:usd>${NEAR}:usd:100`]));
    await site.client.call(transferCommand(idOf(1, 10), [`${NEAR}:usd>${FAR}:usd:1`]));
    await until("events are published", async () => (await site.client.status(0))["eventsPending"] === 0);
    await engine.end();
    const kept = mkdtempSync(join(tmpdir(), "coffer-kept-"));
    t.after(() => rmSync(kept, { recursive: true }));
    const file = shardPath(site.dataDir, 0);
    cpSync(file, join(kept, "0.db"));
    for (const [index, [table, look]] of GARBAGE.entries()) {
      await t.test(`garbage in ${table}, case ${index}`, async () => {
        spoil(file, table);
        engine = await site.launchEngine({ events: true });
        await until(
          "the other shard is active",
          async () => (await site.client.status(1))["state"] === "active",
        );
        await until("the shard has got as far as it can", async () =>
          /active|halted/.test(String((await site.client.status(0))["state"])),
        );
        await look(site).catch(() => undefined);
        await site.client.halted(0, "storage_failed");
        const refused = openCommand(idOf(3, index), `${NEAR}:p${index}`);
        const answer = await site.client.ask(`coffer.call.demo.${NEAR}`, refused.body);
        assert.equal(answer["code"], "busy");
        assert.equal(
          (await site.client.call(openCommand(idOf(2, index), `${FAR}:p${index}`)))["status"],
          "open",
        );
        await engine.end();
        for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
        cpSync(join(kept, "0.db"), file);
      });
    }
  });

  test("a node whose workers cannot reach the server says why and ends with exit code 1", async (t) => {
    const site = await Site.start(t, { shards: SHARDS });
    const engine = await site.launchEngine({ natsUrl: await oneConnectionTo(t, site.nats.url) });
    const failure = await engine.heard(({ event }) => event === "failed");
    assert.ok(failure.event === "failed");
    assert.equal(failure.code, "nats_unreachable");
    assert.equal(await engine.exited, 1);
    await site.startEngine();
  });
});

/** Overwrites the root page of a table with garbage. */
function spoil(file: string, table: string): void {
  const database = new Database(file, { readonly: true });
  const rootOf = database
    .prepare<[string], number>("SELECT rootpage FROM sqlite_schema WHERE name = ?")
    .pluck();
  const root = table === "sqlite_schema" ? 1 : rootOf.get(table);
  database.close();
  assert(root !== undefined, `there is a table ${table}`);
  const page = openSync(file, "r+");
  writeSync(page, Buffer.alloc(4_096, 0xa7), 0, 4_096, (root - 1) * 4_096);
  closeSync(page);
}

test("a second engine on the same data directory is refused with data_locked and changes nothing", async (t) => {
  const site = await Site.start(t, { shards: SHARDS });
  const first = await site.startEngine();
  const second = await site.launchEngine();
  const refusal = await second.heard(({ event }) => event === "failed");
  assert.ok(refusal.event === "failed");
  assert.equal(refusal.code, "data_locked");
  assert.match(refusal.message, new RegExp(`process ${first.pid}`), "it names the holder");
  assert.equal(await second.exited, 1);
  const epochs = await Promise.all([0, 1].map(async (shard) => (await site.client.status(shard))["epoch"]));
  assert.deepEqual(epochs, [1, 1]);
  const command = openCommand(idOf(1, 1), "world:usd");
  const opened = await site.client.call(command);
  assert.equal(opened["status"], "open");
  await first.kill();
  await site.startEngine();
  assert.deepEqual(await site.client.outcome("world", command.body.id), opened);
});

test("of two engines on one log the older one gives up at the newer one's EpochStart, and nothing is applied twice", async (t) => {
  const site = await Site.start(t, { shards: SHARDS });
  const { client, dataDir } = site;
  const mix = new CommandMix(seed, SHARDS);
  const first = await site.startEngine();
  for (const command of mix.opening()) await client.accepted(command);
  await untilAllEnded(dataDir);
  await first.end();
  const copy = mkdtempSync(join(tmpdir(), "coffer-copy-"));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(dataDir, copy, { recursive: true });

  const older = await site.startEngine();
  const commands = mix.take(80);
  for (const command of commands.slice(0, 30)) await client.accepted(command);
  process.kill(older.pid, "SIGSTOP");
  for (const command of commands.slice(30, 50)) await client.accepted(command);
  const newer = await site.startEngine({ dataDir: copy });
  for (const command of commands.slice(50)) await client.accepted(command);
  process.kill(older.pid, "SIGCONT");
  for (const shard of [0, 1]) {
    await older.heard(
      (event) => event.event === "shard" && event.shard === shard && event.reason === "superseded",
    );
  }

  for (const command of commands) await client.settled(command);
  await untilAllEnded(copy);
  const once = openCommand(idOf(1, 1), "world:once");
  assert.deepEqual(
    statusesOf(await answersOf(site, once)),
    ["open"],
    "the older one does not answer any more",
  );
  for (const shard of [0, 1]) {
    await requireFenced(site, shard);
    const { position, log, state } = shardPrint(shardPath(dataDir, shard));
    assert.deepEqual(await replayLog(site, shard, position), { position, log, state });
  }
  await newer.end();
  requireClean(copy);
  for (const [asset, sum] of walletSums(copy)) assert.equal(sum, 0n, asset);
});

test("an engine that starts on a full log waits for room, and calls it nobody else's shard", async (t) => {
  const site = await Site.start(t, { shards: SHARDS });
  const first = await site.startEngine();
  await site.client.call(openCommand(idOf(1, 1), `${NEAR}:usd`));
  await first.end();
  const { nc } = site.client.connection;
  const { config, state } = await requestApi(nc, `STREAM.INFO.${shardStream(0)}`, {});
  const full = { ...objectOf(config), max_bytes: numberIn(objectOf(state), "bytes") };
  await requestApi(nc, `STREAM.UPDATE.${shardStream(0)}`, full);
  let tries = 0;
  nc.subscribe(epochSubject(0), {
    callback: () => {
      tries += 1;
    },
  });

  const engine = await site.launchEngine();
  await until("it has tried for seconds", () => tries > 25);
  assert.equal((await site.client.status(0))["state"], "attaching");
  await requestApi(nc, `STREAM.UPDATE.${shardStream(0)}`, { ...objectOf(config) });
  await engine.heard(({ event }) => event === "ready");
});

test("an idle engine gives up too when a newer one starts on its log", async (t) => {
  const site = await Site.start(t, { shards: SHARDS });
  const first = await site.startEngine();
  await first.end();
  const copy = mkdtempSync(join(tmpdir(), "coffer-copy-"));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(site.dataDir, copy, { recursive: true });
  const older = await site.startEngine();
  await site.startEngine({ dataDir: copy });
  for (const shard of [0, 1]) {
    await older.heard(
      (event) => event.event === "shard" && event.shard === shard && event.reason === "superseded",
    );
  }
});

/** Every answer to one call, until a later call is answered too. */
async function answersOf({ client }: Site, { owner, body }: JsonCommand): Promise<Json[]> {
  const { nc } = client.connection;
  const inbox = client.connection.inbox();
  const answers: Json[] = [];
  const subscription = nc.subscribe(inbox, {
    callback: (_, message) => void answers.push(message.json<Json>()),
  });
  nc.publish(`coffer.call.demo.${owner}`, JSON.stringify(body), { reply: inbox });
  await until("the call is answered", () => answers.length > 0);
  await client.call(openCommand(idOf(1, 2), `${owner}:again`));
  subscription.unsubscribe();
  return answers;
}

function statusesOf(answers: readonly Json[]): unknown[] {
  return answers.map(({ status }) => status);
}

/** What the older owner appends is refused, and its log has no owner record of its epoch behind the newer EpochStart. */
async function requireFenced({ client, dataDir }: Site, shard: number): Promise<void> {
  const { connection } = client;
  const epochs = await ownerRecords(client, shard, epochSubject(shard));
  const [older, newer] = epochs.slice(-2);
  assert.ok(older && newer);
  assert.ok(newer.record.epoch > older.record.epoch);
  for (const { position, record } of await ownerRecords(client, shard, ownerSubject(shard))) {
    assert.ok(
      position < newer.position || record.epoch === newer.record.epoch,
      `record ${position} is fenced`,
    );
  }
  const writer = new LogWriter({ connection });
  const tick = {
    kind: "tick",
    cluster: clusterOf(dataDir),
    shard,
    epoch: older.record.epoch,
    touches: [],
  } as const;
  const result = await writer.publishFenced(
    { subject: ownerSubject(shard), data: encodeOwnerRecord(tick) },
    { epochSubject: epochSubject(shard), expectedLast: older.position },
  );
  writer.close();
  assert.equal(result.kind, "wrong_last");
}

async function ownerRecords(
  { connection }: JsonClient,
  shard: number,
  subject: string,
): Promise<{ position: number; record: OwnerRecord }[]> {
  const range = { subject, fromSequence: 1, recordsMax: 1_000 };
  const { records } = await listRecords(connection.nc, shardStream(shard), range);
  return records.flatMap(({ sequence, data }) => {
    const decoded = decodeOwnerRecord(data);
    return decoded.ok ? [{ position: sequence, record: decoded.value }] : [];
  });
}
