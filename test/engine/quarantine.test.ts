// What the code cannot apply. A shard file is changed behind the engine's back so that an invariant breaks when one
// chosen unit is applied: exactly that unit is quarantined by a record in the log, or the shard halts where money
// would be at stake; everything before and after it goes on, and a replay of the log comes to the same outcomes.
// Guards against: one poisoned command that stops a shard for ever, or is silently left out, or differently by a replay.
import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { listRecords } from "../../cluster/log-lookup.ts";
import { decodeOwnerRecord } from "../../protocol/owner-record-codec.ts";
import { quarantineSubject, shardStream } from "../../protocol/subject.ts";
import { ReadOnlyShard } from "../../storage/read-only.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { idOf, openCommand, ownerOnShard, transferCommand } from "../support/command-mix.ts";
import { until, within } from "../support/condition.ts";
import { type Json, type JsonCommand, objectOf } from "../support/json-client.ts";
import { replayLog } from "../support/log-copy.ts";
import { requireClean, shardPath, shardPrint, tamper, untilAllEnded } from "../support/shard-files.ts";
import { Site } from "../support/site.ts";

const SHARDS = 3;
const NEAR = ownerOnShard("near", 0, SHARDS);
const FAR = ownerOnShard("far", 1, SHARDS);
const THIRD = ownerOnShard("third", 2, SHARDS);
/** Opened in each site; `near` gets money into `usd` and `alt`. */
const WALLETS = [
  "world:usd",
  `${NEAR}:usd`,
  `${NEAR}:alt`,
  `${NEAR}:bad`,
  `${FAR}:usd`,
  `${FAR}:bad`,
  `${THIRD}:usd`,
];
const FUNDS = "1000";

/** Held below zero: whatever changes the wallet breaks an invariant. */
const BAD = "number IN (SELECT number FROM wallet WHERE purse = 'bad')";
const POISON = `UPDATE balance SET held = -5 WHERE ${BAD}`;
const CURE = `UPDATE balance SET held = 0 WHERE ${BAD}`;

test("a command that throws is refused with internal_error, alone in its record and its turn", async (t) => {
  const site = await openSite(t);
  tamper(shardPath(site.dataDir, 0), POISON);
  const before = pay(1, "usd", "alt");
  const batch = [
    pay(2, "usd", "alt"),
    pay(3, "usd", "bad"),
    pay(4, "alt", "usd"),
    pay(5, "bad", "alt"),
  ] as const;
  const after = pay(6, "usd", "alt");
  await site.client.accepted(before);
  const published = await site.client.publish(batch);
  assert.ok(published.kind === "ok");
  await site.client.accepted(after);

  let engine = await site.startEngine();
  const outcomes = await Promise.all(
    [before, ...batch, after].map((command) => site.client.settled(command)),
  );
  const [good, bad] = ["posted", "refused internal_error"];
  assert.deepEqual(outcomes.map(statusOf), [good, good, bad, good, bad, good]);
  assert.deepEqual(
    await quarantines(site, 0),
    [1, 3].map((index) => ({ position: published.sequence, unit: { kind: "command", index } })),
  );
  assert.equal((await site.client.status(0))["quarantined"], 1);
  assert.equal(statusOf(await site.client.call(batch[1])), "refused internal_error");

  await t.test("a restart keeps the outcome and appends no second record", async () => {
    await engine.kill();
    engine = await site.startEngine();
    assert.deepEqual(await site.client.settled(batch[1]), outcomes[2]);
    assert.equal((await quarantines(site, 0)).length, 2);
    assert.equal((await site.client.status(0))["quarantined"], 1);
  });

  await t.test(
    "a replay of the log from zero comes to the same chains, with the Quarantine records only",
    async () => {
      await engine.end();
      const path = shardPath(site.dataDir, 0);
      tamper(path, CURE);
      const { position, log, state } = shardPrint(path);
      assert.deepEqual(await replayLog(site, 0, position), { position, log, state });
      const unaware = await replayLog(site, 0, position, { withoutQuarantine: true });
      assert.deepEqual([unaware.log, unaware.state === state], [log, false]);
      requireClean(site.dataDir);
    },
  );
});

