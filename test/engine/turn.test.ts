// Turns leave no trace: the log of a real run, read back from the streams, is applied again to fresh files in turns of
// every size, with turns that throw half-way, and always ends in the state that the live engine stored: both chains
// and the canonical dump are equal.
// Guards against: state that depends on where a turn began, on a clock, on memory that outlives a rollback.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SeededRandom } from "../../bench/random.ts";
import type { LogRecord } from "../../cluster/log-record.ts";
import { decodeRecord } from "../../engine/record-decoder.ts";
import { recordDigest } from "../../engine/record-digest.ts";
import { runTurn, type TurnProgress } from "../../engine/turn.ts";
import type { TurnRecord } from "../../engine/turn-record.ts";
import { encodeCommandFrame } from "../../protocol/command-frame.ts";
import { decodeCommandMessage } from "../../protocol/command-json.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import type { QuarantinedUnit } from "../../protocol/owner-record.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { CommandMix, shardOfOwner } from "../support/command-mix.ts";
import { clusterOf } from "../support/engine.ts";
import type { JsonCommand } from "../support/json-client.ts";
import { readLog } from "../support/log-copy.ts";
import { requireClean, shardPath, shardPrint, untilAllEnded } from "../support/shard-files.ts";
import { Site } from "../support/site.ts";

const seed = Number(process.env["COFFER_TEST_SEED"] ?? Date.now() % 1_000_000_000);
const SHARDS = 3;
const COMMANDS = 260;

/** What a live run left: the log of each shard up to what was applied, and what its file says. */
interface LiveShard {
  readonly shard: number;
  readonly cluster: string;
  readonly log: readonly LogRecord[];
  readonly print: ReturnType<typeof shardPrint>;
}

let live: readonly LiveShard[] = [];
let directory = "";
let files = 0;

before(() => {
  directory = mkdtempSync(join(tmpdir(), "coffer-turn-"));
});
after(() => rmSync(directory, { recursive: true, force: true }));

test("a live run of mixed commands, with restarts in it, leaves clean files", async (t) => {
  t.diagnostic(`COFFER_TEST_SEED=${seed}`);
  const site = await Site.start(t, { shards: SHARDS });
  let engine = await site.startEngine();
  const mix = new CommandMix(seed, SHARDS);
  for (const command of mix.opening()) await site.client.accepted(command);
  await untilAllEnded(site.dataDir);
  const commands = mix.take(COMMANDS);
  for (const [index, batch] of batchesOf(commands).entries()) {
    if (index % 5 === 4) await publishFrame(site, batch);
    else assert.equal((await site.client.publish(batch)).kind, "ok");
    if (index === 60) await publishJunk(site);
    if (index % 40 === 39) await untilAllEnded(site.dataDir);
    if (index === 120) {
      await engine.kill();
      engine = await site.startEngine();
    }
  }
  await untilAllEnded(site.dataDir);
  await engine.end();
  requireClean(site.dataDir);
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
  live = await Promise.all(shards.map((shard) => liveShard(site, shard)));
});

/** How turns are cut: the number of records of the next one. */
const CUTS: readonly (readonly [string, (random: SeededRandom) => number])[] = [
  ["one record each", () => 1],
  ["two records each", () => 2],
  ["one to nine records each", (random) => 1 + random.below(9)],
  ["one to sixty records each", (random) => 1 + random.below(60)],
  ["one single turn", () => Number.POSITIVE_INFINITY],
];

for (const [what, sizeOf] of CUTS) {
  test(`a replay from zero in turns of ${what} ends in the live state`, () => {
    for (const shard of liveShards()) {
      const file = openFresh(shard);
      const random = new SeededRandom(seed + shard.shard);
      for (let at = 0; at < shard.log.length; ) {
        const logs = shard.log.slice(at, at + sizeOf(random));
        apply(file, shard, logs);
        at += logs.length;
      }
      requireLive(file, shard);
    }
  });
}

test("turns that throw before any record, and files that are opened again, change nothing", () => {
  for (const shard of liveShards()) {
    let file = openFresh(shard);
    const random = new SeededRandom(~seed + shard.shard);
    for (let at = 0; at < shard.log.length; ) {
      const logs = shard.log.slice(at, at + 1 + random.below(12));
      const failing = logs[random.below(logs.length)]?.sequence ?? 0;
      requireRollback(file, shard, logs, failing);
      if (random.below(6) === 0) {
        file.close();
        file = openFile(shard, file.path);
      }
      apply(file, shard, logs);
      at += logs.length;
    }
    requireLive(file, shard);
  }
});

test("a turn that throws between two commands of one record leaves nothing of the first", () => {
  const [shard] = liveShards().filter(({ log, cluster, shard }) =>
    log.some((record) => countOf(record, cluster, shard) > 1),
  );
  assert.ok(shard, "the run has a record with several commands");
  const file = openFresh(shard);
  const at = shard.log.findIndex((record) => countOf(record, shard.cluster, shard.shard) > 1);
  apply(file, shard, shard.log.slice(0, at));
  const before = shardPrint(file.path);
  const records = turnRecords(shard, shard.log.slice(at, at + 1));
  const progress: TurnProgress = { position: 0, unit: null };
  const trap = new Trap(2);
  assert.throws(() => runTurn(file, records, () => trap, progress), /trap/);
  assert.deepEqual(progress, { position: at + 1, unit: { kind: "command", index: 1 } });
  assert.deepEqual(shardPrint(file.path), before);
  apply(file, shard, shard.log.slice(at));
  requireLive(file, shard);
});

