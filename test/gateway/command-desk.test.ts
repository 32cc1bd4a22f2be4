// What a request is told of its command when acknowledgements and outcomes fail to come. The server is real; the engine
// behind it is scripted, because a real one cannot be asked to lose an answer.
// Guards against: a command that is told as failed, or as accepted, and is not.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { type Coffer, connect } from "../../client/mod.ts";
import { CommandDesk, type CommandJson, type DeskAnswer } from "../../gateway/command-desk.ts";
import { type FrameScript, ScriptedEngine } from "../client/scripted-engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

let nats: TestNats;
before(async () => {
  nats = await startTestNats({ shards: 4 });
});
after(() => nats.stop());

interface Setting extends AsyncDisposable {
  readonly engine: ScriptedEngine;
  readonly client: Coffer;
  readonly desk: CommandDesk;
  /** Sends a command as a request would. */
  ask(command: CommandJson, waitMs?: number): Promise<DeskAnswer>;
}

async function setting(script: () => FrameScript): Promise<Setting> {
  const connection = await nats.connect("scripted-engine");
  const engine = new ScriptedEngine(connection, 4, script).answerInfo().takeFrames();
  await connection.nc.flush();
  const client = await connect({ servers: nats.url, tenant: "demo", deadlineMs: 20_000 });
  const desk = new CommandDesk(() => performance.now());
  return {
    engine,
    client,
    desk,
    ask: (command, waitMs = 10_000) => {
      const { promise, resolve } = Promise.withResolvers<DeskAnswer>();
      desk.send({ client, command, scope: `demo ann ${command["id"]}`, waitMs, onAnswer: resolve });
      return promise;
    },
    [Symbol.asyncDispose]: async () => {
      desk.close();
      await client.close({ deadlineMs: 1 });
      await connection.close();
    },
  };
}

const pay = (more: CommandJson = {}): CommandJson => {
  return { op: "transfer", id: randomUUID(), from: "ann:usd", to: "ben:usd", amount: "1", ...more };
};

test("accepted and not settled is pending once the wait is over, and at once without a wait", async () => {
  await using scene = await setting(() => ({ outcomes: "withheld" }));
  assert.equal((await scene.ask(pay(), 0)).kind, "pending");
  const command = pay();
  assert.equal((await scene.ask(command, 50)).kind, "pending");
  assert.equal((await scene.ask(command, 0)).kind, "pending");
  assert.equal(scene.desk.waiting, 0);
});

test("not known to be accepted is never pending, and unknown is not told before its time", async () => {
  await using scene = await setting(() => ({ ack: "dropped" }));
  const command = pay();
  const [first, copy] = [scene.ask(command, 0), scene.ask(command, 50)];
  let isTold = false;
  first.then(
    () => {
      isTold = true;
    },
    () => undefined,
  );
  await scene.engine.until(() => scene.engine.frames.length > 0);
  assert.equal(isTold, false);
  scene.desk.hurry(0);
  assert.deepEqual([(await first).kind, (await copy).kind], ["unknown", "unknown"]);
});

test("copies under way are sent once, and all but the first are told that they are replays", async () => {
  await using scene = await setting(() => ({}));
  const command = pay();
  const answers = await Promise.all([scene.ask(command), scene.ask({ ...command }), scene.ask(command)]);
  const replayed = answers.map((answer) => answer.kind === "settled" && answer.outcome.replayed);
  assert.deepEqual(replayed, [false, true, true]);
  assert.equal(scene.engine.frames.flatMap(({ commands }) => commands).length, 1);
});

test("a desk that is closed answers nobody, and takes what still comes", async () => {
  const scene = await setting(() => ({ outcomes: "withheld" }));
  let isTold = false;
  scene.ask(pay()).then(
    () => {
      isTold = true;
    },
    () => undefined,
  );
  await scene.engine.until(() => scene.engine.frames.length > 0);
  scene.desk.close();
  assert.equal(scene.desk.waiting, 0);
  await scene[Symbol.asyncDispose]();
  assert.equal(isTold, false);
});

test("the same id with other content is sent for itself, after the first", async () => {
  await using scene = await setting(() => ({}));
  const command = pay();
  const answers = await Promise.all([scene.ask(command), scene.ask({ ...command, amount: "2" })]);
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ["settled", "settled"],
  );
  assert.equal(scene.engine.frames.flatMap(({ commands }) => commands).length, 2);
});

test("a client that takes nothing is busy: nothing was sent", async () => {
  await using scene = await setting(() => ({}));
  await scene.client.close();
  assert.equal((await scene.ask(pay())).kind, "busy");
});