test("an engine that dies while it appends a Quarantine record leaves the same outcome to the next", async (t) => {
  const site = await openSite(t);
  tamper(shardPath(site.dataDir, 0), POISON);
  const poisoned = pay(1, "usd", "bad");
  await site.client.accepted(poisoned);
  const { nc } = site.client.connection;
  const engine = await site.launchEngine();
  nc.subscribe("coffer.s.*.quarantine", { max: 1, callback: () => void process.kill(engine.pid, "SIGKILL") });
  await within("the engine is killed at its Quarantine record", engine.exited);
  await site.startEngine();
  assert.equal(statusOf(await site.client.settled(poisoned)), "refused internal_error");
  const units = (await quarantines(site, 0)).map(({ unit }) => unit);
  assert.deepEqual(units[0], { kind: "command", index: 0 });
});

test("an item that throws refuses the move at its sender, who has the money back", async (t) => {
  const site = await openSite(t);
  tamper(shardPath(site.dataDir, 1), POISON);
  const engine = await site.startEngine();
  const moves = {
    apply: [`${NEAR}:usd>${FAR}:bad:5`],
    prepare: [`${NEAR}:usd>${FAR}:bad:5`, `${NEAR}:usd>${THIRD}:usd:5`],
  };
  for (const [index, [kind, legs]] of Object.entries(moves).entries()) {
    await t.test(kind, async () => {
      const move = transferCommand(idOf(2, index), legs);
      assert.equal(statusOf(await site.client.call(move)), "refused internal_error");
      assert.deepEqual(await balancesOf(site, `${NEAR}:usd`), [FUNDS, "0", "0"]);
      const kinds = (await quarantines(site, 1)).map(({ unit }) => unit.kind);
      assert.deepEqual(kinds, Array(index + 1).fill("item"));
    });
  }
  const next = transferCommand(idOf(2, 9), [`${NEAR}:usd>${FAR}:usd:5`]);
  assert.equal(statusOf(await site.client.call(next)), "posted");
  await engine.end();
  tamper(shardPath(site.dataDir, 1), CURE);
  requireClean(site.dataDir);
});

test("a timer that throws is parked alone: its hold counts as expired, other holds expire", async (t) => {
  const site = await openSite(t);
  let engine = await site.startEngine();
  // Long enough for the engine to be killed before the first one is due.
  const ttlMs = 4_000;
  const hold = (number: number, from: string, to: string): JsonCommand =>
    transferCommand(idOf(3, number), [`${NEAR}:${from}>${NEAR}:${to}:100`], { hold: { ttlMs } });
  const [poisoned, sound] = [hold(1, "usd", "alt"), hold(2, "alt", "usd")];
  for (const command of [poisoned, sound]) assert.equal(statusOf(await site.client.call(command)), "held");
  await engine.kill();
  setBalance(site, { shard: 0, wallet: `${NEAR}:usd`, column: "held", value: 0 });

  engine = await site.startEngine();
  await until("the sound hold expires", async () => (await balancesOf(site, `${NEAR}:alt`))[1] === "0");
  assert.deepEqual(
    (await quarantines(site, 0)).map(({ unit }) => unit.kind),
    ["timer"],
  );
  assert.deepEqual(timersOf(site, 0), [{ kind: "expire", parked: true }]);
  const capture = { owner: NEAR, body: { op: "capture", id: idOf(3, 3), hold: poisoned.body.id } };
  assert.equal(statusOf(await site.client.call(capture)), "refused hold_expired");
  assert.equal(statusOf(await site.client.call(pay(9, "usd", "alt"))), "posted");
  await engine.end();
});

/** Answers and decisions that are never quarantined, and what makes each of them throw. */
const COMPLETIONS: readonly Completion[] = [
  { of: "result", to: ["usd"], away: 1, halted: 0, wallet: `${NEAR}:usd`, column: "held", end: "posted" },
  {
    of: "commit",
    to: ["usd", "usd"],
    away: 2,
    halted: 1,
    wallet: `${FAR}:usd`,
    column: "incoming",
    end: "posted",
  },
  {
    of: "abort",
    to: ["usd", "missing"],
    away: 2,
    halted: 1,
    wallet: `${FAR}:usd`,
    column: "incoming",
    end: "refused wallet_not_found",
  },
];

