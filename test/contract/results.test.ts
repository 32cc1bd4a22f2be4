// Contract 4, outputs: outcomes go to the literal subject that Coffer-Reply (or a frame) names, and only when it lies
// under the tenant's own result prefix; large outputs are split; and a NATS reply subject that points into a stream,
// so that the server writes its PubAck there, changes nothing but that shard's position.
// Guards against: an engine that publishes where a caller tells it to.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { encodeCommandFrame } from "../../protocol/command-frame.ts";
import { decodeCommandMessage } from "../../protocol/command-json.ts";
import { isRefusedShape } from "../../protocol/decoded-command.ts";
import { parseTenant } from "../../protocol/names.ts";
import { decodeOutcomes } from "../../protocol/outcome-codec.ts";
import { outcomeToJson } from "../../protocol/outcome-json.ts";
import { until } from "../support/condition.ts";
import { statusOf, untilDelivered } from "./delivered.ts";
import { type Installation, install } from "./installation.ts";
import { assertOutcome, isObject, type OutcomeJson } from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn, withId } from "./outside-caller.ts";

let installation: Installation;
let caller: OutsideCaller;
const alice = ownerOn(0, "alice");
const bob = ownerOn(1, "bob");
const mint = `${alice}:mint`;
const mine = `${alice}:usd`;
const theirs = `${bob}:usd`;
const tenant = parseTenant("demo");

before(async () => {
  installation = await install();
  caller = await installation.caller();
  await caller.must("open", { op: "open", wallet: mint, asset: "USD/2", min: "unlimited" });
  await caller.must("open", { op: "open", wallet: mine, asset: "USD/2" });
  await caller.must("open", { op: "open", wallet: theirs, asset: "USD/2" });
});

afterEach(async () => {
  await assertQuiet(caller);
});

after(() => installation.stop());

function pay(more: Json = {}): Json {
  return { op: "transfer", from: mint, to: mine, amount: "1", ...more };
}

async function positionOf(shard: number): Promise<number> {
  return Number((await statusOf(caller, shard))["position"]);
}

/** The position of a shard once nothing is on its way: an earlier move's acknowledgement would move it by itself. */
async function quietPositionOf(shard: number): Promise<number> {
  await untilDelivered(caller);
  return await positionOf(shard);
}

/** The subjects of all messages with outcomes that anybody hears while `run` runs, until the engine has answered once more. */
async function toldWhile(run: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = [];
  const subscription = caller.nc.subscribe(">", {
    callback: (_, message) => {
      if (Buffer.from(message.data).includes("replayed")) told.push(message.subject);
    },
  });
  await run();
  await caller.send(alice, [pay()]);
  await caller.nc.flush();
  subscription.unsubscribe();
  return told;
}

describe("a Coffer-Reply that gets no outcomes", () => {
  const REPLIES = [
    "coffer.res.other.me",
    "coffer.res.demo",
    "coffer.res.demo.",
    "coffer.res.demo.*",
    "coffer.res.demo.>",
    "coffer.res.demo.a.*.b",
    "coffer.res.demo..a",
    "coffer.res.demo.a b",
    "coffer.res.demo.a\tb",
    "coffer.res.demox.a",
    "coffer.res.>",
    "coffer.res.*.a",
    "coffer.evt.demo.0",
    "coffer.cmd.demo.bob",
    "coffer.s.1.cmd.demo.bob",
    "coffer.s.1.peer.0",
    "coffer.s.1.epoch",
    "$JS.API.STREAM.PURGE.COFFER_S1",
    "$JS.API.STREAM.DELETE.COFFER_S1",
    "_INBOX.somebody",
    "me",
    "",
    `coffer.res.demo.${"a".repeat(300)}`,
  ];
  for (const reply of REPLIES) {
    test(JSON.stringify(reply).slice(0, 60), async () => {
      const id = newId();
      const before = await quietPositionOf(1);
      const told = await toldWhile(() => caller.append(alice, { ...pay(), id }, { reply }));
      assert.equal(told.length, 1, `only the command after it is answered: ${told.join()}`);
      assert.equal((await caller.outcome(alice, id)).status, "posted", "the command itself counts");
      assert.equal(await positionOf(1), before);
    });
  }

  test("a forged call header answers nobody and disturbs nothing", async () => {
    const more = { "Coffer-Call": "token.1" };
    await caller.append(alice, { ...pay(), id: newId() }, { more });
    const reply = caller.resultSubject();
    const outcomes = caller.collect(reply, 1);
    await caller.append(alice, { ...pay(), id: newId() }, { reply, more });
    assert.equal((await outcomes)[0]?.status, "posted");
  });

  test("of two tenants each is answered under its own prefix only", async () => {
    const stranger = await installation.caller("other");
    const reply = "coffer.res.demo.mine";
    const heard: string[] = [];
    const subscription = caller.nc.subscribe("coffer.res.demo.mine", {
      callback: (_, { subject }) => {
        heard.push(subject);
      },
    });
    await stranger.append(alice, { op: "open", id: newId(), wallet: mine, asset: "USD/2" }, { reply });
    const [own] = await stranger.send(alice, [{ op: "open", wallet: mine, asset: "USD/2" }]);
    assert.equal(own?.status, "open");
    await caller.nc.flush();
    subscription.unsubscribe();
    assert.deepEqual(heard, []);
  });
});

