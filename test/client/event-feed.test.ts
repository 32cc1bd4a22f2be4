// The feed of events over a real event stream, whose messages the test writes as an engine would: doubled, overlapping
// and with holes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import {
  type Coffer,
  CofferEventsGone,
  CofferOptionsInvalid,
  CofferUnreachable,
  connect,
  type Event,
  type EventFeed,
} from "../../client/mod.ts";
import type { Connection } from "../../cluster/connection.ts";
import { ensureEventStream } from "../../cluster/streams.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { type EventId, encodeEventMessage, eventIdText } from "../../protocol/event.ts";
import { parseWallet } from "../../protocol/names.ts";
import { EVENT_STREAM } from "../../protocol/subject.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { ScriptedEngine } from "./scripted-engine.ts";

const bound = { timeout: 60_000 };
const cluster = "0190c0de-0000-7000-8000-000000000000";

let nats: TestNats;
before(async () => {
  nats = await startTestNats({ shards: 4 });
});
after(async () => {
  await nats.stop();
});

interface Setting extends AsyncDisposable {
  readonly connection: Connection;
  readonly coffer: Coffer;
  /** Publishes one message with events at these positions, as the engine would after `previous`; waits for its PubAck. */
  publish(
    shard: number,
    previous: number | null,
    positions: readonly number[],
    tenant?: string,
    /** A wallet for each event that it changed. */
    wallets?: readonly string[],
  ): Promise<void>;
}

async function setting(bytesMax = 1024 * 1024): Promise<Setting> {
  const connection = await nats.connect("event-writer");
  await ensureEventStream(connection.nc, { cluster, replicas: 1 }, { bytesMax, ageMaxMs: 3_600_000 });
  new ScriptedEngine(connection).answerInfo();
  await connection.nc.flush();
  const coffer = await connect({ servers: nats.url, tenant: "demo" });
  return {
    connection,
    coffer,
    publish: async (shard, previous, positions, tenant = "demo", wallets = []) => {
      const message = encodeEventMessage({
        from: idAt(shard, positions[0] ?? 0),
        to: idAt(shard, positions.at(-1) ?? 0),
        previous: previous === null ? null : idAt(shard, previous),
        events: positions.map((position, at) => eventAt(shard, position, wallets[at])),
      });
      const ack = await connection.nc.request(`coffer.evt.${tenant}.${shard}`, message, { timeout: 10_000 });
      assert.match(ack.string(), /"seq":/);
    },
    [Symbol.asyncDispose]: async () => {
      await coffer.close();
      await connection.nc.request("$JS.API.STREAM.DELETE.COFFER_EVT", "");
      await connection.close();
    },
  };
}

function idAt(shard: number, position: number): EventId {
  return { shard, position, index: 0 };
}

function eventAt(shard: number, position: number, walletName?: string): Event {
  const wallet = parseWallet(walletName);
  const balances = { posted: 1n, held: 0n, incoming: 0n, available: 1n, version: position };
  const command = parseCommandId(`0190c0de-0000-7000-8000-${String(position).padStart(12, "0")}`);
  assert.ok(command);
  return {
    id: idAt(shard, position),
    command,
    op: "transfer",
    status: "posted",
    ref: null,
    wallets: wallet === undefined ? [] : [{ wallet, ...balances }],
    timeMs: position,
  };
}

/** Iterates until `count` events have come. */
async function take(feed: EventFeed, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of feed) {
    seen.push(eventIdText(event.id));
    if (seen.length === count) break;
  }
  return seen;
}

