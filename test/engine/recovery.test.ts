// Kills: the engine, the server, and both, with SIGKILL, at seeded random moments in a burst of mixed commands and at
// chosen ones: between a command's PubAck and its turn, at its reply, at each kind of item that a move over shards
// sends, and inside the fsync of a turn.
// Guards against: a command that was accepted and is lost, applied twice or open for ever after a crash.
// A failing round is repeated with COFFER_TEST_SEED=<the seed that it printed>.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../bench/random.ts";
import type { Item } from "../../protocol/item.ts";
import { decodeItems } from "../../protocol/item-codec.ts";
import { decodePeerFrame } from "../../protocol/peer-frame-codec.ts";
import {
  CommandMix,
  idOf,
  openCommand,
  ownerOnShard,
  shardOfOwner,
  transferCommand,
} from "../support/command-mix.ts";
import { until, within } from "../support/condition.ts";
import type { TestEngine } from "../support/engine.ts";
import { inject } from "../support/fault.ts";
import { type Json, type JsonClient, type JsonCommand, objectOf } from "../support/json-client.ts";
import {
  type OpenMoves,
  openMoves,
  requireClean,
  shardPath,
  storedStatus,
  untilAllEnded,
  walletSums,
} from "../support/shard-files.ts";
import { Site } from "../support/site.ts";

const seed = Number(process.env["COFFER_TEST_SEED"] ?? Date.now() % 1_000_000_000);
const SHARDS = 4;
const BURST = 350;
/** Commands that may be unsettled before the kill. */
const WINDOW = 40;
const REPLY = "coffer.res.demo.burst";
/**
 * An open move goes on within this time after the engine is ready, ms: sooner than a pair that stalled would send
 * again (5 s) and than a vote that is missing would be given up (30 s), so neither of them is what made it go on.
 */
const GO_ON_MS = 4_000;

type Killed = "engine" | "server" | "both";

for (const [index, killed] of (["engine", "server", "both"] as const).entries()) {
  test(`round ${index}: every accepted command is settled exactly once after a kill -9 of ${killed}`, async (t) => {
    const roundSeed = seed + index;
    t.diagnostic(`COFFER_TEST_SEED=${seed}, round ${index}`);
    const site = await Site.start(t, { shards: SHARDS });
    const engine = await site.startEngine();
    const mix = new CommandMix(roundSeed, SHARDS);
    for (const command of mix.opening()) await site.client.accepted(command);
    await untilAllEnded(site.dataDir);

    const random = new SeededRandom(~roundSeed);
    const burst = new Burst(site.client, mix.take(BURST));
    const crashAt = 80 + random.below(BURST - 130);
    const openAtKill = await burst.publish(crashAt, () => killAndRestart(site, engine, killed));
    t.diagnostic(`killed with ${JSON.stringify(openAtKill)} open, ${burst.unsure} without PubAck`);
    await untilAllEnded(site.dataDir, GO_ON_MS);
    await burst.publishUnsure();
    await requireSettledOnce(site, burst);
  });
}

/** @returns what was open at the kill, as the files show it */
async function killAndRestart(site: Site, engine: TestEngine, killed: Killed): Promise<OpenMoves> {
  const ends: Promise<unknown>[] = [];
  if (killed !== "engine") ends.push(site.nats.restart("kill"));
  if (killed !== "server") ends.push(engine.kill());
  const open = openMoves(site.dataDir);
  await Promise.all(ends);
  if (killed !== "server") await site.startEngine();
  return open;
}

/** Publishes commands and remembers what the log and the engine answered. */
class Burst {
  readonly commands: readonly JsonCommand[];
  /** First outcomes that came to the reply subject, by id. */
  readonly outcomes = new Map<string, Json>();
  readonly #client: JsonClient;
  readonly #unsure = new Set<JsonCommand>();
  readonly #published = new Set<string>();

  constructor(client: JsonClient, commands: readonly JsonCommand[]) {
    this.#client = client;
    this.commands = commands;
    client.connection.nc.subscribe(REPLY, {
      callback: (error, message) => {
        if (error === null) for (const outcome of message.json<Json[]>()) this.#note(outcome);
      },
    });
  }

  /** Commands without a PubAck: the log may have them. */
  get unsure(): number {
    return this.#unsure.size;
  }

