// Contract 4 and architecture 3: anybody may publish anything anywhere. Random bytes, damaged commands, frames and
// records, deep and huge messages, commands in the wrong log, records of other clusters, shards and epochs: the engine
// answers what can be answered, ignores the rest, and goes on; no money appears or goes; and a start that has to read
// all of it again comes to the same state.
// Every message is drawn from a seed that the test's name shows.
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import fc from "fast-check";
import { encodeCommandFrame } from "../../protocol/command-frame.ts";
import { decodeCommandMessage } from "../../protocol/command-json.ts";
import { isRefusedShape } from "../../protocol/decoded-command.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import type { OwnerRecord } from "../../protocol/owner-record.ts";
import { encodeOwnerRecord } from "../../protocol/owner-record-codec.ts";
import { encodePeerFrame } from "../../protocol/peer-frame-codec.ts";
import { clusterOf } from "../support/engine.ts";
import { type Installation, install, started } from "./installation.ts";
import { isObject } from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn, withId } from "./outside-caller.ts";

const SEED = 20_261_122;
const SHARDS = [0, 1, 2, 3];
let installation: Installation;
let caller: OutsideCaller;
const owners = SHARDS.map((shard) => ownerOn(shard, "owner"));
const [alice = "", bob = ""] = owners;

before(async () => {
  installation = await install();
  caller = await installation.caller();
  for (const owner of owners) {
    await caller.must("open", { op: "open", wallet: `${owner}:mint`, asset: "USD/2", min: "unlimited" });
    await caller.must("open", { op: "open", wallet: `${owner}:usd`, asset: "USD/2" });
    await caller.must("posted", pay(`${owner}:mint`, `${owner}:usd`, "1000"));
  }
});

afterEach(assertAlive);

after(() => installation.stop());

function pay(from: string, to: string, amount: string, more: Json = {}): Json {
  return { op: "transfer", from, to, amount, ...more };
}

/** Every shard is active, moves money within itself and to the next, and nothing has appeared or gone. */
async function assertAlive(): Promise<void> {
  for (const shard of SHARDS) {
    const status: unknown = (await caller.request(`coffer.admin.status.${shard}`)).json();
    assert(isObject(status));
    assert.equal(status["state"], "active", JSON.stringify(status));
  }
  for (const [shard, owner] of owners.entries()) {
    const next = owners[(shard + 1) % owners.length] ?? owner;
    await caller.must("posted", pay(`${owner}:mint`, `${next}:usd`, "1"));
  }
  await assertQuiet(caller);
}

/** Publishes bodies on a subject and waits until the server has stored the last one. */
async function publishAll(subject: string, bodies: readonly Uint8Array[], reply?: string): Promise<void> {
  for (const body of bodies) await caller.appendTo(subject, body, { reply });
}

function sample(arbitrary: fc.Arbitrary<Uint8Array>, count: number): Uint8Array[] {
  return fc.sample(arbitrary, { seed: SEED, numRuns: count });
}

/** A message with some of its bytes changed, cut out, doubled or moved. */
function damaged(bodies: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.tuple(
    fc.constantFrom("set", "cut", "double", "insert"),
    fc.nat(),
    fc.nat({ max: 255 }),
    fc.nat({ max: 40 }),
  );
  return fc
    .tuple(fc.constantFrom(...bodies), fc.array(edit, { minLength: 1, maxLength: 6 }))
    .map(([body, edits]) => {
      let bytes = Buffer.from(body);
      for (const [kind, place, value, length] of edits) {
        const at = bytes.length === 0 ? 0 : place % bytes.length;
        const [left, right] = [bytes.subarray(0, at), bytes.subarray(at)];
        if (kind === "set") bytes = Buffer.concat([left, Buffer.of(value), right.subarray(1)]);
        if (kind === "cut") bytes = Buffer.concat([left, right.subarray(length)]);
        if (kind === "double") bytes = Buffer.concat([left, right.subarray(0, length), right]);
        if (kind === "insert") bytes = Buffer.concat([left, Buffer.alloc(length, value), right]);
      }
      return bytes;
    });
}

const random = fc.uint8Array({ maxLength: 300 });

/** One valid message of each operation. */
function validCommands(): Json[] {
  const [mine, theirs] = [`${alice}:usd`, `${bob}:usd`];
  const meta = { a: [1, "x", null], b: { c: true } };
  return [
    { op: "open", wallet: `${alice}:new`, asset: "USD/2", min: "-5", max: "50", meta },
    pay(mine, theirs, "2", { code: "c", ref: "r", meta, ifVersion: { [mine]: "2" } }),
    {
      op: "transfer",
      legs: [pay(mine, theirs, "1"), pay(theirs, mine, "1")].map(({ op: _, ...leg }) => leg),
    },
    pay(mine, theirs, "2", { hold: { ttlMs: 50 } }),
    { op: "capture", hold: newId(), amount: "1", final: false },
    { op: "release", hold: newId() },
    { op: "reverse", transfer: newId(), amount: "1" },
    { op: "freeze", wallet: `${alice}:new`, reason: "r" },
    { op: "limit", wallet: `${alice}:new`, max: "60" },
  ].map(withId);
}