interface Completion {
  readonly of: string;
  /** Purses of `far` and `third` that the move goes to. */
  readonly to: readonly string[];
  /** The shard that is away until the move is open. */
  readonly away: number;
  /** The shard that halts, and the wallet there whose reservation is taken away. */
  readonly halted: number;
  readonly wallet: string;
  readonly column: "held" | "incoming";
  readonly end: string;
}

test("a completion that throws halts its shard with completion_failed, and is applied once the cause is gone", async (t) => {
  const site = await openSite(t);
  for (const [index, completion] of COMPLETIONS.entries()) {
    await t.test(completion.of, () => requireCompletionHalts(site, idOf(4, index), completion));
  }
  requireClean(site.dataDir);
});

async function requireCompletionHalts(site: Site, id: string, completion: Completion): Promise<void> {
  const { to, away, halted, wallet, column, end } = completion;
  const legs = to.map((purse, index) => `${NEAR}:usd>${[FAR, THIRD][index]}:${purse}:5`);
  const move = transferCommand(id, legs);
  const file = shardPath(site.dataDir, away);
  copyFileSync(file, `${file}.kept`);
  writeFileSync(file, Buffer.alloc(8_192, 1));
  let engine = await site.launchEngine();
  await site.client.halted(away, "storage_failed");
  await site.client.accepted(move);
  await until("the move waits for the shard that is away", () =>
    isReserved(site, { shard: halted, wallet, column }),
  );
  await engine.end();

  copyFileSync(`${file}.kept`, file);
  setBalance(site, { shard: halted, wallet, column, value: 0 });
  engine = await site.launchEngine();
  const { position } = await site.client.halted(halted, "completion_failed");
  assert.equal(shardPrint(shardPath(site.dataDir, halted)).position, position);
  assert.deepEqual(await quarantines(site, halted), []);
  await engine.end();

  setBalance(site, { shard: halted, wallet, column, value: 5 });
  engine = await site.startEngine();
  assert.equal(statusOf(await site.client.settled(move)), end);
  await untilAllEnded(site.dataDir);
  await engine.end();
}

/** A row of shard 0 that no code can read, and a command that needs it. */
const UNREADABLE: readonly (readonly [row: string, spoil: string, cure: string, command: JsonCommand])[] = [
  [
    "wallet",
    `UPDATE balance SET status = 9 WHERE ${BAD}`,
    `UPDATE balance SET status = 0 WHERE ${BAD}`,
    pay(1, "usd", "bad"),
  ],
  [
    "log of the last turns",
    "UPDATE turn_log SET body = CAST(x'ff' || body AS BLOB)",
    "UPDATE turn_log SET body = substr(body, 2)",
    pay(2, "usd", "alt"),
  ],
  [
    "secret of the command index",
    "UPDATE index_layout SET seed = CAST(substr(seed, 8) || substr(seed, 1, 7) AS BLOB)",
    "UPDATE index_layout SET seed = CAST(substr(seed, 2) || substr(seed, 1, 1) AS BLOB)",
    pay(3, "usd", "alt"),
  ],
  [
    "hold",
    "UPDATE hold SET body = CAST(x'ff' || body AS BLOB)",
    "UPDATE hold SET body = substr(body, 2)",
    { owner: NEAR, body: { op: "release", id: idOf(5, 2), hold: idOf(5, 1) } },
  ],
];

test("a row that cannot be read halts the shard and quarantines nothing", async (t) => {
  const site = await openSite(t);
  let engine = await site.startEngine();
  const hold = transferCommand(idOf(5, 1), [`${NEAR}:usd>${NEAR}:alt:1`], { hold: { ttlMs: 600_000 } });
  assert.equal(statusOf(await site.client.call(hold)), "held");
  for (const [row, spoil, cure, command] of UNREADABLE) {
    await t.test(row, async () => {
      await engine.end();
      if (row === "hold") moveHoldsOut(site);
      tamper(shardPath(site.dataDir, 0), spoil);
      await site.client.accepted(command);
      engine = await site.launchEngine();
      await site.client.halted(0, "storage_failed");
      await engine.end();
      assert.deepEqual(await quarantines(site, 0), []);
      tamper(shardPath(site.dataDir, 0), cure);
      engine = await site.startEngine();
      assert.match(statusOf(await site.client.settled(command)), /^(posted|released)$/);
    });
  }
});