describe("a NATS reply that points into a stream, so that the server stores its PubAck there,", () => {
  const INTO = [
    "coffer.s.1.peer.0",
    "coffer.s.1.peer.2",
    "coffer.s.1.peer.99",
    "coffer.s.1.owner",
    "coffer.s.1.epoch",
    "coffer.s.1.quarantine",
    "coffer.s.1.frame.demo",
    `coffer.s.1.cmd.demo.${bob}`,
  ];
  for (const reply of INTO) {
    test(`${reply.replace(bob, "bob")}: moves that shard's position by one and changes nothing else`, async () => {
      const before = [await quietPositionOf(1), await caller.balance(theirs)];
      caller.nc.publish(`coffer.cmd.demo.${alice}`, JSON.stringify({ ...pay(), id: newId() }), { reply });
      await reached(1, Number(before[0]) + 1);
      assert.equal(await caller.balance(theirs), before[1]);
      await caller.must("posted", pay({ to: theirs }));
      await caller.must("posted", { op: "transfer", from: theirs, to: mine, amount: "1" });
      await assertTicks();
    });
  }

  test("and so does one of the PubAcks of the event stream or of an API answer", async () => {
    const before = await quietPositionOf(1);
    caller.nc.publish("$JS.API.STREAM.INFO.COFFER_S1", "", { reply: "coffer.s.1.peer.0" });
    await reached(1, before + 1);
    await caller.must("posted", pay({ to: theirs }));
  });

  /** The owner's own records still find their way: a hold on shard 1 expires by itself. */
  async function assertTicks(): Promise<void> {
    await caller.must("posted", pay({ to: theirs }));
    const ttlMs = 20;
    const { id } = await caller.must("held", {
      op: "transfer",
      from: theirs,
      to: mine,
      amount: "1",
      hold: { ttlMs },
    });
    await until("the hold expires", async () => {
      const answer = await caller.ask("get", bob, { get: "holds", limit: 1 });
      assert(isObject(answer), "a read is answered");
      const [hold] = Array.isArray(answer["holds"]) ? answer["holds"] : [];
      return hold?.id === id && hold.status === "expired";
    });
  }

  async function reached(shard: number, position: number): Promise<void> {
    await until(`shard ${shard} is at ${position}`, async () => (await positionOf(shard)) >= position);
  }
});

describe("outputs larger than a message may be", () => {
  test("1,000 outcomes with 128 balances each come in parts, in order, each below max_payload", async () => {
    const owner = ownerOn(0, "x".repeat(60));
    const purse = (number: number): string => `${owner}:${String(number).padStart(32, "p")}`;
    const opens = Array.from({ length: 128 }, (_, number) => ({
      op: "open",
      wallet: purse(number),
      asset: "USD/2",
      min: "unlimited",
    }));
    await caller.send(owner, opens);
    const legs = Array.from({ length: 64 }, (_, number) => ({
      from: purse(2 * number),
      to: purse(2 * number + 1),
      amount: "1",
    }));
    const move = { op: "transfer", id: newId(), legs };
    const first = await caller.must("posted", move);
    assert.equal(Object.keys(first.balances ?? {}).length, 128);
    // 64 legs do not fit a thousand times into one message: the same id again does, and answers the same at length.
    const again = Array.from({ length: 30 }, () => move);
    const reply = caller.resultSubject();
    const sizes: number[] = [];
    const watch = caller.nc.subscribe(reply, {
      callback: (_, { data }) => {
        sizes.push(data.length);
      },
    });
    const outcomes = caller.collect(reply, again.length);
    await caller.append(owner, again, { reply });
    for (const outcome of await outcomes) assert.deepEqual(outcome, { ...first, replayed: true });
    // The two subscriptions hear the last part one after the other.
    await caller.nc.flush();
    watch.unsubscribe();
    assert(sizes.length > 1, `${sizes.length} parts`);
    assert(
      sizes.every((size) => size < 512 * 1024),
      String(sizes),
    );
  });

  test("1,000 commands of one message are answered in order, in whatever parts", async () => {
    const commands = Array.from({ length: 1000 }, () => withId(pay()));
    const outcomes = await caller.send(alice, commands);
    assert.deepEqual(
      outcomes.map(({ id }) => id),
      commands.map(({ id }) => id),
    );
  });
});

