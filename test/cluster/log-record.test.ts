// One record looks the same however it is read, also when its headers are malformed.
// Headers go over a plain socket here, past every check of a client library.
// Guards against: a log chain that differs between the reader and a look-up, which would halt a healthy shard.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as dial } from "node:net";
import { after, before, test } from "node:test";
import type { Msg } from "@nats-io/transport-node";
import type { Connection } from "../../cluster/connection.ts";
import { requestApi } from "../../cluster/jetstream-api.ts";
import { getLastRecord, getRecord, listRecords } from "../../cluster/log-lookup.ts";
import { LogReader } from "../../cluster/log-reader.ts";
import type { LogRecord } from "../../cluster/log-record.ts";
import { decodeHeaders, deliveryIn, headerOf, storedRecord } from "../../cluster/log-record.ts";
import { LogWriter } from "../../cluster/log-writer.ts";
import { ensureShardStream, readStreamIdentity } from "../../cluster/streams.ts";
import { frameSubject, ownerSubject, quarantineSubject, shardStream } from "../../protocol/subject.ts";
import type { TestNats } from "../support/nats.ts";
import { startTestNats } from "../support/nats.ts";
import { tenantName } from "./tenant-name.ts";

let nats: TestNats;
let connection: Connection;
const stream = shardStream(0);
before(async () => {
  nats = await startTestNats({ shards: 1 });
  connection = await nats.connect();
  await ensureShardStream(connection.nc, { cluster: "c", shards: 1, replicas: 1 }, { shard: 0, nonce: "n" });
});
after(async () => {
  await nats.stop();
});

/** Publishes bytes as they are, past every check of a client library. */
async function publishRaw(subject: string, headerBlock: Buffer, body: Buffer): Promise<void> {
  const socket = dial(nats.server().port, "127.0.0.1");
  await once(socket, "data");
  const sizes = `${headerBlock.length} ${headerBlock.length + body.length}`;
  socket.write('CONNECT {"verbose":false,"headers":true}\r\n');
  socket.write(Buffer.concat([Buffer.from(`HPUB ${subject} ${sizes}\r\n`), headerBlock, body]));
  socket.write("\r\nPING\r\n");
  await once(socket, "data");
  socket.destroy();
}

async function readAll(): Promise<LogRecord[]> {
  const identity = await readStreamIdentity(connection.nc, stream);
  const records: LogRecord[] = [];
  await new Promise<void>((resolve, reject) => {
    const reader = new LogReader({
      connection,
      stream,
      fromSequence: 1,
      onRecord: (record) => {
        records.push(record);
        if (record.sequence === identity?.lastSequence) void reader.stop().then(resolve);
      },
      onError: reject,
    });
    reader.start();
  });
  return records;
}

test("a delivered record equals the one fetched by its sequence, malformed headers included", async () => {
  const writer = new LogWriter({ connection });
  const frame = frameSubject(0, tenantName("demo"));
  const owner = ownerSubject(0);
  const headers: [string, string][] = [
    ["Coffer-Reply", "coffer.res.demo.a"],
    ["Twice", "1"],
    ["Other", " x "],
    ["Twice", "2"],
  ];
  for (const message of [
    { subject: frame, data: Buffer.from([0, 255, 1, 13, 10]) },
    { subject: frame, data: Buffer.alloc(0) },
    { subject: owner, data: Buffer.from("with headers"), headers },
    { subject: owner, data: Buffer.alloc(0), headers },
  ]) {
    assert.equal((await writer.publish(message)).kind, "ok");
  }
  writer.close();
  const blocks = [
    "NATS/1.0\r\nBad Name: v\r\n\r\n",
    "NATS/1.0\r\nno colon here\r\n: empty name\r\nA:\t b: c \t\r\n\r\n",
    "NATS/1.0\r\n\r\n",
    "NATS/1.0\r\nUmlaut: \u00e4\r\nBroken: \xff\r\n\r\n",
  ];
  for (const block of blocks) await publishRaw(owner, Buffer.from(block, "latin1"), Buffer.from("raw"));
  const delivered = await readAll();
  assert.equal(delivered.length, 8);
  for (const record of delivered) {
    assert.deepEqual(await getRecord(connection.nc, stream, record.sequence), record);
    assert.ok(record.timestampNanos >= 0 && record.timestampNanos < 1_000_000);
  }
  assert.deepEqual(await getLastRecord(connection.nc, stream, owner), delivered.at(-1));
});