test("records of another position than the next are not applied", () => {
  for (const shard of liveShards()) {
    const file = openFresh(shard);
    apply(file, shard, shard.log.slice(0, 5));
    const before = shardPrint(file.path);
    assert.throws(() => apply(file, shard, shard.log.slice(6, 8)), /gap/);
    assert.throws(() => apply(file, shard, shard.log.slice(4, 8)), /gap/);
    assert.deepEqual(shardPrint(file.path), before);
    file.close();
  }
});

/** A list of quarantined units that throws the n-th time that somebody looks into it. */
class Trap extends Array<QuarantinedUnit> {
  #looks: number;

  constructor(looks: number) {
    super();
    this.#looks = looks;
  }

  override some(): boolean {
    this.#looks -= 1;
    if (this.#looks === 0) throw new Error("trap");
    return false;
  }
}

/** A turn that throws at a record rolls back to the byte that can be seen, and names the record. */
function requireRollback(
  file: ShardFile,
  shard: LiveShard,
  logs: readonly LogRecord[],
  failing: number,
): void {
  const before = { position: file.position, log: file.logChain, state: file.stateChain, timeMs: file.timeMs };
  const progress: TurnProgress = { position: 0, unit: null };
  const lookup = (position: number): readonly QuarantinedUnit[] => {
    if (position === failing) throw new Error("trap");
    return [];
  };
  assert.throws(() => runTurn(file, turnRecords(shard, logs), lookup, progress), /trap/);
  assert.equal(progress.position, failing);
  const now = { position: file.position, log: file.logChain, state: file.stateChain, timeMs: file.timeMs };
  assert.deepEqual(now, before);
}

function apply(file: ShardFile, shard: LiveShard, logs: readonly LogRecord[]): void {
  runTurn(file, turnRecords(shard, logs), () => [], { position: 0, unit: null });
}

function turnRecords({ cluster, shard }: LiveShard, logs: readonly LogRecord[]): TurnRecord[] {
  const scope = { cluster, shard, shards: SHARDS };
  return logs.map((log) => ({ ...decodeRecord(log, scope), digest: recordDigest(log) }));
}

function countOf(log: LogRecord, cluster: string, shard: number): number {
  const { record } = decodeRecord(log, { cluster, shard, shards: SHARDS });
  return record.kind === "commands" ? record.commands.length : 0;
}

function requireLive(file: ShardFile, { print }: LiveShard): void {
  file.close();
  assert.deepEqual(shardPrint(file.path), print);
}

function openFresh(shard: LiveShard): ShardFile {
  files += 1;
  return openFile(shard, join(directory, `${files}.db`));
}

function openFile({ cluster, shard }: LiveShard, path: string): ShardFile {
  return ShardFile.open({ path, cluster, shard, shards: SHARDS });
}

function liveShards(): readonly LiveShard[] {
  assert.equal(live.length, SHARDS, "the live run has ended well");
  return live;
}

async function liveShard(site: Site, shard: number): Promise<LiveShard> {
  const print = shardPrint(shardPath(site.dataDir, shard));
  const log = await readLog(site, shard, print.position);
  return { shard, cluster: clusterOf(site.dataDir), log, print };
}

/** Neighbours of one owner become one record. */
function batchesOf(commands: readonly JsonCommand[]): [JsonCommand, ...JsonCommand[]][] {
  const batches: [JsonCommand, ...JsonCommand[]][] = [];
  for (const command of commands) {
    const last = batches.at(-1);
    if (last?.[0].owner === command.owner) last.push(command);
    else batches.push([command]);
  }
  return batches;
}

/** The same commands as one MessagePack frame, as the client library sends them. */
async function publishFrame(site: Site, batch: readonly [JsonCommand, ...JsonCommand[]]): Promise<void> {
  const { owner } = batch[0];
  const shard = shardOfOwner(owner, SHARDS);
  const [tenant, name] = [parseTenant("demo"), parseOwner(owner)];
  assert.ok(tenant && name);
  const context = { tenant, owner: name, shard, shards: SHARDS };
  const decoded = decodeCommandMessage(Buffer.from(JSON.stringify(batch.map(({ body }) => body))), context);
  const commands = decoded.flatMap((one) => ("command" in one ? [one.command] : []));
  const { nc } = site.client.connection;
  const frame = encodeCommandFrame({ reply: null, commands });
  const answer = await nc.request(`coffer.s.${shard}.frame.demo`, frame, { timeout: 10_000 });
  assert.match(answer.string(), /"seq"/);
}

/** Records that are no commands, and records where nobody but the engine should write. */
async function publishJunk(site: Site): Promise<void> {
  const { nc } = site.client.connection;
  nc.publish("coffer.cmd.demo.owner1", "no JSON");
  nc.publish("coffer.cmd.demo.owner2", "");
  nc.publish("coffer.cmd.demo.owner3", '[{"op":"fly","id":"x"},{"op":"open"}]');
  for (let shard = 0; shard < SHARDS; shard += 1) {
    nc.publish(`coffer.s.${shard}.owner`, "junk");
    nc.publish(`coffer.s.${shard}.peer.${(shard + 1) % SHARDS}`, '{"stream":"COFFER_S0","seq":7}');
    nc.publish(`coffer.s.${shard}.quarantine`, Buffer.from([0x93, 1, 2, 3]));
  }
  await nc.flush();
}
