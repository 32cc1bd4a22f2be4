// The log can lie: a stream that is gone, another one in its place, a cut tail, other records at the same positions, a
// purged head. Each lie is really told, by a real server, to a file that has applied records: once before the engine
// starts and once while it runs. The shard halts with a code of its own, the other shards go on.
// Guards against: an engine that takes another history for its own, and applies or skips records of it.
import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type JsonObject, objectIn, requestApi } from "../../cluster/jetstream-api.ts";
import { readStreamIdentity } from "../../cluster/streams.ts";
import { shardStream } from "../../protocol/subject.ts";
import { idOf, openCommand, ownerOnShard } from "../support/command-mix.ts";
import { until } from "../support/condition.ts";
import type { TestEngine } from "../support/engine.ts";
import type { JsonCommand } from "../support/json-client.ts";
import { shardPath, shardPrint } from "../support/shard-files.ts";
import { Site } from "../support/site.ts";

const SEED = 1;
const LATER_SEED = 2;
/** A running engine looks at its log once a second; it has noticed a lie by itself within this time, ms. */
const NOTICED_MS = 10_000;

/** A lie about one shard's log, and the code of the halt that it must lead to. */
interface Lie {
  readonly what: string;
  readonly code: string;
  /** The server comes back with an older copy of the stream first. */
  readonly older?: true;
  /** Then this is done to the stream. */
  readonly tell?: (site: Site, shard: number, position: number) => Promise<void>;
  /** A running engine reads what is published before it could be purged. */
  readonly onlyAtStart?: true;
}

const LIES: readonly Lie[] = [
  {
    what: "its stream is gone",
    code: "stream_missing",
    tell: async (site, shard) => await api(site, "STREAM.DELETE", shard),
  },
  {
    what: "another stream of the same length is in its place",
    code: "log_replaced",
    tell: async (site, shard, position) => {
      await replaceStream(site, shard);
      await publishUpTo(site, shard, position);
    },
  },
  { what: "another, empty stream is in its place", code: "log_replaced", tell: replaceStream },
  { what: "its tail is cut", code: "log_behind", older: true },
  {
    what: "its tail is cut and other records are there since",
    code: "log_diverged",
    older: true,
    tell: publishUpTo,
  },
  {
    what: "records that were not applied yet are purged",
    code: "log_trimmed",
    tell: async (site, shard, position) => {
      await publishUpTo(site, shard, position + 4);
      await api(site, "STREAM.PURGE", shard, { seq: position + 3 });
    },
    onlyAtStart: true,
  },
  {
    what: "every record is purged",
    code: "log_trimmed",
    tell: async (site, shard) => await api(site, "STREAM.PURGE", shard),
  },
];

/** One shard for each lie, and one more whose log is honest. */
const SHARDS = LIES.length + 1;
const HONEST = LIES.length;

test("a log that is not the one that was applied halts its shard at the start, the others go on", async (t) => {
  const { site, engine, older } = await makeStand(t);
  await engine.end();
  const positions = await tellLies(site, older, () => true);
  await site.launchEngine();
  for (const [shard, { what, code }] of LIES.entries()) {
    await t.test(`${code}: ${what}`, () => requireHalted(site, { shard, code, position: positions[shard] }));
  }
  await t.test("the honest log is read on, with what came meanwhile", () => requireActive(site));
});

test("a log that changes under a running engine halts its shard, the others go on", async (t) => {
  const { site, engine, older } = await makeStand(t);
  process.kill(engine.pid, "SIGSTOP");
  const positions = await tellLies(site, older, ({ onlyAtStart }) => onlyAtStart !== true);
  process.kill(engine.pid, "SIGCONT");
  for (const [shard, { what, code, onlyAtStart }] of LIES.entries()) {
    if (onlyAtStart) continue;
    await t.test(`${code}: ${what}`, () => requireHalted(site, { shard, code, position: positions[shard] }));
  }
  await t.test("the honest log is read on, with what came meanwhile", () => requireActive(site));
});

test("a lie is noticed within seconds while nothing else happens", async (t) => {
  const site = await Site.start(t, { shards: 3 });
  await site.startEngine();
  await api(site, "STREAM.DELETE", 0);
  await site.client.halted(0, "stream_missing", NOTICED_MS);
  await api(site, "STREAM.PURGE", 1);
  await site.client.halted(1, "log_trimmed", NOTICED_MS);
  assert.equal((await site.client.status(2))["state"], "active");
});

