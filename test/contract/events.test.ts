// Contract 4, events: one for each command or step that changed a wallet on a shard, in unbroken chains per tenant and
// shard, at least once; also over restarts of the engine. A command that settles in a record without changing a wallet
// is told too, with no wallets. Read from the stream itself and compared with the entries that the wallets show.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { until } from "../support/condition.ts";
import { type Installation, install } from "./installation.ts";
import {
  assertEventMessage,
  type EntryJson,
  type EventJson,
  type EventMessageJson,
  isObject,
} from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn } from "./outside-caller.ts";

const SHARDS = [0, 1, 2, 3];
let installation: Installation;
let caller: OutsideCaller;
let other: OutsideCaller;
const alice = ownerOn(0, "alice");
const bob = ownerOn(1, "bob");
const carol = ownerOn(2, "carol");
const mint = `${alice}:mint`;
const mine = `${alice}:usd`;
const theirs = `${bob}:usd`;
const hers = `${carol}:usd`;

/** One message of the event stream, with the subject that it came on. */
interface Told {
  readonly tenant: string;
  readonly shard: string;
  readonly message: EventMessageJson;
}

before(async () => {
  installation = await install();
  caller = await installation.caller();
  other = await installation.caller("other");
  await caller.must("open", { op: "open", wallet: mint, asset: "USD/2", min: "unlimited" });
  for (const wallet of [mine, theirs, hers])
    await caller.must("open", { op: "open", wallet, asset: "USD/2" });
  await caller.must("posted", pay(mint, mine, "10000"));
});

after(() => installation.stop());

function pay(from: string, to: string, amount: string, more: Json = {}): Json {
  return { op: "transfer", from, to, amount, ...more };
}

/** Everything in the event stream, once no shard has anything left to publish. */
async function allTold(): Promise<Told[]> {
  await until("events are published", async () => (await eventsPending()) === 0);
  const info: unknown = (await caller.request("$JS.API.STREAM.INFO.COFFER_EVT")).json();
  assert(isObject(info) && isObject(info["state"]));
  const told: Told[] = [];
  for (let seq = 1; seq <= Number(info["state"]["last_seq"]); seq += 1) told.push(await toldAt(seq));
  return told;
}

async function eventsPending(): Promise<number> {
  let pending = 0;
  for (const shard of SHARDS) {
    const status: unknown = (await caller.request(`coffer.admin.status.${shard}`)).json();
    assert(isObject(status));
    pending += Number(status["eventsPending"]);
  }
  return pending;
}

async function toldAt(seq: number): Promise<Told> {
  const answer: unknown = (
    await caller.request("$JS.API.STREAM.MSG.GET.COFFER_EVT", JSON.stringify({ seq }))
  ).json();
  assert(isObject(answer) && isObject(answer["message"]));
  const { subject, data } = answer["message"];
  assert(typeof subject === "string" && typeof data === "string");
  const [coffer, evt, tenant = "", shard = "", ...rest] = subject.split(".");
  assert.deepEqual([coffer, evt, rest], ["coffer", "evt", []]);
  const message: unknown = JSON.parse(Buffer.from(data, "base64").toString("utf8"));
  assertEventMessage(message);
  return { tenant, shard, message };
}

/** The events of one tenant on one shard, each once. Fails on a gap, on disorder, and on two events of one id. */
function chainOf(told: readonly Told[], tenant: string, shard: number): EventJson[] {
  const chain: EventJson[] = [];
  const known = new Map<string, EventJson>();
  for (const { tenant: of, shard: place, message } of told) {
    if (of !== tenant || place !== String(shard)) continue;
    const isKnown =
      message.previous === "0" ? chain.length === 0 || known.has(message.from) : known.has(message.previous);
    assert(isKnown, `a gap before ${message.from}: ${message.previous} was not told`);
    for (const event of message.events) {
      const first = known.get(event.id);
      if (first) {
        assert.deepEqual(event, first, "told again, an event is equal");
        continue;
      }
      const previous = event === message.events[0] ? message.previous : (chain.at(-1)?.id ?? "0");
      assert.equal(previous, chain.at(-1)?.id ?? "0", `${event.id} follows the event before it`);
      assert(!chain.length || isLater(event.id, chain.at(-1)?.id ?? ""), `${event.id} comes later`);
      assert.equal(event.id.split(":")[0], String(shard));
      chain.push(event);
      known.set(event.id, event);
    }
  }
  return chain;
}

