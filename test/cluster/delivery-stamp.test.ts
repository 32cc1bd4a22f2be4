// What a delivery's reply subject says, read from its bytes, against the documented spelling.
// Owns both forms of it and everything that looks nearly like one; whole deliveries are in log-record.test.ts.
// Guards against: a sequence or a time misread, which would break the log chain or halt a healthy shard.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deliveryStamp } from "../../cluster/delivery-stamp.ts";

const STAMP = { sequence: 9_000_000_001, delivered: 7, timeMs: 1_795_334_400_123, timeNanos: 456_789 };

test("both forms of the reply subject give the same numbers", () => {
  const forms = [
    "$JS.ACK.S.C.1.9000000001.7.1795334400123456789.0",
    "$JS.ACK.domain.hash.S.C.1.9000000001.7.1795334400123456789.0",
    "$JS.ACK._.hash.S.C.1.9000000001.7.1795334400123456789.0.random",
  ];
  for (const form of forms) assert.deepEqual(deliveryStamp(Buffer.from(form)), STAMP, form);
});

test("the last six digits of a time are nanoseconds, zeros in front included", () => {
  const stamp = deliveryStamp(Buffer.from("$JS.ACK.S.C.1.1.1.1795334400123000045.0"));
  assert.deepEqual([stamp?.timeMs, stamp?.timeNanos], [1_795_334_400_123, 45]);
  const shortest = deliveryStamp(Buffer.from("$JS.ACK.S.C.1.1.1.1000000.0"));
  assert.deepEqual([shortest?.timeMs, shortest?.timeNanos], [1, 0]);
});

test("what is no delivery is null", () => {
  const others = [
    "",
    "$JS.ACK.",
    "$JS.FC.S.C.1.9.7.1795334400123456789.0",
    "$JS.ACK.S.C.1.9.7.1795334400123456789",
    "$JS.ACK.S.C.1.9.7.123456.0",
    "$JS.ACK.S.C.1.9.7.soon000000.0",
    "$JS.ACK.S.C.1.9.x.1795334400123456789.0",
    "$JS.ACK.S.C.1..7.1795334400123456789.0",
    "$JS.ACK.S.C.1.99999999999999999.7.1795334400123456789.0",
    "$JS.ACK.S.C.1.-9.7.1795334400123456789.0",
    "$JS.ACK.a.b.S.C.1.9.7.1795334400123456789.0.r.more",
    "a".repeat(4_096),
  ];
  for (const other of others) assert.equal(deliveryStamp(Buffer.from(other)), null, other);
});
