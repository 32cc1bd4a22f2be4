// What the client does with a command between `send` and its outcome, when PubAcks and outcomes fail to come. The
// server is real; the engine behind it is scripted, because a real one cannot be asked to lose an answer.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  type ClientOutcome,
  type Coffer,
  CofferClosed,
  type CofferOptions,
  CofferOptionsInvalid,
  CofferOverloaded,
  CofferUnreachable,
  type CommandInput,
  connect,
} from "../../client/mod.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { type FrameScript, ScriptedEngine, type SeenFrame } from "./scripted-engine.ts";

const bound = { timeout: 60_000 };
/** Short waits, so that every doubt is acted on within the test. */
const impatient = { ackWaitMs: 60, outcomeWaitMs: 60, deadlineMs: 25_000 };
/** For tests that count frames: an acknowledgement that comes late on a busy machine is no doubt. */
const patient = { ackWaitMs: 20_000 };

let nats: TestNats;
before(async () => {
  nats = await startTestNats({ shards: 4 });
});
after(async () => {
  await nats.stop();
});

interface Setting extends AsyncDisposable {
  readonly engine: ScriptedEngine;
  readonly coffer: Coffer;
}

/** A scripted engine and a client, each with a connection of its own; gone at the end of the test. */
async function setting(
  script: (frame: SeenFrame, index: number) => FrameScript = () => ({}),
  options: Partial<CofferOptions> = {},
): Promise<Setting> {
  const connection = await nats.connect("scripted-engine");
  const engine = new ScriptedEngine(connection, 4, script).answerInfo().takeFrames();
  await connection.nc.flush();
  const coffer = await connect({ servers: nats.url, tenant: "demo", ...impatient, ...options });
  return {
    engine,
    coffer,
    [Symbol.asyncDispose]: async () => {
      await coffer.close({ deadlineMs: 1 });
      await connection.close();
    },
  };
}

function transfer(from: string, number: number, id?: string): CommandInput {
  return { op: "transfer", id, from: `${from}:usd`, to: "shop:usd", amount: BigInt(number + 1) };
}

function statuses(outcomes: readonly ClientOutcome[]): string[] {
  return outcomes.map(({ status }) => status);
}

describe("connect", bound, () => {
  test("names the option that does not fit", async () => {
    const cases: (readonly [Partial<CofferOptions>, RegExp])[] = [
      [{ tenant: "Demo" }, /^tenant: /],
      [{ servers: [] }, /^servers: /],
      [{ servers: "nats://bad host" }, /^servers: /],
      [{ servers: "nats://127.0.0.1:4222,nats://bad host" }, /^servers: /],
      [{ deadlineMs: 0 }, /^deadlineMs: /],
      [{ frameCommands: 1001 }, /^frameCommands: /],
      [{ windowCommands: 1.5 }, /^windowCommands: /],
    ];
    for (const [options, message] of cases) {
      await assert.rejects(connect({ servers: nats.url, tenant: "demo", ...options }), (error) => {
        return error instanceof CofferOptionsInvalid && message.test(error.message);
      });
    }
  });

  test("is unreachable where no server listens, and does not show the password", async () => {
    const servers = "nats://user:secret@127.0.0.1:1";
    await assert.rejects(connect({ servers, tenant: "demo", connectWaitMs: 100 }), (error) => {
      return error instanceof CofferUnreachable && error.retryable && !error.message.includes("secret");
    });
  });

  test("is unreachable where no engine is behind the server", async () => {
    await assert.rejects(
      connect({ servers: nats.url, tenant: "demo", connectWaitMs: 200 }),
      CofferUnreachable,
    );
  });

  test("waits for an engine that comes up later", async () => {
    const connecting = connect({ servers: nats.url, tenant: "demo", connectWaitMs: 20_000 });
    const connection = await nats.connect("late-engine");
    new ScriptedEngine(connection).answerInfo();
    const coffer = await connecting;
    assert.equal(coffer.info().shards, 4);
    await coffer.close();
    await connection.close();
  });
});