describe("frames", () => {
  test("commands of many owners of one shard are answered in MessagePack, with the outcomes that JSON gives", async () => {
    const ann = ownerOn(0, "ann");
    const list = [
      { op: "open", wallet: `${ann}:usd`, asset: "USD/2", meta: { a: 1 } },
      pay({ to: `${ann}:usd`, amount: "100", code: "c", ref: "r" }),
      { op: "transfer", from: `${ann}:usd`, to: theirs, amount: "40" },
      { op: "transfer", from: `${ann}:usd`, to: mine, amount: "61" },
      { op: "freeze", wallet: `${ann}:usd`, reason: "a test" },
    ].map(withId);
    caller.owners.add(ann);
    const outcomes = await sendFrame(0, list);
    assert.deepEqual(
      list
        .map(({ id }) => outcomes.find((outcome) => outcome.id === id))
        .map((each) => each?.code ?? each?.status),
      ["open", "posted", "posted", "insufficient_funds", "done"],
    );
    for (const [index, command] of list.entries()) {
      const told = outcomes.find(({ id }) => id === command["id"]);
      const again = await caller.do(command, index === 1 ? alice : ann);
      assert.deepEqual({ ...again, replayed: false }, told, "the same content in JSON is the same command");
      assert.equal(again.replayed, true);
    }
  });

  test("a command of another shard's owner in it is wrong_shard, the others are done", async () => {
    const wrong = withId({ op: "open", wallet: theirs, asset: "USD/2" });
    const outcomes = await sendFrame(0, [withId(pay()), wrong, withId(pay())]);
    assert.deepEqual(
      outcomes.map(({ code, status }) => code ?? status),
      ["posted", "wrong_shard", "posted"],
    );
  });

  test("a reply subject outside the tenant's prefix gets nothing, and the commands count", async () => {
    const commands = [withId(pay())];
    const before = await quietPositionOf(1);
    await appendFrame(0, commands, "coffer.s.1.peer.0");
    await caller.send(alice, [pay()]);
    assert.equal(await positionOf(1), before);
    assert.equal((await caller.outcome(alice, commands[0]?.["id"])).status, "posted");
  });

  async function sendFrame(shard: number, commands: readonly Json[]): Promise<OutcomeJson[]> {
    const reply = caller.resultSubject();
    const outcomes: OutcomeJson[] = [];
    const subscription = caller.nc.subscribe(reply);
    await appendFrame(shard, commands, reply);
    for await (const message of subscription) {
      const decoded = decodeOutcomes(Buffer.from(message.data));
      assert(decoded.ok, "a frame's reply decodes");
      for (const outcome of decoded.value.map(outcomeToJson)) {
        assertOutcome(outcome);
        outcomes.push(outcome);
      }
      if (outcomes.length >= commands.length) break;
    }
    return outcomes;
  }

  /** Writes the frame by way of the JSON decoder, which gives the commands that a client library would have. */
  async function appendFrame(shard: number, list: readonly Json[], reply: string): Promise<void> {
    assert(tenant);
    const bytes = Buffer.from(JSON.stringify(list));
    const decoded = decodeCommandMessage(bytes, { tenant, owner: null, shard: null, shards: 4 });
    const commands = decoded.map((each) => {
      assert(!isRefusedShape(each));
      return each.command;
    });
    await caller.appendTo(`coffer.s.${shard}.frame.demo`, encodeCommandFrame({ reply, commands }));
  }
});