function isLater(id: string, than: string): boolean {
  const [, position, index] = id.split(":").map(Number);
  const [, before, indexBefore] = than.split(":").map(Number);
  return Number(position) > Number(before) || (position === before && Number(index) > Number(indexBefore));
}

/** The events of one command on one shard, in short. */
function eventsOf(told: readonly Told[], shard: number, command: unknown): string[] {
  return chainOf(told, "demo", shard)
    .filter((event) => event.command === command)
    .map(({ op, status, wallets }) => `${op} ${status} ${Object.keys(wallets).sort().join()}`);
}

describe("what each command tells", () => {
  const LOCAL: readonly (readonly [Json, string])[] = [
    [{ op: "open", wallet: `${alice}:life`, asset: "USD/2" }, `open open ${alice}:life`],
    [pay(mine, `${alice}:life`, "10"), `transfer posted ${alice}:life,${mine}`],
    [pay(`${alice}:life`, mine, "10"), `transfer posted ${alice}:life,${mine}`],
    [{ op: "freeze", wallet: `${alice}:life`, reason: "r" }, `freeze done ${alice}:life`],
    [{ op: "unfreeze", wallet: `${alice}:life`, reason: "r" }, `unfreeze done ${alice}:life`],
    [{ op: "limit", wallet: `${alice}:life`, max: "9" }, `limit done ${alice}:life`],
    [{ op: "close", wallet: `${alice}:life`, reason: "r" }, `close done ${alice}:life`],
  ];

  test("inside one shard: one event with its terminal status", async () => {
    for (const [command, expected] of LOCAL) {
      const { id } = await caller.do(command);
      assert.deepEqual(eventsOf(await allTold(), 0, id), [expected]);
    }
  });

  test("over two shards: pending while it is reserved, then posted; pending on the other side", async () => {
    const { id } = await caller.must("posted", pay(mine, theirs, "100", { ref: "order-7" }));
    const told = await allTold();
    assert.deepEqual(eventsOf(told, 0, id), [`transfer pending ${mine}`, `transfer posted ${mine}`]);
    assert.deepEqual(eventsOf(told, 1, id), [`transfer pending ${theirs}`]);
    const event = chainOf(told, "demo", 1).find(({ command }) => command === id);
    assert.equal(event?.ref, "order-7");
    assert.deepEqual(event?.wallets[theirs], {
      posted: "100",
      held: "0",
      incoming: "0",
      available: "100",
      version: "2",
    });
  });

  test("over three shards: reservation and posting on every side, and last that it is posted", async () => {
    const legs = [theirs, hers].map((to) => ({ from: mine, to, amount: "5" }));
    const { id, position } = await caller.must("posted", { op: "transfer", legs });
    const told = await allTold();
    const pending = `transfer pending ${mine}`;
    assert.deepEqual(eventsOf(told, 0, id), [pending, pending, "transfer posted "]);
    const settled = chainOf(told, "demo", 0).findLast(({ command }) => command === id);
    assert.deepEqual([settled?.id.split(":")[1], settled?.wallets], [position, {}]);
    for (const [shard, wallet] of [
      [1, theirs],
      [2, hers],
    ] as const) {
      assert.deepEqual(eventsOf(told, shard, id), [
        `transfer pending ${wallet}`,
        `transfer pending ${wallet}`,
      ]);
    }
  });

  test("a hold for another shard's wallet: pending while that is checked, then held", async () => {
    const { id: hold } = await caller.must("held", pay(mine, theirs, "50", { hold: { ttlMs: 60_000 } }));
    const { id: capture } = await caller.must("captured", { op: "capture", hold }, alice);
    const told = await allTold();
    assert.deepEqual(eventsOf(told, 0, hold), [`transfer pending ${mine}`, "transfer held "]);
    assert.deepEqual(eventsOf(told, 0, capture), [`capture captured ${mine}`]);
    assert.deepEqual(
      [eventsOf(told, 1, hold), eventsOf(told, 1, capture)],
      [[], [`capture pending ${theirs}`]],
    );
  });

  test("a hold, its captures and its release", async () => {
    const { id: hold } = await caller.must(
      "held",
      pay(mine, `${alice}:mint`, "50", { hold: { ttlMs: 60_000 } }),
    );
    const { id: capture } = await caller.must(
      "captured",
      { op: "capture", hold, amount: "20", final: false },
      alice,
    );
    const { id: release } = await caller.must("released", { op: "release", hold }, alice);
    const told = await allTold();
    assert.deepEqual(eventsOf(told, 0, hold), [`transfer held ${mine}`]);
    assert.deepEqual(eventsOf(told, 0, capture), [`capture captured ${mint},${mine}`]);
    assert.deepEqual(eventsOf(told, 0, release), [`release released ${mine}`]);
  });

  test("an expiry is an event of its own: op expire, its command is the hold", async () => {
    const { id: hold, time } = await caller.must("held", pay(mine, mint, "50", { hold: { ttlMs: 20 } }));
    while (Date.now() <= Date.parse(time) + 20) await caller.outcome(alice, hold);
    await caller.wallet(mine);
    assert.deepEqual(eventsOf(await allTold(), 0, hold), [`transfer held ${mine}`, `expire expired ${mine}`]);
  });

  test("a reverse over two shards", async () => {
    const { id: transfer } = await caller.must("posted", pay(mine, theirs, "7"));
    const { id } = await caller.must("reversed", { op: "reverse", transfer }, alice);
    const told = await allTold();
    assert.deepEqual(eventsOf(told, 0, id), [`reverse pending ${mine}`, `reverse reversed ${mine}`]);
    assert.deepEqual(eventsOf(told, 1, id), [`reverse pending ${theirs}`]);
  });

  test("a move that another shard refuses: reserved, then refused when it is given back", async () => {
    const { id } = await caller.must("wallet_not_found", pay(mine, `${bob}:missing`, "7"));
    const told = await allTold();
    assert.deepEqual(eventsOf(told, 0, id), [`transfer pending ${mine}`, `transfer refused ${mine}`]);
    assert.deepEqual(eventsOf(told, 1, id), []);
  });

  test("a refusal, a shape, a copy and what is so already tell nothing", async () => {
    const before = (await allTold()).length;
    await caller.must("insufficient_funds", pay(mine, mint, "99999999"));
    await caller.must("malformed", { op: "limit", wallet: mine });
    await caller.must("done", { op: "unfreeze", wallet: mine, reason: "r" });
    await caller.must("open", { op: "open", wallet: mine, asset: "USD/2" });
    const command = { ...pay(mine, mint, "1"), id: newId() };
    await caller.must("posted", command);
    await caller.must("posted", command);
    await caller.must("id_conflict", pay(mine, mint, "2", { id: command.id }));
    assert.equal((await allTold()).length, before + 1);
  });

  test("many commands of one message are one message of events, in order, with the index in the record", async () => {
    const commands = Array.from({ length: 20 }, () => ({ ...pay(mint, mine, "1"), id: newId() }));
    const [first] = await caller.send(alice, commands);
    const { message } = (await allTold()).at(-1) ?? assert.fail("nothing was told");
    assert.deepEqual(
      message.events.map(({ id, command }) => [id, command]),
      commands.map(({ id }, index) => [`0:${first?.position}:${index}`, id]),
    );
    assert(message.events.every(({ time }) => time === first?.time));
  });
});