describe("send", bound, () => {
  test("refuses a wrong shape at once, with the engine's code, and sends nothing", async () => {
    await using at = await setting();
    const wrong: (readonly [unknown, string])[] = [
      [{ op: "transfer", from: "alice:usd", to: "alice:usd", amount: 1n }, "same_wallet"],
      [{ op: "transfer", from: "alice:usd", to: "bob:usd", amount: 0n }, "amount_invalid"],
      [{ op: "transfer", from: "alice:usd", to: "bob:usd", amount: 1 }, "amount_invalid"],
      [{ op: "transfer", from: "alice:usd", to: "bob:usd", amount: 1n, ref: 5n }, "malformed"],
      [{ op: "transfer", id: null, from: "alice:usd", to: "bob:usd", amount: 1n }, "id_invalid"],
      [{ op: "transfer", id: "7", from: "alice:usd", to: "bob:usd", amount: 1n }, "id_invalid"],
      [{ op: "open", wallet: "alice", asset: "USD/2" }, "wallet_invalid"],
      [{ op: "open", wallet: "alice:usd", asset: "usd" }, "asset_invalid"],
      [{ op: "open", wallet: "alice:usd", asset: "USD/2", colour: "red" }, "malformed"],
      [{ op: "open", owner: "alice", wallet: "alice:usd", asset: "USD/2" }, "malformed"],
      [{ op: "release", hold: "0190c0de-0000-7000-8000-000000000001" }, "wrong_owner"],
      [{ op: "pay" }, "unknown_op"],
      [null, "malformed"],
      ["transfer", "malformed"],
    ];
    for (const [command, code] of wrong) {
      const outcome = await at.coffer.send(command as CommandInput);
      assert.equal(outcome.status, "refused");
      assert.equal(
        outcome.status === "refused" ? outcome.refusal?.code : null,
        code,
        JSON.stringify(String(command)),
      );
    }
    assert.deepEqual(at.engine.frames, []);
  });

  test("says once when the log has a command, and not before", async () => {
    const scripts: FrameScript[] = [{ ack: "busy" }, { outcomes: "withheld" }];
    await using at = await setting((_, index) => scripts[index] ?? {});
    const said: number[] = [];
    const { promise: accepted, resolve } = Promise.withResolvers<void>();
    const onAccepted = (): void => {
      said.push(at.engine.frames.length);
      resolve();
    };
    const sent = at.coffer.send(transfer("alice", 1), { onAccepted });
    await accepted;
    assert.equal((await sent).status, "posted");
    assert.deepEqual(said, [2]);
    const wrong = await at.coffer.send({ op: "open", wallet: "alice", asset: "USD/2" }, { onAccepted });
    assert.equal(wrong.status, "refused");
    assert.equal(said.length, 1);
  });

  test("makes an id where there is none, and keeps the one that is given", async () => {
    await using at = await setting();
    const id = "0190C0DE-0000-7000-8000-00000000ABCD";
    const [made, given] = await at.coffer.sendMany([transfer("alice", 1), transfer("alice", 2, id)]);
    assert.match(made?.id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(given?.id, id.toLowerCase());
  });

  test("takes amounts and bounds as bigint or text, and versions as numbers", async () => {
    await using at = await setting();
    await at.coffer.send({ op: "open", wallet: "world:usd", asset: "USD/2", min: "unlimited", max: 5n });
    const legs = [
      { from: "alice:usd", to: "shop:usd", amount: "12" },
      { from: "alice:usd", to: "fees:usd", amount: 3n },
    ];
    await at.coffer.send({ op: "transfer", legs, ifVersion: { "alice:usd": 4 }, ref: undefined });
    const [open, move] = at.engine.applied;
    assert.ok(open?.op === "open" && open.min === "unlimited" && open.max === 5n);
    assert.ok(move?.op === "transfer" && move.ifVersion?.[0]?.[1] === 4 && move.ref === null);
    assert.deepEqual(
      move.legs.map(({ amount }) => amount),
      [12n, 3n],
    );
  });

  test("sends commands of one owner in the order of the calls, whatever the frames", async () => {
    await using at = await setting(() => ({}), { frameCommands: 7 });
    const owners = ["alice", "bob", "carol", "dave"];
    const commands = Array.from({ length: 2_000 }, (_, index) => transfer(owners[index % 4] ?? "", index));
    const outcomes = await at.coffer.sendMany(commands);
    assert.equal(outcomes.filter(({ status }) => status === "posted").length, 2_000);
    for (const owner of owners) {
      const amounts = at.engine.applied.flatMap((each) =>
        each.op === "transfer" && each.owner === owner ? each.legs : [],
      );
      assert.deepEqual(
        amounts,
        amounts.toSorted((left, right) => Number(left.amount - right.amount)),
      );
      assert.equal(amounts.length, 500);
    }
  });

  test("lets a frame grow while the one before it waits for its acknowledgement", async () => {
    await using at = await setting(() => ({}), { ...patient, outcomeWaitMs: 20_000, frameCommands: 100 });
    await at.coffer.sendMany(Array.from({ length: 1_000 }, (_, index) => transfer("alice", index)));
    assert.ok(at.engine.frames.length <= 14, `${at.engine.frames.length} frames`);
    assert.ok(at.engine.frames.every(({ commands }) => commands.length <= 100));
  });

  test("tells of each frame that left how many commands it had, also of one that goes again", async () => {
    const left: number[] = [];
    const onFrame = (commands: number): void => void left.push(commands);
    const script = (_: SeenFrame, index: number): FrameScript => (index === 0 ? { ack: "busy" } : {});
    await using at = await setting(script, { ...patient, outcomeWaitMs: 20_000, frameCommands: 3, onFrame });
    await at.coffer.sendMany(Array.from({ length: 7 }, (_, index) => transfer("alice", index)));
    assert.deepEqual(
      left,
      at.engine.frames.map(({ commands }) => commands.length),
    );
    assert.ok(left.reduce((sum, commands) => sum + commands, 0) > 7, `${left}`);
  });

  test("never has more commands on the way than the window", async () => {
    await using at = await setting(() => ({ ack: "dropped" }), { windowCommands: 10, deadlineMs: 1_000 });
    const outcomes = await at.coffer.sendMany(
      Array.from({ length: 30 }, (_, index) => transfer("alice", index)),
    );
    assert.deepEqual(new Set(statuses(outcomes)), new Set(["unknown"]));
    assert.ok(at.engine.frames.length > 3);
    for (const { commands } of at.engine.frames) assert.ok(commands.length <= 10);
  });

  test("refuses to queue more than waitingMax commands, without an unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", onUnhandled);
    await using at = await setting(() => ({ ack: "dropped" }), {
      windowCommands: 1,
      waitingMax: 1,
      deadlineMs: 300,
    });
    const sent = [transfer("alice", 1), transfer("alice", 2)].map((command) => at.coffer.send(command));
    void at.coffer.send(transfer("alice", 3));
    await assert.rejects(at.coffer.send(transfer("alice", 4)), CofferOverloaded);
    assert.deepEqual(statuses(await Promise.all(sent)), ["unknown", "unknown"]);
    await new Promise<void>((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", onUnhandled);
    assert.deepEqual(unhandled, []);
  });
});

describe("doubt", bound, () => {
  const doubts: (readonly [string, FrameScript])[] = [
    ["a frame that the log refuses", { ack: "busy" }],
    ["a frame that is lost on the way", { ack: "dropped" }],
    ["a frame whose acknowledgement is lost", { ack: "lost", outcomes: "withheld" }],
    ["a frame whose outcomes are lost", { ack: "accepted", outcomes: "withheld" }],
  ];
  for (const [what, script] of doubts) {
    test(`${what} is settled all the same, and each command once`, async () => {
      await using at = await setting((_, index) => (index < 3 ? script : {}));
      const commands = Array.from({ length: 300 }, (_, index) => transfer("alice", index));
      const outcomes = await at.coffer.sendMany(commands);
      assert.deepEqual(new Set(statuses(outcomes)), new Set(["posted"]));
      assert.equal(at.engine.applied.length, 300);
    });
  }

  test("a log that does not exist yet is tried until it does", async () => {
    const connection = await nats.connect("late-log");
    const engine = new ScriptedEngine(connection).answerInfo();
    await connection.nc.flush();
    const coffer = await connect({ servers: nats.url, tenant: "demo", ...impatient });
    const sent = coffer.send(transfer("alice", 1));
    await connection.nc.flush();
    engine.takeFrames();
    assert.equal((await sent).status, "posted");
    await coffer.close();
    await connection.close();
  });

  test("an accepted command whose outcome is lost is asked for, not sent again", async () => {
    await using at = await setting(() => ({ outcomes: "withheld" }), patient);
    assert.equal((await at.coffer.send(transfer("alice", 1))).status, "posted");
    assert.equal(at.engine.frames.length, 1);
    assert.equal(at.engine.reads.length, 1);
  });

  test("a pending command is waited for", async () => {
    await using at = await setting(() => ({ outcomes: "withheld" }), patient);
    at.engine.asked = "pending";
    const sent = at.coffer.send(transfer("alice", 1));
    await at.engine.until(() => at.engine.reads.length >= 2);
    at.engine.asked = "known";
    assert.equal((await sent).status, "posted");
    assert.equal(at.engine.frames.length, 1);
  });

  test("a command ends as unknown at its deadline, and is found afterwards", async () => {
    await using at = await setting((_, index) =>
      index === 0 ? { ack: "lost", outcomes: "withheld" } : { ack: "dropped" },
    );
    at.engine.asked = "silent";
    const outcome = await at.coffer.send(transfer("alice", 1), { deadlineMs: 200 });
    assert.equal(outcome.status, "unknown");
    assert.equal(outcome.op, "transfer");
    at.engine.asked = "known";
    const found = await at.coffer.resolve(outcome.id ?? "", "alice");
    assert.equal(found.status, "posted");
    const missing = await at.coffer.resolve("0190c0de-0000-7000-8000-0000000000ff", "alice");
    assert.equal(missing.status, "not_found");
  });

  test("outcomes that come twice, of nobody, or unreadable are passed over", async () => {
    await using at = await setting();
    const first = await at.coffer.send(transfer("alice", 1));
    const [frame] = at.engine.frames;
    assert.ok(frame);
    const connection = await nats.connect("noise");
    at.engine.sendOutcomes(frame);
    connection.nc.publish(frame.reply, Buffer.from([0xc1, 0x00]));
    connection.nc.publish(frame.reply, Buffer.from("[]"));
    const second = await at.coffer.send(transfer("alice", 2));
    assert.deepEqual([first.status, second.status], ["posted", "posted"]);
  });

  test("two commands with one id are sent one after the other, each with its own answer", async () => {
    await using at = await setting(() => ({}), patient);
    const id = "0190c0de-0000-7000-8000-00000000000a";
    const outcomes = await Promise.all([
      at.coffer.send(transfer("alice", 1, id)),
      at.coffer.send(transfer("alice", 1, id)),
    ]);
    assert.deepEqual(
      outcomes.map((each) => each.status === "posted" && each.replayed),
      [false, true],
    );
    assert.equal(at.engine.frames.length, 2);
  });

  test("the late outcome of a command that ended as unknown is not given to another with its id", async () => {
    await using at = await setting((_, index) =>
      index === 0 ? { outcomes: "withheld" } : { ack: "dropped" },
    );
    at.engine.asked = "silent";
    const id = "0190c0de-0000-7000-8000-00000000000b";
    const first = await at.coffer.send(transfer("alice", 1, id), { deadlineMs: 150 });
    assert.equal(first.status, "unknown");
    const second = at.coffer.send(transfer("alice", 2, id), { deadlineMs: 400 });
    await at.engine.until(() => at.engine.frames.length >= 2);
    const [frame] = at.engine.frames;
    assert.ok(frame);
    at.engine.sendOutcomes(frame);
    assert.equal((await second).status, "unknown");
  });
});

describe("a server that restarts in mid-burst", bound, () => {
  test("costs nothing but time: every command is settled, each once", async () => {
    await using at = await setting(() => ({}), { frameCommands: 20, outcomeWaitMs: 500, ackWaitMs: 500 });
    const commands = Array.from({ length: 3_000 }, (_, index) => transfer(`owner${index % 50}`, index));
    const sent = at.coffer.sendMany(commands);
    await at.engine.until(() => at.engine.frames.length >= 20);
    await nats.restart("kill");
    const outcomes = await sent;
    assert.deepEqual(new Set(statuses(outcomes)), new Set(["posted"]));
    assert.equal(at.engine.applied.length, 3_000);
  });

  test("ends the client when another cluster answers afterwards", async () => {
    await using at = await setting(() => ({ outcomes: "withheld" }));
    at.engine.asked = "silent";
    const sent = at.coffer.send(transfer("alice", 1));
    await at.engine.until(() => at.engine.frames.length >= 1);
    at.engine.cluster = "0190c0de-0000-7000-8000-00000000ffff";
    await nats.restart("kill");
    assert.equal((await sent).status, "unknown");
    await assert.rejects(at.coffer.send(transfer("alice", 2)), { code: "cluster_changed" });
  });
});

describe("close", bound, () => {
  test("waits for the outcomes of what is under way", async () => {
    await using at = await setting((_, index) => (index === 0 ? { ack: "dropped" } : {}));
    const sent = at.coffer.sendMany([transfer("alice", 1), transfer("bob", 2)]);
    await at.coffer.close();
    assert.deepEqual(statuses(await sent), ["posted", "posted"]);
  });

  test("is bounded: what has no outcome by then ends as unknown", async () => {
    await using at = await setting(() => ({ ack: "dropped" }));
    const sent = at.coffer.send(transfer("alice", 1));
    await at.coffer.close({ deadlineMs: 100 });
    assert.equal((await sent).status, "unknown");
  });

  test("ends the client for good", async () => {
    await using at = await setting();
    await Promise.all([at.coffer.close(), at.coffer.close()]);
    await assert.rejects(at.coffer.send(transfer("alice", 1)), CofferClosed);
    await assert.rejects(at.coffer.wallet("alice:usd"), CofferClosed);
    await assert.rejects(at.coffer.resolve("0190c0de-0000-7000-8000-000000000001", "alice"), CofferClosed);
  });
});

describe("outcomes", bound, () => {
  test("come in the order of the commands, with a bounded number under way", async () => {
    await using at = await setting();
    let taken = 0;
    let given = 0;
    let widest = 0;
    async function* commands(): AsyncGenerator<CommandInput> {
      for (; given < 500; given += 1) {
        widest = Math.max(widest, given - taken);
        yield transfer("alice", given, `0190c0de-0000-7000-8000-${String(given).padStart(12, "0")}`);
      }
    }
    for await (const outcome of at.coffer.outcomes(commands(), { inFlight: 20 })) {
      assert.equal(outcome.id, `0190c0de-0000-7000-8000-${String(taken).padStart(12, "0")}`);
      taken += 1;
    }
    assert.equal(taken, 500);
    assert.ok(widest <= 22, `${widest} under way`);
  });

  test("end the source when the caller breaks off", async () => {
    await using at = await setting();
    let isSourceClosed = false;
    async function* endless(): AsyncGenerator<CommandInput> {
      try {
        for (let number = 0; ; number += 1) yield transfer("alice", number);
      } finally {
        isSourceClosed = true;
      }
    }
    for await (const outcome of at.coffer.outcomes(endless(), { inFlight: 5 })) {
      assert.equal(outcome.status, "posted");
      break;
    }
    await at.coffer.close();
    assert.ok(isSourceClosed);
  });

  test("pass on what the source throws", async () => {
    await using at = await setting();
    function* broken(): Generator<CommandInput> {
      yield transfer("alice", 1);
      throw new RangeError("no more");
    }
    const seen: string[] = [];
    await assert.rejects(async () => {
      for await (const { status } of at.coffer.outcomes(broken())) seen.push(status);
    }, RangeError);
    assert.deepEqual(seen, ["posted"]);
  });
});