describe("an event feed", bound, () => {
  test("hands out what comes after it was opened, of its own tenant only", async () => {
    await using at = await setting();
    await at.publish(0, null, [1, 2]);
    const feed = at.coffer.events();
    await feed.open();
    await at.publish(0, 2, [3], "other");
    await at.publish(0, 2, [4, 6]);
    await at.publish(3, null, [1]);
    assert.deepEqual(await take(feed, 3), ["0:4:0", "0:6:0", "3:1:0"]);
  });

  test("starts at the oldest event that is kept when asked to", async () => {
    await using at = await setting();
    await at.publish(0, null, [1, 2]);
    await at.publish(0, 2, [3]);
    assert.deepEqual(await take(at.coffer.events({ from: "start" }), 3), ["0:1:0", "0:2:0", "0:3:0"]);
  });

  test("drops what comes twice, whole messages and overlaps", async () => {
    await using at = await setting();
    await at.publish(1, null, [1, 2]);
    await at.publish(1, null, [1, 2]);
    await at.publish(1, 1, [2, 3]);
    await at.publish(1, 3, [5]);
    assert.deepEqual(await take(at.coffer.events({ from: "start" }), 4), [
      "1:1:0",
      "1:2:0",
      "1:3:0",
      "1:5:0",
    ]);
  });

  test("goes on where a stored position stood, within a message too", async () => {
    await using at = await setting();
    await at.publish(0, null, [1, 2, 3]);
    await at.publish(2, null, [1]);
    const first = at.coffer.events({ from: "start" });
    assert.deepEqual(await take(first, 2), ["0:1:0", "0:2:0"]);
    const stored = first.position;
    await at.publish(0, 3, [4]);
    const again = await connect({ servers: nats.url, tenant: "demo" });
    assert.deepEqual(await take(again.events({ from: stored }), 3), ["0:3:0", "2:1:0", "0:4:0"]);
    await again.close();
  });

  test("says that events are gone when the stream has a hole, and after what it had", async () => {
    await using at = await setting();
    await at.publish(0, null, [1]);
    await at.publish(0, 2, [3]);
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const event of at.coffer.events({ from: "start" })) seen.push(eventIdText(event.id));
      },
      (error) => error instanceof CofferEventsGone && error.code === "events_gone",
    );
    assert.deepEqual(seen, ["0:1:0"]);
  });

  test("says that events are gone when the stream starts after the stored position", async () => {
    await using at = await setting(4_096);
    await at.publish(0, null, [1]);
    const feed = at.coffer.events({ from: "start" });
    await take(feed, 1);
    for (let position = 2; position < 40; position += 1) await at.publish(0, position - 1, [position]);
    await assert.rejects(take(at.coffer.events({ from: feed.position }), 1), CofferEventsGone);
    const kept = await take(at.coffer.events({ from: "start" }), 1);
    assert.notDeepEqual(kept, ["0:1:0"]);
  });

  test("goes on across a restart of the server", async () => {
    await using at = await setting();
    const feed = at.coffer.events();
    await feed.open();
    const taking = take(feed, 4);
    await at.publish(0, null, [1]);
    await at.publish(0, 1, [2]);
    await nats.restart("kill");
    const isBack = Promise.withResolvers<void>();
    at.connection.onEvent((event) => event.kind === "up" && isBack.resolve());
    if (!at.connection.isUp()) await isBack.promise;
    await at.publish(0, 1, [2]).catch(() => at.publish(0, 1, [2]));
    await at.publish(0, 2, [3]);
    await at.publish(0, 3, [4]);
    assert.deepEqual(await taking, ["0:1:0", "0:2:0", "0:3:0", "0:4:0"]);
  });

  test("passes over what is not wanted, and knows that it did", async () => {
    await using at = await setting();
    await at.publish(0, null, [1, 2], "demo", ["ann:usd", "ben:usd"]);
    await at.publish(0, 2, [3], "demo", ["ben:usd"]);
    await at.publish(0, 3, [4], "demo", ["ann:usd"]);
    const feed = at.coffer.events({ from: "start", isWanted: (owner) => owner === "ann" });
    assert.deepEqual(await take(feed, 2), ["0:1:0", "0:4:0"]);
    await at.publish(0, 4, [5, 6], "demo", ["ben:usd", "ben:usd"]);
    const rest = at.coffer.events({ from: feed.position, isWanted: () => false, catchUpMax: 10 });
    assert.deepEqual(await take(rest, 1), []);
    assert.deepEqual([rest.last(0), rest.last(1), rest.sequence], [idAt(0, 6), null, 4]);
  });

  test("that only catches up ends with what is there", async () => {
    await using at = await setting();
    const catchUp = (from: string, catchUpMax = 3): Promise<string[]> =>
      take(at.coffer.events({ from, catchUpMax }), 9);
    const nothing = at.coffer.events();
    await nothing.open();
    assert.deepEqual(await catchUp(nothing.position), []);
    await at.publish(0, null, [1]);
    await at.publish(0, 1, [2]);
    await at.publish(1, null, [1], "other");
    assert.deepEqual(await catchUp("start"), ["0:1:0", "0:2:0"]);
    await at.publish(0, 2, [3]);
    await assert.rejects(catchUp("start"), CofferEventsGone);
    const elsewhere = JSON.stringify({ version: 1, sequence: 99, shards: {} });
    await assert.rejects(catchUp(elsewhere), CofferEventsGone);
  });

  test("ends when the client is closed", async () => {
    await using at = await setting();
    const feed = at.coffer.events();
    await feed.open();
    const taking = take(feed, 1);
    await at.coffer.close();
    assert.deepEqual(await taking, []);
  });

  test("that could not be opened is not under way, and may be tried again", async () => {
    await using at = await setting();
    const manager = await jetstreamManager(at.connection.nc);
    await manager.streams.delete(EVENT_STREAM);
    const feed = at.coffer.events();
    for (let tries = 0; tries < 2; tries += 1) {
      await assert.rejects(feed.open(), CofferUnreachable);
      assert.equal(at.coffer.underWay, 0);
    }
    await ensureEventStream(
      at.connection.nc,
      { cluster, replicas: 1 },
      { bytesMax: 1024 * 1024, ageMaxMs: 3_600_000 },
    );
    await feed.open();
    assert.equal(at.coffer.underWay, 1);
    feed.stop();
    assert.equal(at.coffer.underWay, 0);
  });

  test("refuses a position that no feed gave", async () => {
    await using at = await setting();
    for (const from of [
      "",
      "7",
      "{}",
      '{"version":2,"sequence":1,"shards":{}}',
      '{"version":1,"sequence":-1,"shards":{}}',
      '{"version":1,"sequence":1,"shards":{"0":"0"}}',
    ]) {
      assert.throws(() => at.coffer.events({ from }), CofferOptionsInvalid, from);
    }
  });
});