test("tenants are told apart, and each has a chain of its own in a shard", async () => {
  for (let round = 0; round < 3; round += 1) {
    await other.must("open", {
      op: "open",
      wallet: `${ownerOn(0, "zoe", { tenant: "other" })}:w${round}`,
      asset: "EUR/2",
    });
    await caller.must("posted", pay(mint, mine, "1"));
  }
  const told = await allTold();
  const theirChain = chainOf(told, "other", 0);
  assert.deepEqual(
    theirChain.map(({ op }) => op),
    ["open", "open", "open"],
  );
  assert.equal(told.find(({ tenant }) => tenant === "other")?.message.previous, "0");
});

describe("while the event stream takes nothing", () => {
  for (const how of ["stays", "is killed before it could tell them"] as const) {
    test(`events wait, and are told when it does again; the engine ${how}`, async () => {
      const before = (await allTold()).length;
      const info: unknown = (await caller.request("$JS.API.STREAM.INFO.COFFER_EVT")).json();
      assert(isObject(info) && isObject(info["config"]));
      await setStream({ ...info["config"], subjects: ["nobody.publishes.here"] });
      for (let round = 0; round < 5; round += 1) await caller.must("posted", pay(mint, theirs, "1"));
      await caller.must("posted", pay(theirs, mint, "5"));
      assert((await eventsPending()) > 0);
      if (how !== "stays") await installation.engine().kill();
      await setStream(info["config"]);
      if (how !== "stays") await installation.restart();
      assert((await allTold()).length > before);
      await assertQuiet(caller);
      await assertEveryChangeTold();
    });
  }

  async function setStream(config: Json): Promise<void> {
    const request = JSON.stringify(config);
    const answer: unknown = (await caller.request("$JS.API.STREAM.UPDATE.COFFER_EVT", request)).json();
    assert(isObject(answer) && answer["error"] === undefined, JSON.stringify(answer));
  }
});