function frameOf(list: readonly Json[]): Uint8Array {
  const tenant = parseTenant("demo");
  assert(tenant);
  const context = { tenant, owner: parseOwner(alice) ?? null, shard: null, shards: 4 };
  const commands = decodeCommandMessage(Buffer.from(JSON.stringify(list)), context).flatMap((each) =>
    isRefusedShape(each) ? [] : [each.command],
  );
  assert.equal(commands.length, list.length);
  return encodeCommandFrame({ reply: "coffer.res.demo.fuzz", commands });
}

describe(`what anybody may publish (seed ${SEED})`, () => {
  const into = `coffer.cmd.demo.${alice}`;
  const reply = "coffer.res.demo.fuzz";

  test("random bytes as commands", () => publishAll(into, sample(random, 300), reply));

  test("damaged commands", async () => {
    const whole = validCommands();
    const bodies = [...whole, whole].map((body) => Buffer.from(JSON.stringify(body)));
    await publishAll(into, sample(damaged(bodies), 600), reply);
  });

  test("damaged commands over call and reads over get are answered, each of them", async () => {
    const calls = validCommands().map((body) => Buffer.from(JSON.stringify(body)));
    const reads = [
      { get: "owner" },
      { get: "wallet", wallet: `${alice}:usd` },
      { get: "entries", wallet: `${alice}:usd`, limit: 5, after: "1" },
      { get: "holds", limit: 5 },
      { get: "outcome", id: newId() },
    ].map((body) => Buffer.from(JSON.stringify(body)));
    const asked = [
      ...sample(damaged(calls), 200).map((body) => caller.ask("call", alice, body)),
      ...sample(damaged(reads), 200).map((body) => caller.ask("get", alice, body)),
      ...sample(random, 100).flatMap((body) => [
        caller.ask("call", alice, body),
        caller.ask("get", alice, body),
      ]),
    ];
    for (const answer of await Promise.all(asked)) assert(isObject(answer));
  });

  test("random bytes and damaged frames as frames", async () => {
    const frames = [frameOf(validCommands()), ...validCommands().map((command) => frameOf([command]))];
    await publishAll("coffer.s.0.frame.demo", [...sample(random, 200), ...sample(damaged(frames), 500)]);
  });

  test("frames and commands in the log of another shard", async () => {
    const commands = validCommands();
    for (const shard of [1, 2, 3]) {
      await publishAll(`coffer.s.${shard}.frame.demo`, [frameOf(commands)]);
      await publishAll(`coffer.s.${shard}.cmd.demo.${alice}`, [Buffer.from(JSON.stringify(commands))]);
    }
    for (const { id } of commands) {
      assert.equal(await caller.readFailure(alice, { get: "outcome", id }), "outcome_not_found");
    }
  });

  test("tenants and owners that are none", async () => {
    const body = Buffer.from(JSON.stringify(validCommands()));
    const subjects = [
      "demo.*",
      "demo.a b",
      "DEMO.alice",
      `demo.${"o".repeat(65)}`,
      "demo.é",
      `${"t".repeat(33)}.alice`,
    ];
    for (const subject of subjects) {
      caller.nc.publish(`coffer.s.0.cmd.${subject.replace(" ", "%")}`, body);
      caller.nc.publish(`coffer.cmd.${subject.replace(" ", "%")}`, body);
    }
    await publishAll("coffer.s.0.frame.NOBODY", [body]);
  });

  const deep = 100_000;
  const HUGE: readonly (readonly [string, string, number?])[] = [
    ["100,000 open brackets", "[".repeat(deep)],
    ["100,000 nested lists", "[".repeat(deep) + "]".repeat(deep)],
    ["100,000 nested objects", `${'{"a":'.repeat(80_000)}1${"}".repeat(80_000)}`],
    [
      "an id of 400,000 characters",
      JSON.stringify({ ...pay(`${alice}:usd`, `${bob}:usd`, "1"), id: "x".repeat(400_000) }),
    ],
    [
      "an amount of 400,000 digits",
      JSON.stringify(withId(pay(`${alice}:usd`, `${bob}:usd`, "9".repeat(400_000)))),
    ],
    ["a field named by 400,000 characters", JSON.stringify({ ["f".repeat(400_000)]: 1 })],
    [
      "100,000 fields",
      JSON.stringify(Object.fromEntries(Array.from({ length: 40_000 }, (_, n) => [`f${n}`, n]))),
    ],
    [
      "__proto__ and its friends",
      '{"op":"__proto__","id":"constructor","__proto__":{"op":"open"},"toString":1}',
    ],
    ["an operation named like a method", '{"op":"toString","id":"hasOwnProperty"}'],
    [
      "a wallet named like a method",
      `{"op":"open","id":"${newId()}","wallet":"${alice}:__proto__","asset":"USD/2"}`,
    ],
    ["1,001 commands", JSON.stringify(Array.from({ length: 1001 }, () => ({})))],
    ["1,000 empty commands", JSON.stringify(Array.from({ length: 1000 }, () => ({}))), 1000],
    ["more than 512 KiB", " ".repeat(600_000)],
    ["almost 1 MiB", JSON.stringify(Array.from({ length: 900 }, () => "x".repeat(1000)))],
  ];
  for (const [name, body, count = 1] of HUGE) {
    test(`${name}: refused`, async () => {
      const outcomes = await caller.sendRaw(alice, Buffer.from(body), count);
      assert(outcomes.every(({ status }) => status === "refused" || status === "open"));
    });
  }
});