  /**
   * Publishes everything and calls `crash` in the middle of it. Until then at most WINDOW commands are not settled.
   * @returns what `crash` gave, once each command has its PubAck or will never get one
   */
  async publish<Value>(crashAt: number, crash: () => Promise<Value>): Promise<Value> {
    const answers: Promise<void>[] = [];
    for (const command of this.commands.slice(0, crashAt)) {
      answers.push(this.#publish(command));
      await until("outcomes come", () => this.#published.size - this.outcomes.size < WINDOW);
    }
    const crashed = crash();
    for (const command of this.commands.slice(crashAt)) answers.push(this.#publish(command));
    await Promise.all(answers);
    return await crashed;
  }

  /** Sends what has no PubAck again, as the contract tells its callers to. */
  async publishUnsure(): Promise<void> {
    for (const command of this.#unsure) {
      await until("the log accepts again", async () => (await this.#client.publish(command)).kind === "ok");
    }
  }

  async #publish(command: JsonCommand): Promise<void> {
    this.#published.add(command.body.id);
    const { kind } = await this.#client.publish(command, REPLY);
    if (kind !== "ok") this.#unsure.add(command);
  }

  #note(outcome: Json): void {
    const id = String(outcome["id"]);
    if (outcome["replayed"] === false) this.outcomes.set(id, outcome);
  }
}

/** Every command has one outcome, for ever the same; no money came or went; nothing is left open. */
async function requireSettledOnce(site: Site, { commands, outcomes }: Burst): Promise<void> {
  await untilAllEnded(site.dataDir);
  const { client } = site;
  for (const command of commands) {
    const outcome = await client.outcome(command.owner, command.body.id);
    assert.ok(outcome, `${command.body.op} ${command.body.id} was accepted and is unknown`);
    assert.notEqual(outcome["status"], "pending");
    const told = outcomes.get(command.body.id);
    if (told) assert.deepEqual(outcome, told, "what was told before the kill is what is stored");
  }
  for (const command of commands.filter((_, index) => index % 10 === 0)) {
    const first = await client.outcome(command.owner, command.body.id);
    assert.deepEqual(await client.call(command), { ...first, replayed: true });
  }
  await until("every item is acknowledged", () => openMoves(site.dataDir).items === 0);
  for (const [asset, sum] of walletSums(site.dataDir)) assert.equal(sum, 0n, asset);
  requireClean(site.dataDir, true);
}

// ---- chosen moments ----

/** What is killed when an item of a kind is seen on its way to a peer's log. */
const ITEM_KILLS: readonly (readonly [Item["kind"], Exclude<Killed, "server">])[] = [
  ["apply", "engine"],
  ["result", "engine"],
  ["check", "engine"],
  ["prepare", "engine"],
  ["commit", "engine"],
  ["abort", "engine"],
  ["apply", "both"],
  ["commit", "both"],
];

test("a move over shards goes on after a kill at every kind of item that it sends", async (t) => {
  const site = await Site.start(t, { shards: SHARDS });
  let engine = await site.startEngine();
  const lanes = await Lanes.open(site);
  for (const [index, [kind, killed]] of ITEM_KILLS.entries()) {
    const command = lanes.commandWith(kind, idOf(7, index));
    const seen = nextItem(site, kind);
    await site.client.accepted(command);
    await within(`an item of the kind ${kind} passes`, seen);
    const server = killed === "both" ? site.nats.restart("kill") : undefined;
    await Promise.all([engine.kill(), server]);
    engine = await site.startEngine();
    const outcome = await site.client.settled(command, GO_ON_MS);
    assert.equal(outcome["status"], EXPECTED[kind], `${kind}, ${killed} killed`);
  }
  await untilAllEnded(site.dataDir);
  assert.deepEqual(walletSums(site.dataDir), new Map([["USD/2", 0n]]));
  requireClean(site.dataDir, true);
});

/** What becomes of the move that sends each kind of item. */
const EXPECTED: Readonly<Record<Item["kind"], string>> = {
  apply: "posted",
  result: "posted",
  check: "held",
  prepare: "posted",
  commit: "posted",
  abort: "refused",
};

/** One owner with money on each shard. */
class Lanes {
  readonly #owners: readonly string[];

  static async open({ client, shards }: Site): Promise<Lanes> {
    const owners = Array.from({ length: shards }, (_, shard) => ownerOnShard("lane", shard, shards));
    const wallets = ["world:usd", ...owners.map((owner) => `${owner}:usd`)];
    for (const [index, wallet] of wallets.entries()) await client.call(openCommand(idOf(6, index), wallet));
    for (const [index, owner] of owners.entries()) {
      await client.call(transferCommand(idOf(5, index), [`world:usd>${owner}:usd:10000`]));
    }
    return new Lanes(owners);
  }

  private constructor(owners: readonly string[]) {
    this.#owners = owners;
  }

  /** A command whose way through the shards has an item of the kind. */
  commandWith(kind: Item["kind"], id: string): JsonCommand {
    const [a, b, c, d] = this.#owners;
    const toTwo = [`${a}:usd>${b}:usd:1`, `${a}:usd>${c}:usd:2`];
    switch (kind) {
      case "apply":
      case "result":
        return transferCommand(id, [`${a}:usd>${b}:usd:5`]);
      case "check":
        return transferCommand(id, [`${a}:usd>${b}:usd:3`], { hold: { ttlMs: 60_000 } });
      case "prepare":
      case "commit":
        return transferCommand(id, toTwo);
      case "abort":
        return transferCommand(id, [...toTwo, `${a}:usd>${d}:missing:4`]);
    }
  }
}

/** Resolves as soon as a frame with an item of the kind passes on its way to any shard's log. */
async function nextItem(site: Site, kind: Item["kind"]): Promise<void> {
  const { nc } = site.client.connection;
  await new Promise<void>((resolve) => {
    const subscription = nc.subscribe("coffer.s.*.peer.*", {
      callback: (error, message) => {
        if (error === null && itemKinds(message.data).includes(kind)) {
          subscription.unsubscribe();
          resolve();
        }
      },
    });
  });
}

function itemKinds(data: Uint8Array): Item["kind"][] {
  const frame = decodePeerFrame(data);
  assert.ok(frame.ok);
  return frame.value.groups.flatMap((group) => {
    const items = decodeItems(group);
    return items.ok ? items.value.map(({ kind }) => kind) : [];
  });
}

test("a command that was accepted while no engine could read it is settled by the next engine", async (t) => {
  const site = await Site.start(t, { shards: SHARDS });
  const engine = await site.startEngine();
  const commands = [openCommand(idOf(1, 1), "world:usd"), openCommand(idOf(1, 2), "world:alt")];
  process.kill(engine.pid, "SIGSTOP");
  for (const command of commands) await site.client.accepted(command);
  await engine.kill();
  await site.startEngine();
  for (const command of commands) assert.equal((await site.client.settled(command))["status"], "open");
});

test("an outcome that was told is stored: a kill at the moment of the reply changes nothing", async (t) => {
  const site = await Site.start(t, { shards: SHARDS });
  let engine = await site.startEngine();
  const lanes = await Lanes.open(site);
  for (const [index, kind] of (["apply", "check", "prepare"] as const).entries()) {
    const command = lanes.commandWith(kind, idOf(2, index));
    const told = nextReply(site, engine);
    assert.equal((await site.client.publish(command, REPLY)).kind, "ok");
    const outcome = await within("the reply comes", told);
    await engine.exited;
    const file = shardPath(site.dataDir, shardOfOwner(command.owner, SHARDS));
    assert.equal(storedStatus(file, command.body.id), outcome["status"], "it was on disk before it was told");
    engine = await site.startEngine();
    assert.deepEqual(await site.client.outcome(command.owner, command.body.id), outcome);
  }
  await untilAllEnded(site.dataDir);
  requireClean(site.dataDir, true);
});

/** Kills the engine as soon as a reply comes; resolves with the outcome in it. */
async function nextReply(site: Site, engine: TestEngine): Promise<Json> {
  const { nc } = site.client.connection;
  return await new Promise((resolve) => {
    nc.subscribe(REPLY, {
      max: 1,
      callback: (error, message) => {
        process.kill(engine.pid, "SIGKILL");
        if (error === null) resolve(objectOf(message.json<unknown[]>()[0]));
      },
    });
  });
}

/** What a turn's COMMIT does with the write-ahead log, in this order. */
const COMMIT_STEPS = [
  ["write", "pwrite64"],
  ["sync", "fsync,fdatasync"],
] as const;

for (const [step, syscalls] of COMMIT_STEPS) {
  test(`a kill inside the ${step} of a turn loses nothing and applies nothing twice`, async (t) => {
    const site = await Site.start(t, { shards: SHARDS });
    const mix = new CommandMix(seed, SHARDS);
    let engine = await site.startEngine();
    for (const command of mix.opening()) await site.client.accepted(command);
    for (const nth of [2, 9]) {
      await untilAllEnded(site.dataDir);
      const ended = await inject(engine, { syscalls, fault: "signal=SIGKILL", nth });
      const commands = mix.take(40);
      for (const command of commands) await site.client.accepted(command);
      await ended();
      await engine.exited;
      engine = await site.startEngine();
      for (const command of commands) await site.client.settled(command);
    }
    await untilAllEnded(site.dataDir);
    requireClean(site.dataDir, true);
    for (const [asset, sum] of walletSums(site.dataDir)) assert.equal(sum, 0n, asset);
  });
}