/** A running engine that has applied records of every shard, and a copy of an earlier store of the server. */
interface Stand {
  readonly site: Site;
  readonly engine: TestEngine;
  readonly older: string;
}

async function makeStand(t: TestContext): Promise<Stand> {
  const site = await Site.start(t, { shards: SHARDS });
  const engine = await site.startEngine();
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
  await Promise.all(shards.map((shard) => site.client.call(openOn(shard, SEED, 0))));
  const older = join(site.nats.directory, "older");
  await site.restartServer("stop", () => cp(site.nats.server().storeDir, older, { recursive: true }));
  for (const number of [1, 2, 3]) {
    await Promise.all(shards.map((shard) => site.client.call(openOn(shard, SEED, number))));
  }
  return { site, engine, older };
}

/** Tells the chosen lies, and one honest record. @returns what each shard had applied before */
async function tellLies(site: Site, older: string, isChosen: (lie: Lie) => boolean): Promise<number[]> {
  const positions = LIES.map((_, shard) => shardPrint(shardPath(site.dataDir, shard)).position);
  await site.restartServer("stop", async () => {
    for (const [shard, lie] of LIES.entries()) if (lie.older) await putOlder(site, shard, older);
  });
  for (const [shard, lie] of LIES.entries()) {
    if (isChosen(lie)) await lie.tell?.(site, shard, positions[shard] ?? 0);
  }
  await accept(site, openOn(HONEST, LATER_SEED, 0));
  return positions;
}

/** The shard is halted with its code, has applied nothing more, and says so to its callers. */
async function requireHalted(
  { client, dataDir }: Site,
  { shard, code, position }: { shard: number; code: string; position: number | undefined },
): Promise<void> {
  const status = await client.halted(shard, code);
  assert.equal(status["position"], position);
  assert.equal(shardPrint(shardPath(dataDir, shard)).position, position);
  assert.match(String(status["detail"]), new RegExp(`${shard}`));
  const { owner, body } = openOn(shard, LATER_SEED, 99);
  const answer = await client.ask(`coffer.call.demo.${owner}`, body);
  assert.deepEqual([answer["ok"], answer["code"], answer["id"]], [false, "busy", body.id]);
  if (code === "stream_missing") {
    assert.equal(
      await readStreamIdentity(client.connection.nc, shardStream(shard)),
      null,
      "it is not made again",
    );
  }
}

async function requireActive({ client }: Site): Promise<void> {
  assert.equal((await client.settled(openOn(HONEST, LATER_SEED, 0)))["status"], "open");
  assert.equal((await client.call(openOn(HONEST, LATER_SEED, 1)))["status"], "open");
  assert.equal((await client.status(HONEST))["state"], "active");
}

/** An open of a new wallet on a shard. */
function openOn(shard: number, seed: number, number: number): JsonCommand {
  const owner = ownerOnShard("owner", shard, SHARDS);
  return openCommand(idOf(seed, number * SHARDS + shard), `${owner}:p${seed}-${number}`);
}

async function accept(site: Site, command: JsonCommand): Promise<number> {
  const result = await until("the log accepts", async () => {
    const answer = await site.client.publish(command);
    return answer.kind === "ok" ? answer : undefined;
  });
  return result.sequence;
}

/** Appends other records than those that were there, until the log is as long as it was. */
async function publishUpTo(site: Site, shard: number, position: number): Promise<void> {
  for (let number = 10; (await accept(site, openOn(shard, LATER_SEED, number))) < position; ) number += 1;
}

/** Makes the stream anew, with the same settings and another nonce. */
async function replaceStream(site: Site, shard: number): Promise<void> {
  const name = shardStream(shard);
  const { nc } = site.client.connection;
  const config = objectIn((await requestApi(nc, `STREAM.INFO.${name}`, {}))["config"]);
  await api(site, "STREAM.DELETE", shard);
  const metadata = { ...objectIn(config["metadata"]), coffer_nonce: "another" };
  await api(site, "STREAM.CREATE", shard, { ...config, metadata });
}

/** Puts the older copy of one stream in its place. The server must not run. */
async function putOlder({ nats }: Site, shard: number, older: string): Promise<void> {
  const inside = join("jetstream", "$G", "streams", shardStream(shard));
  const directory = join(nats.server().storeDir, inside);
  await rm(directory, { recursive: true });
  await cp(join(older, inside), directory, { recursive: true });
}

async function api(site: Site, operation: string, shard: number, question: JsonObject = {}): Promise<void> {
  await requestApi(site.client.connection.nc, `${operation}.${shardStream(shard)}`, question);
}