/** Makes rows of the holds of shard 0 that are in the log of the last turns, as time does. */
function moveHoldsOut(site: Site): void {
  const path = shardPath(site.dataDir, 0);
  const { cluster, shards } = metaOf(path);
  const turnLog = { rows: 0, entries: 0, bytes: 0 };
  const file = ShardFile.open({ path, cluster, shard: 0, shards, turnLog });
  file.begin();
  file.commit();
  file.close();
}

/** A site whose wallets are open and funded; no engine runs. */
async function openSite(t: TestContext): Promise<Site> {
  const site = await Site.start(t, { shards: SHARDS });
  const engine = await site.startEngine();
  for (const [index, wallet] of WALLETS.entries()) {
    assert.equal(statusOf(await site.client.call(openCommand(idOf(9, index), wallet))), "open");
  }
  for (const [index, purse] of ["usd", "alt"].entries()) {
    const funding = transferCommand(idOf(8, index), [`world:usd>${NEAR}:${purse}:${FUNDS}`]);
    assert.equal(statusOf(await site.client.call(funding)), "posted");
  }
  await engine.end();
  return site;
}

/** A transfer of 5 between two purses of `near`. */
function pay(number: number, from: string, to: string): JsonCommand {
  return transferCommand(idOf(1, number), [`${NEAR}:${from}>${NEAR}:${to}:5`]);
}

function statusOf(outcome: Json): string {
  const { status, code } = outcome;
  return code === undefined ? String(status) : `${status} ${code}`;
}

interface StoredBalance {
  readonly shard: number;
  readonly wallet: string;
  readonly column: "held" | "incoming";
}

/** Opens the file and closes it first, so that no row lags behind the journal after a kill. */
function setBalance(site: Site, { shard, wallet, column, value }: StoredBalance & { value: number }): void {
  const path = shardPath(site.dataDir, shard);
  const { cluster, shards } = metaOf(path);
  ShardFile.open({ path, cluster, shard, shards }).close();
  const [owner = "", purse = ""] = wallet.split(":");
  const where =
    "number = (SELECT w.number FROM wallet w JOIN owner o ON o.number = w.owner WHERE w.purse = ? AND o.name = ?)";
  tamper(
    shardPath(site.dataDir, shard),
    `UPDATE balance SET ${column} = ? WHERE ${where}`,
    value,
    purse,
    owner,
  );
}

function metaOf(path: string): ReadOnlyShard["meta"] {
  using door = ReadOnlyShard.open(path);
  return door.meta;
}

function isReserved(site: Site, { shard, wallet, column }: StoredBalance): boolean {
  using door = ReadOnlyShard.open(shardPath(site.dataDir, shard));
  return [...door.wallets()].some(({ name, [column]: reserved }) => name === wallet && reserved === 5n);
}

function timersOf(site: Site, shard: number): { kind: string; parked: boolean }[] {
  using door = ReadOnlyShard.open(shardPath(site.dataDir, shard));
  return [...door.timers()].map(({ kind, parked }) => ({ kind, parked }));
}

/** posted, held and incoming. */
async function balancesOf(site: Site, wallet: string): Promise<unknown[]> {
  const [owner = ""] = wallet.split(":");
  const answer = await site.client.get(owner, { get: "wallet", wallet });
  const { posted, held, incoming } = objectOf(answer["wallet"]);
  return [posted, held, incoming];
}

/** The Quarantine records in a shard's log. */
async function quarantines(
  site: Site,
  shard: number,
): Promise<{ position: number; unit: { kind: string } }[]> {
  const { nc } = site.client.connection;
  const range = { subject: quarantineSubject(shard), fromSequence: 1, recordsMax: 100 };
  const { records } = await listRecords(nc, shardStream(shard), range);
  return records.flatMap(({ data }) => {
    const decoded = decodeOwnerRecord(data);
    if (!decoded.ok || decoded.value.kind !== "quarantine") return [];
    const { position, unit } = decoded.value;
    return [{ position, unit }];
  });
}
