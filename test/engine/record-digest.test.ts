// The digest of a record covers every part of it, and says the same of a record whichever way it is computed.
// The encoding is written down here a second time, in the plainest way.
// Guards against: two records with one digest, and a digest that depends on the record before.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { LogRecord } from "../../cluster/log-record.ts";
import { recordDigest } from "../../engine/record-digest.ts";

const RECORD: LogRecord = {
  sequence: 2 ** 40 + 3,
  timestampMs: 1_795_334_400_123,
  timestampNanos: 456_789,
  subject: "coffer.s.1.cmd.demo.alice",
  headers: [["Coffer-Reply", "coffer.res.demo.a"]],
  data: Buffer.from("body"),
};

/** The encoding as the file header of record-digest says it. */
function expectedDigest(record: LogRecord): Buffer {
  const subject = Buffer.from(record.subject);
  const headers = record.headers ? Buffer.from(JSON.stringify(record.headers)) : Buffer.alloc(0);
  const head = Buffer.alloc(28);
  head.writeBigUInt64BE(BigInt(record.sequence), 0);
  head.writeBigUInt64BE(BigInt(record.timestampMs), 8);
  head.writeUInt32BE(record.timestampNanos, 16);
  head.writeUInt32BE(subject.length, 20);
  head.writeUInt32BE(headers.length, 24);
  return createHash("sha256").update(head).update(subject).update(headers).update(record.data).digest();
}

test("a digest is the hash of all parts, for small records and large ones, in any order", () => {
  const records: LogRecord[] = [
    RECORD,
    { ...RECORD, headers: null },
    { ...RECORD, headers: [["Coffer-Reply", "coffer.res.demo.b"]] },
    { ...RECORD, data: Buffer.alloc(0) },
    { ...RECORD, data: Buffer.alloc(16_000, 1) },
    { ...RECORD, data: Buffer.alloc(600_000, 2) },
    { ...RECORD, subject: "coffer.s.1.cmd.demo.\u00e4\u2713\ufffd" },
    { ...RECORD, headers: [["A", "\u00e4\ufffd".repeat(9_000)]] },
    RECORD,
  ];
  for (const record of records) assert.deepEqual(Buffer.from(recordDigest(record)), expectedDigest(record));
});

test("a change of any part changes the digest", () => {
  const changed: Partial<LogRecord>[] = [
    { sequence: 3 },
    { timestampMs: RECORD.timestampMs + 1 },
    { timestampNanos: RECORD.timestampNanos + 1 },
    { subject: "coffer.s.1.cmd.demo.alicf" },
    { headers: null },
    { headers: [] },
    { headers: [["Coffer-Reply", "coffer.res.demo.b"]] },
    { data: Buffer.from("bodz") },
  ];
  const digests = [{}, ...changed].map((change) =>
    Buffer.from(recordDigest({ ...RECORD, ...change })).toString("hex"),
  );
  assert.equal(new Set(digests).size, digests.length);
});

test("parts cannot trade bytes with one another", () => {
  const one = recordDigest({ ...RECORD, subject: "ab", headers: null, data: Buffer.from("c") });
  const other = recordDigest({ ...RECORD, subject: "a", headers: null, data: Buffer.from("bc") });
  assert.notDeepEqual(one, other);
});
