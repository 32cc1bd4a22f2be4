// The reader: every record once and in order, whatever happens to its consumer, its connection or the log.
// Real servers are stopped and killed under it; a log that lies (trimmed, holed, cut) must be an error.
// Guards against: a silent gap, a repetition, and memory that grows with the backlog.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ClusterError } from "../../cluster/cluster-error.ts";
import type { Connection } from "../../cluster/connection.ts";
import { objectIn, requestApi } from "../../cluster/jetstream-api.ts";
import { LogReader } from "../../cluster/log-reader.ts";
import type { LogRecord } from "../../cluster/log-record.ts";
import { LogWriter } from "../../cluster/log-writer.ts";
import { ensureShardStream } from "../../cluster/streams.ts";
import { frameSubject, shardStream } from "../../protocol/subject.ts";
import type { TestNats } from "../support/nats.ts";
import { startTestNats } from "../support/nats.ts";
import { tenantName } from "./tenant-name.ts";

const shards = 9;
const streams = { cluster: "c", shards, replicas: 1 };
const MIB = 1024 * 1024;
let nats: TestNats;
let connection: Connection;
let writer: LogWriter;
before(async () => {
  nats = await startTestNats({ shards });
  connection = await nats.connect("reader");
  writer = new LogWriter({ connection: await nats.connect("writer") });
});
after(async () => {
  writer.close();
  await nats.stop();
});

async function fill(shard: number, count: number, bytes = 8): Promise<void> {
  await ensureShardStream(connection.nc, streams, { shard, nonce: "n" });
  const subject = frameSubject(shard, tenantName("demo"));
  for (let done = 0; done < count; ) {
    const wave = Math.min(2_000, count - done);
    const results = await Promise.all(
      Array.from({ length: wave }, (_, index) => {
        const data = Buffer.alloc(bytes);
        data.writeUInt32BE(done + index + 1);
        return writer.publish({ subject, data });
      }),
    );
    assert.ok(results.every((result) => result.kind === "ok"));
    done += wave;
  }
}

/** A reader that keeps what it saw and lets a test wait for a sequence, a reattachment or an error. */
function observe(shard: number, fromSequence: number, options: { onAttach?: () => void } = {}) {
  const seen: number[] = [];
  const reasons: string[] = [];
  let onChange: () => void = () => undefined;
  let error: Error | null = null;
  const reader = new LogReader({
    connection,
    stream: shardStream(shard),
    fromSequence,
    onRecord: (record) => {
      seen.push(record.sequence);
      onChange();
    },
    onError: (thrown) => {
      error = thrown instanceof Error ? thrown : new Error(String(thrown));
      onChange();
    },
    onReattach: (reason) => {
      reasons.push(reason);
      onChange();
    },
    ...options,
  });
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        onChange = resolve;
      });
    }
  };
  reader.start();
  return { reader, seen, reasons, until, error: () => error };
}