test("a record is a copy: the library's buffer may be used again under it", async () => {
  const inbox = connection.inbox();
  const message = await new Promise<Msg>((resolve, reject) => {
    connection.nc.subscribe(inbox, { max: 1, callback: (_error, received) => resolve(received) });
    const config = { deliver_subject: inbox, ack_policy: "none", inactive_threshold: 1_000_000_000 };
    requestApi(connection.nc, `CONSUMER.CREATE.${stream}`, { stream_name: stream, config }).catch(reject);
  });
  const delivery = deliveryIn(message);
  message.data.fill(0);
  assert.deepEqual([delivery?.delivered, delivery?.record.sequence], [1, 1]);
  assert.deepEqual(delivery?.record, await getRecord(connection.nc, stream, 1));
});

test("a message that is no delivery is null, whatever its reply", () => {
  const replies = ["", "x", "$JS.FC.S.C.a", "$JS.ACK.", "$JS.ACK.S.C.1.7", "$JS.ACK.S.C.1.7.3.soon.0"];
  const data = Buffer.from("body");
  const fields = { subject: "s", sid: 1, data, respond: () => false };
  const texts = { json: <Value>(): Value => JSON.parse("{}"), string: () => "" };
  for (const reply of [null, ...replies]) {
    const line = {
      subject: Buffer.from("s"),
      reply: reply === null ? undefined : Buffer.from(reply),
      hdr: -1,
    };
    const message: Msg = Object.assign({ ...fields, ...texts }, { _msg: line, _rdata: data });
    assert.equal(deliveryIn(message), null, reply ?? "no reply");
  }
});

test("headers are what was on the wire, in its order", async () => {
  const [first, , third] = await readAll();
  assert.equal(first?.headers, null);
  assert.equal(third && headerOf(third, "Coffer-Reply"), "coffer.res.demo.a");
  assert.equal(third && headerOf(third, "coffer-reply"), null);
  const cases: [string, [string, string][]][] = [
    ["NATS/1.0\r\n\r\n", []],
    [
      "NATS/1.0\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\n",
      [
        ["A", "1"],
        ["B", "2"],
        ["A", "3"],
      ],
    ],
    [
      "NATS/1.0\r\nA:  x y \r\nnone\r\n\r\n",
      [
        ["A", "x y"],
        ["none", ""],
      ],
    ],
    ["NATS/1.0 503\r\n\r\n", []],
  ];
  for (const [block, expected] of cases) assert.deepEqual(decodeHeaders(Buffer.from(block)), expected, block);
});

test("nanoseconds survive, whatever number of digits the server writes", () => {
  const cases: [string, bigint | undefined][] = [
    ["2026-11-22T08:00:00Z", 1_795_334_400_000_000_000n],
    ["2026-11-22T08:00:00.1Z", 1_795_334_400_100_000_000n],
    ["2026-11-22T08:00:00.000000001Z", 1_795_334_400_000_000_001n],
    ["2026-11-22T08:00:00.123456789Z", 1_795_334_400_123_456_789n],
    ["2026-11-22T08:00:00+01:00", undefined],
    ["", undefined],
  ];
  for (const [time, expected] of cases) {
    const record = storedRecord({ seq: 1, time, subject: "s" });
    const ns = record ? BigInt(record.timestampMs) * 1_000_000n + BigInt(record.timestampNanos) : undefined;
    assert.equal(ns, expected, time);
  }
});

test("records on one subject are listed page by page, others passed over", async () => {
  const writer = new LogWriter({ connection });
  const subject = quarantineSubject(0);
  const sequences: number[] = [];
  for (const name of ["a", "b", "c"]) {
    await writer.publish({ subject: ownerSubject(0), data: Buffer.from("between") });
    const result = await writer.publish({ subject, data: Buffer.from(name) });
    if (result.kind === "ok") sequences.push(result.sequence);
  }
  writer.close();
  const page = await listRecords(connection.nc, stream, { subject, fromSequence: 1, recordsMax: 2 });
  assert.deepEqual(
    page.records.map((record) => record.sequence),
    sequences.slice(0, 2),
  );
  const rest = await listRecords(connection.nc, stream, {
    subject,
    fromSequence: page.next ?? 0,
    recordsMax: 2,
  });
  assert.deepEqual([rest.records.map((record) => record.sequence), rest.next], [sequences.slice(2), null]);
});

test("a sequence or a subject without a record is null", async () => {
  assert.equal(await getRecord(connection.nc, stream, 1_000_000), null);
  assert.equal(await getLastRecord(connection.nc, stream, "coffer.s.0.epoch"), null);
});