describe("over restarts of the engine", () => {
  for (const how of ["end", "kill"] as const) {
    test(`after ${how} under load the chains go on, and each change is told`, async () => {
      const pending = Array.from({ length: 60 }, (_, index) => {
        const [from, to] = index % 3 === 0 ? [mine, theirs] : [mint, mine];
        return { ...pay(from, to, "1"), id: newId() };
      });
      await Promise.all(pending.map((command) => caller.append(alice, command)));
      await installation.restart(how);
      for (const command of pending) await caller.must("posted", command);
      await caller.must("posted", pay(mine, hers, "3"));
      await assertQuiet(caller);
      await assertEveryChangeTold();
    });
  }
});

/** Each entry of each wallet is in exactly one event, with what the wallet had after it; and nothing else is told. */
async function assertEveryChangeTold(): Promise<void> {
  const told = await allTold();
  const changes = new Map<string, string>();
  for (const shard of SHARDS) {
    for (const { id, command, wallets } of chainOf(told, "demo", shard)) {
      for (const [name, { posted, held, incoming, version }] of Object.entries(wallets)) {
        const key = `${name}@${version}`;
        assert(!changes.has(key), `${key} is told twice`);
        changes.set(key, `${id.split(":")[1]} ${command} ${posted} ${held} ${incoming}`);
      }
    }
  }
  let entries = 0;
  for (const owner of caller.owners) {
    for (const { wallet } of await caller.wallets(owner)) {
      for (const { version, position, command, balance } of await allEntries(wallet)) {
        entries += 1;
        const { posted, held, incoming } = balance;
        assert.equal(
          changes.get(`${wallet}@${version}`),
          `${position} ${command} ${posted} ${held} ${incoming}`,
        );
      }
    }
  }
  assert.equal(changes.size, entries);
}

async function allEntries(wallet: string): Promise<EntryJson[]> {
  const rows: EntryJson[] = [];
  let cursor: string | undefined;
  do {
    const page = await caller.entries(wallet, { limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    rows.push(...page.rows);
    cursor = page.next;
  } while (cursor !== undefined);
  return rows;
}