describe(`what only engines should publish (seed ${SEED})`, () => {
  const SUBJECTS = [
    "peer.0",
    "peer.2",
    "peer.3",
    "peer.1",
    "peer.99",
    "peer.x",
    "owner",
    "epoch",
    "quarantine",
  ].map((name) => `coffer.s.1.${name}`);
  const zero = { number: 0, hash: new Uint8Array(16) };

  /** A frame of items that would be the next ones, and an acknowledgement of what was never sent. */
  function peerFrame(cluster: string, from: number, to: number): Uint8Array {
    const items = [Buffer.from("an item"), Buffer.from("another")];
    const acked = { number: 5, hash: new Uint8Array(16).fill(1) };
    return encodePeerFrame({
      cluster,
      from,
      to,
      epoch: 9,
      acked,
      resend: true,
      before: zero,
      lowestKept: 1,
      groups: items,
    });
  }

  function ownerRecords(cluster: string, shard: number, epoch: number): Uint8Array[] {
    const stamp = { cluster, shard, epoch };
    const records: OwnerRecord[] = [
      { kind: "epoch", ...stamp, node: "impostor", codeVersion: 1 },
      { kind: "tick", ...stamp, touches: [] },
      { kind: "quarantine", ...stamp, position: 3, unit: { kind: "command", index: 0 }, codeVersion: 1 },
    ];
    return records.map(encodeOwnerRecord);
  }

  test("random bytes", async () => {
    for (const subject of SUBJECTS) await publishAll(subject, sample(random, 60));
  });

  test("records of another cluster, whatever epoch they claim", async () => {
    const bodies = [
      ...SHARDS.map((from) => peerFrame("another-cluster", from, 1)),
      ...[1, 2, 99, Number.MAX_SAFE_INTEGER].flatMap((epoch) => ownerRecords("another-cluster", 1, epoch)),
    ];
    for (const subject of SUBJECTS) await publishAll(subject, bodies);
  });

  test("records of this cluster for another shard", async () => {
    const cluster = clusterOf(installation.dataDir);
    const bodies = [
      peerFrame(cluster, 0, 2),
      peerFrame(cluster, 1, 1),
      peerFrame(cluster, 99, 1),
      ...ownerRecords(cluster, 2, 99),
      ...ownerRecords(cluster, 65_535, 99),
    ];
    for (const subject of SUBJECTS) await publishAll(subject, bodies);
  });

  test("records of this shard from an epoch that is over or not begun, on subjects that are not theirs", async () => {
    const cluster = clusterOf(installation.dataDir);
    const [epochOne, tickOne] = ownerRecords(cluster, 1, 1);
    const [, tickLater] = ownerRecords(cluster, 1, 99);
    assert(epochOne && tickOne && tickLater);
    await publishAll("coffer.s.1.epoch", [epochOne, tickOne, tickLater]);
    await publishAll("coffer.s.1.owner", [epochOne, tickLater]);
    await publishAll("coffer.s.1.peer.0", [epochOne, tickOne]);
  });

  test("damaged records of another cluster", async () => {
    const bodies = [peerFrame("another-cluster", 0, 1), ...ownerRecords("another-cluster", 1, 7)];
    for (const subject of SUBJECTS) await publishAll(subject, sample(damaged(bodies), 60));
  });

  test("records of a version to come, of another cluster or of none", async () => {
    const bodies = [peerFrame("another-cluster", 0, 1), ...ownerRecords("another-cluster", 1, 7)].map(
      (body) => {
        const later = Buffer.from(body);
        later[1] = 2;
        return later;
      },
    );
    for (const subject of SUBJECTS)
      await publishAll(subject, [...bodies, Buffer.of(0x91, 2), Buffer.of(0x92, 5, 1)]);
  });
});

describe("with all of that in the logs", () => {
  test("an engine that is killed starts again", () => installation.restart("kill"));

  test("an engine without files reads the logs from their beginning and comes to the same state", async () => {
    const states = await Promise.all([...caller.owners].map((owner) => caller.wallets(owner)));
    await installation.engine().end();
    const dataDir = await mkdtemp(join(tmpdir(), "coffer-data-"));
    await cp(join(installation.dataDir, "coffer.json"), join(dataDir, "coffer.json"));
    const engine = await started({ natsUrl: installation.nats.url, dataDir });
    try {
      assert.deepEqual(await Promise.all([...caller.owners].map((owner) => caller.wallets(owner))), states);
      await assertQuiet(caller);
    } finally {
      await engine.end();
      await rm(dataDir, { recursive: true, force: true });
      await installation.restart();
    }
  });
});