function codeOf(error: unknown): string {
  return error instanceof ClusterError ? error.code : String(error);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

async function consumersOf(shard: number): Promise<string[]> {
  const answer = await requestApi(connection.nc, `CONSUMER.NAMES.${shardStream(shard)}`, { offset: 0 });
  return Array.isArray(answer["consumers"]) ? answer["consumers"].map(String) : [];
}

test("reading starts at the wanted sequence, goes on with what is appended, and leaves no consumer behind", async () => {
  await fill(0, 100);
  const { reader, seen, until } = observe(0, 41);
  await until(() => seen.length === 60);
  await fill(0, 20);
  await until(() => seen.length === 80);
  assert.deepEqual(seen, range(41, 120));
  assert.equal(reader.nextSequence, 121);
  await reader.stop();
  assert.deepEqual(await consumersOf(0), []);
});

test("no callback comes after stop", async () => {
  await fill(0, 10);
  const { reader, seen, until } = observe(0, 1);
  await until(() => seen.length > 0);
  const stopping = reader.stop();
  const count = seen.length;
  await stopping;
  await fill(0, 10);
  assert.equal(seen.length, count);
});

test("a consumer that somebody deletes is made again, without a loss or a repetition", async () => {
  await fill(1, 50);
  const { reader, seen, reasons, until } = observe(1, 1);
  await until(() => seen.length === 50);
  for (const name of await consumersOf(1))
    await requestApi(connection.nc, `CONSUMER.DELETE.${shardStream(1)}.${name}`, {});
  await fill(1, 50);
  await until(() => seen.length === 100);
  assert.deepEqual(seen, range(1, 100));
  assert.equal(reasons.length, 1);
  await reader.stop();
});

for (const how of ["stop", "kill"] as const) {
  test(`a server that is restarted (${how}) under load loses and repeats nothing`, async () => {
    const shard = how === "stop" ? 2 : 3;
    await fill(shard, 20_000, 512);
    const { reader, seen, reasons, until } = observe(shard, 1);
    await until(() => seen.length > 100);
    await nats.restart(how);
    await until(() => seen.length === 20_000);
    await fill(shard, 100);
    await until(() => seen.length === 20_100);
    assert.deepEqual(seen, range(1, 20_100));
    assert.ok(reasons.length >= 1);
    await reader.stop();
  });
}

test("a receiver that is slower than the log bounds what arrives ahead of it", async () => {
  const [count, bytes, roomBytes] = [6_000, 20_000, 4 * MIB];
  await fill(4, count, bytes);
  const queue: LogRecord[] = [];
  let [queuedBytes, queuedBytesMax, taken] = [0, 0, 0];
  await new Promise<void>((resolve, reject) => {
    const take = (): void => {
      for (const record of queue.splice(0, 5)) {
        taken += 1;
        queuedBytes -= record.data.length;
        if (record.sequence !== taken || Buffer.from(record.data).readUInt32BE() !== taken)
          reject(new Error(`record ${taken}`));
      }
      if (queuedBytes < roomBytes) reader.resume();
      if (taken === count) void reader.stop().then(resolve);
      else setImmediate(take);
    };
    const reader = new LogReader({
      connection,
      stream: shardStream(4),
      fromSequence: 1,
      onRecord: (record) => {
        queue.push(record);
        queuedBytes += record.data.length;
        queuedBytesMax = Math.max(queuedBytesMax, queuedBytes);
        if (queuedBytes >= roomBytes) reader.pause();
      },
      onError: reject,
    });
    reader.start();
    take();
  });
  assert.ok(queuedBytesMax < roomBytes + 33 * MIB, `${queuedBytesMax} bytes were queued`);
  assert.ok(queuedBytesMax < (count * bytes) / 2, "the whole backlog arrived at once");
});

test("a reader that is paused for longer than its patience goes on without being made again", async () => {
  await fill(4, 1);
  const { reader, seen, reasons, until } = observe(4, 1);
  reader.pause();
  // More silent heartbeats than a reader bears; they are heard, so they are no silence.
  await heartbeatsSent(5);
  const arrived = seen.length;
  assert.ok(arrived < 6_001, `${arrived} records arrived`);
  reader.resume();
  await until(() => seen.length === 6_001);
  assert.deepEqual([seen, reasons], [range(1, 6_001), []]);
  await reader.stop();
});

/** Returns when the server has sent that many heartbeats to whatever consumer there is. */
async function heartbeatsSent(count: number): Promise<void> {
  const watcher = await nats.connect("watcher");
  let beats = 0;
  await new Promise<void>((resolve) => {
    watcher.nc.subscribe("_INBOX.>", {
      callback: (_error, message) => {
        if (message.data.length === 0 && message.headers?.description === "Idle Heartbeat") beats += 1;
        if (beats === count) resolve();
      },
    });
  });
  await watcher.close();
}

test("records that are kept for later stay what they were", async () => {
  await ensureShardStream(connection.nc, streams, { shard: 7, nonce: "n" });
  const subject = frameSubject(7, tenantName("demo"));
  const bodyOf = (sequence: number) => Buffer.alloc(1 + ((sequence * 7919) % 3_000), sequence % 251);
  const count = 4_000;
  await Promise.all(
    Array.from({ length: count }, (_, index) => writer.publish({ subject, data: bodyOf(index + 1) })),
  );
  const kept: LogRecord[] = [];
  await new Promise<void>((resolve, reject) => {
    const reader = new LogReader({
      connection,
      stream: shardStream(7),
      fromSequence: 1,
      onRecord: (record) => {
        kept.push(record);
        if (kept.length === count) void reader.stop().then(resolve);
      },
      onError: reject,
    });
    reader.start();
  });
  for (const record of kept)
    assert.ok(bodyOf(record.sequence).equals(record.data), `record ${record.sequence}`);
});

test("a head that was trimmed away is a gap, and the reader stops", async () => {
  await fill(5, 30);
  await requestApi(connection.nc, `STREAM.PURGE.${shardStream(5)}`, { seq: 11 });
  const { until, error } = observe(5, 5);
  await until(() => error() !== null);
  assert.equal(codeOf(error()), "log_gap");
  assert.match(error()?.message ?? "", /COFFER_S5 has no record 5; the next one that it has is 11/);
  const fromFirst = observe(5, 11);
  await fromFirst.until(() => fromFirst.seen.length === 20);
  await fromFirst.reader.stop();
});

test("a hole in the middle is a gap", async () => {
  const info = objectIn((await requestApi(connection.nc, `STREAM.INFO.${shardStream(5)}`, {}))["config"]);
  const name = "HOLE";
  const config = { ...info, name, subjects: ["hole"], deny_delete: false };
  await requestApi(connection.nc, `STREAM.CREATE.${name}`, config);
  for (let count = 0; count < 5; count += 1) await writer.publish({ subject: "hole", data: Buffer.alloc(1) });
  await requestApi(connection.nc, `STREAM.MSG.DELETE.${name}`, { seq: 3 });
  const seen: number[] = [];
  const failure = await new Promise<unknown>((resolve) => {
    const onRecord = (record: LogRecord): void => void seen.push(record.sequence);
    new LogReader({
      connection,
      stream: name,
      fromSequence: 1,
      onRecord,
      onError: resolve,
    }).start();
  });
  assert.ok(failure instanceof ClusterError);
  assert.deepEqual([seen, failure.code, failure.facts["found"]], [[1, 2], "log_gap", "4"]);
});

test("a log that ends before what was read is not read", async () => {
  await fill(6, 10);
  const { seen, until, error } = observe(6, 20);
  await until(() => error() !== null);
  assert.deepEqual([codeOf(error()), seen], ["log_short", []]);
  const atEnd = observe(6, 11);
  await fill(6, 1);
  await atEnd.until(() => atEnd.seen.length === 1);
  await atEnd.reader.stop();
});

test("a stream that is missing is an error, not a wait", async () => {
  const { until, error } = observe(8, 1);
  await until(() => error() !== null);
  assert.equal(codeOf(error()), "stream_missing");
});

test("what the owner finds wrong at attach stops the reader before the first record", async () => {
  await fill(6, 1);
  const wrong = new Error("another nonce");
  const { seen, until, error } = observe(6, 1, {
    onAttach: () => {
      throw wrong;
    },
  });
  await until(() => error() !== null);
  assert.deepEqual([error(), seen], [wrong, []]);
});
