// What a publish comes to, and the fence that keeps an old owner out.
// A real server answers; it is killed once to see what becomes of what was unanswered.
// Guards against: a result that is lost or doubled, a resend that the broker swallows, two owners that both append.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Connection } from "../../cluster/connection.ts";
import { requestApi } from "../../cluster/jetstream-api.ts";
import type { PublishResult } from "../../cluster/log-writer.ts";
import { LogWriter } from "../../cluster/log-writer.ts";
import { ensureShardStream, readStreamIdentity } from "../../cluster/streams.ts";
import { epochSubject, frameSubject, ownerSubject, shardStream } from "../../protocol/subject.ts";
import type { TestNats } from "../support/nats.ts";
import { startTestNats } from "../support/nats.ts";
import { tenantName } from "./tenant-name.ts";

let nats: TestNats;
let connection: Connection;
let writer: LogWriter;
const streams = { cluster: "c", shards: 2, replicas: 1 };
const frame = frameSubject(0, tenantName("demo"));
const data = Buffer.from("x");
before(async () => {
  nats = await startTestNats({ shards: 2 });
  connection = await nats.connect();
  for (const shard of [0, 1]) await ensureShardStream(connection.nc, streams, { shard, nonce: "n" });
  writer = new LogWriter({ connection });
});
after(async () => {
  writer.close();
  await nats.stop();
});

test("a stored record is answered with its sequence", async () => {
  const first = await writer.publish({ subject: frame, data });
  const second = await writer.publish({ subject: frame, data });
  assert.ok(first.kind === "ok" && second.kind === "ok");
  assert.equal(second.sequence, first.sequence + 1);
});

test("a subject that no stream takes is answered at once", async () => {
  assert.deepEqual(await writer.publish({ subject: "nobody.listens", data }), { kind: "no_responders" });
});

test("a record that the server cannot take is refused, not lost", async () => {
  const result = await writer.publish({ subject: frame, data: Buffer.alloc(2 * 1024 * 1024) });
  assert.equal(result.kind, "refused");
  assert.equal(writer.unanswered, 0);
});

test("the same record sent twice is stored twice: nothing filters by a message id", async () => {
  const lastSequence = async () =>
    (await readStreamIdentity(connection.nc, shardStream(0)))?.lastSequence ?? 0;
  const start = await lastSequence();
  await Promise.all([writer.publish({ subject: frame, data }), writer.publish({ subject: frame, data })]);
  assert.equal(await lastSequence(), start + 2);
});

test("the window is the bound: beyond it nothing is sent, and room comes back with the answers", async () => {
  const small = new LogWriter({ connection, windowMax: 3 });
  const results: PublishResult[] = [];
  let onAll: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    onAll = resolve;
  });
  const onResult = (result: PublishResult): void => {
    results.push(result);
    if (results.length === 3) onAll();
  };
  const taken = Array.from({ length: 5 }, () => small.send({ subject: frame, data }, onResult));
  assert.deepEqual(taken, [true, true, true, false, false]);
  assert.deepEqual([small.room, small.unanswered], [0, 3]);
  assert.deepEqual(await small.publish({ subject: frame, data }), { kind: "not_sent" });
  await all;
  assert.deepEqual([small.room, results.every((result) => result.kind === "ok")], [3, true]);
  small.close();
});

test("a fenced record is stored while the epoch record is the newest, and refused after a newer one", async () => {
  const epoch = epochSubject(1);
  const owner = { subject: ownerSubject(1), data };
  const none = await writer.publishFenced(owner, { epochSubject: epoch, expectedLast: 0 });
  assert.equal(none.kind, "ok");
  const claim = await writer.publishFenced(
    { subject: epoch, data },
    { epochSubject: epoch, expectedLast: 0 },
  );
  assert.ok(claim.kind === "ok");
  const fence = { epochSubject: epoch, expectedLast: claim.sequence };
  assert.equal((await writer.publishFenced(owner, fence)).kind, "ok");
  const newer = await writer.publishFenced({ subject: epoch, data }, fence);
  assert.ok(newer.kind === "ok");
  const late = await writer.publishFenced(owner, fence);
  assert.deepEqual(late, { kind: "wrong_last", last: newer.sequence });
  const rival = await writer.publishFenced({ subject: epoch, data }, fence);
  assert.deepEqual(rival, { kind: "wrong_last", last: newer.sequence });
});

test("after the epoch record was trimmed the fence says that there is none", async () => {
  const epoch = epochSubject(1);
  const last = await readStreamIdentity(connection.nc, shardStream(1));
  const upTo = (last?.lastSequence ?? 0) + 1;
  await requestApi(connection.nc, `STREAM.PURGE.${shardStream(1)}`, { seq: upTo });
  const fenced = await writer.publishFenced(
    { subject: ownerSubject(1), data },
    { epochSubject: epoch, expectedLast: upTo - 1 },
  );
  assert.deepEqual(fenced, { kind: "wrong_last", last: 0 });
});

test("an answer that does not come is a timeout", async () => {
  const silent = connection.nc.subscribe("silent", { callback: () => undefined });
  const impatient = new LogWriter({ connection, timeoutMs: 100 });
  assert.deepEqual(await impatient.publish({ subject: "silent", data }), { kind: "timeout" });
  assert.equal(impatient.unanswered, 0);
  impatient.close();
  silent.unsubscribe();
});

test("when the connection breaks, what is unanswered is unknown and nothing more is sent until it is back", async () => {
  const silent = connection.nc.subscribe("silent", { callback: () => undefined });
  const events: string[] = [];
  const back = new Promise<void>((resolve) => {
    connection.onEvent((event) => {
      events.push(event.kind);
      if (event.kind === "up") resolve();
    });
  });
  const unanswered = writer.publish({ subject: "silent", data });
  const down = new Promise<PublishResult>((resolve) => {
    connection.onEvent((event) => {
      if (event.kind === "down") void writer.publish({ subject: frame, data }).then(resolve);
    });
  });
  await nats.restart("kill");
  assert.deepEqual(await unanswered, { kind: "unknown" });
  assert.deepEqual(await down, { kind: "not_sent" });
  await back;
  assert.deepEqual(events.filter((kind) => kind === "down" || kind === "up").slice(0, 2), ["down", "up"]);
  assert.equal((await writer.publish({ subject: frame, data })).kind, "ok");
  silent.unsubscribe();
});

test("a writer that is closed ends what is unanswered", async () => {
  const silent = connection.nc.subscribe("silent", { callback: () => undefined });
  const closing = new LogWriter({ connection });
  const unanswered = closing.publish({ subject: "silent", data });
  closing.close();
  assert.deepEqual(await unanswered, { kind: "unknown" });
  assert.deepEqual(await closing.publish({ subject: frame, data }), { kind: "not_sent" });
  silent.unsubscribe();
});
