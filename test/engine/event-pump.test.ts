// The pump of events on its own, over a real file and a log whose PubAcks come when the test says so: what leaves at
// once, what waits for company and how long, what is sent again.
// Guards against: a message a turn, events that wait for ever, a hole in the chain after a PubAck that never came.

import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LogMessage, LogWriter, PublishResult } from "../../cluster/log-writer.ts";
import { EventPump } from "../../engine/event-pump.ts";
import type { ShardScope } from "../../engine/shard-scope.ts";
import { hash32 } from "../../protocol/digest.ts";
import { decodeEventMessage } from "../../protocol/event.ts";
import { EVENTS_EAGER_MIN, EVENTS_PAUSE_MS } from "../../protocol/limits.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { IDENTITY, idOf, openWallet, START_MS, temporaryDirectory } from "../storage/shard-file-support.ts";

const OK: PublishResult = { kind: "ok", stream: "COFFER_EVT", sequence: 1 };

/** A pump over a real file; PubAcks come when the test says so. */
class Bench {
  readonly sent: { message: LogMessage; answer: (result: PublishResult) => void }[] = [];
  readonly file: ShardFile;
  readonly pump: EventPump;
  #steps = 0;

  constructor(t: TestContext) {
    const directory = temporaryDirectory();
    this.file = ShardFile.open({ ...IDENTITY, path: join(directory.path, "0.db"), recentEvents: 10_000 });
    const publish = (message: LogMessage): Promise<PublishResult> =>
      new Promise((answer) => this.sent.push({ message, answer }));
    const scope = { ...IDENTITY, file: this.file, writer: { publish } as LogWriter } as ShardScope;
    this.pump = new EventPump(scope, (error) => assert.fail(String(error)));
    t.mock.timers.enable({ apis: ["setTimeout"] });
    t.after(() => {
      this.pump.close();
      this.file.close();
      directory[Symbol.dispose]();
    });
  }

  turn(steps: number): void {
    this.file.begin();
    const position = this.file.position + 1;
    this.file.beginRecord({
      position,
      stampMs: START_MS + position,
      digest: hash32(Buffer.from(`${position}`)),
    });
    for (let more = 0; more < steps; more += 1) {
      this.#steps += 1;
      openWallet(this.file.ledger, `o${this.#steps}:usd`, { id: idOf(this.#steps) });
    }
    this.file.endRecord();
    this.file.commit();
    this.pump.pump();
  }

  async answer(at: number, result: PublishResult): Promise<void> {
    this.sent[at]?.answer(result);
    await new Promise(setImmediate);
  }

  /** First and last event of each message, and the one before it. */
  places(): (string | undefined)[][] {
    const text = (id: { position: number; index: number } | null): string =>
      id === null ? "none" : `${id.position}:${id.index}`;
    return this.sent.map(({ message }) => {
      const decoded = decodeEventMessage(message.data);
      assert.ok(decoded.ok);
      const { previous, from, to, events } = decoded.value;
      assert.deepEqual([events[0]?.id, events.at(-1)?.id], [from, to]);
      return [previous, from, to].map(text);
    });
  }
}

test("the first events leave at once; those that follow wait for the PubAck and a pause, and share a message", async (t) => {
  const bench = new Bench(t);
  bench.turn(1);
  assert.equal(bench.sent.length, 1);
  bench.turn(2);
  await bench.answer(0, OK);
  bench.turn(1);
  assert.equal(bench.sent.length, 1);
  t.mock.timers.tick(EVENTS_PAUSE_MS);
  assert.deepEqual(bench.places(), [
    ["none", "1:0", "1:0"],
    ["1:0", "2:0", "3:0"],
  ]);
  await bench.answer(1, OK);
  assert.equal(bench.pump.pending, 0);
  t.mock.timers.tick(EVENTS_PAUSE_MS);
  bench.turn(1);
  assert.equal(bench.sent.length, 3);
});

test("enough events do not wait for the pause", async (t) => {
  const bench = new Bench(t);
  bench.turn(1);
  await bench.answer(0, OK);
  bench.turn(EVENTS_EAGER_MIN - 1);
  assert.equal(bench.sent.length, 1);
  bench.turn(1);
  assert.equal(bench.sent.length, 2);
});

test("events without PubAck are sent again, with what came meanwhile, however much it is", async (t) => {
  const bench = new Bench(t);
  bench.turn(2);
  await bench.answer(0, { kind: "timeout" });
  bench.turn(EVENTS_EAGER_MIN);
  t.mock.timers.tick(EVENTS_PAUSE_MS);
  assert.equal(bench.sent.length, 1);
  t.mock.timers.tick(500);
  assert.deepEqual(bench.places()[1], ["none", "1:0", `2:${EVENTS_EAGER_MIN - 1}`]);
  await bench.answer(1, OK);
  assert.equal(bench.pump.pending, 0);
});
