// The primitive forms of rows: what ByteWriter writes, ByteReader reads, and nothing else passes as a row. Rows
// are tested through the ledger (shard-ledger.test.ts). Guards against values that come back changed, and
// against damaged bytes that come back as values.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { INT64_MAX, INT64_MIN } from "../../protocol/money.ts";
import { ByteReader } from "../../storage/byte-reader.ts";
import { ByteWriter } from "../../storage/byte-writer.ts";
import { StorageFault } from "../../storage/storage-error.ts";
import { idOf } from "./shard-file-support.ts";

const FIELD = fc.oneof(
  fc.record({ kind: fc.constant("varint" as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant("uint64" as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant("int64" as const), value: fc.bigInt({ min: INT64_MIN, max: INT64_MAX }) }),
  fc.record({ kind: fc.constant("uint32" as const), value: fc.nat({ max: 2 ** 32 - 1 }) }),
  fc.record({ kind: fc.constant("amount" as const), value: anyAmount() }),
  fc.record({ kind: fc.constant("integer" as const), value: fc.bigInt() }),
  fc.record({ kind: fc.constant("text" as const), value: fc.string({ unit: "binary", maxLength: 300 }) }),
  fc.record({ kind: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ kind: fc.constant("id" as const), value: fc.oneof(fc.nat(), fc.nat({ max: 1 })).map(idOf) }),
);

/** Also small ones, and those around the bound between the short form and the long one. */
function anyAmount(): fc.Arbitrary<bigint> {
  const near = (middle: bigint) => fc.bigInt({ min: middle - 3n, max: middle + 3n });
  return fc.oneof(
    fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
    ...[0n, 2n ** 52n, -(2n ** 52n), 2n ** 53n, -(2n ** 53n), 64n, -64n, 2n ** 31n, 2n ** 30n].map(near),
    fc.constantFrom(INT64_MIN, INT64_MAX),
  );
}

type Field = typeof FIELD extends fc.Arbitrary<infer Value> ? Value : never;

function write(writer: ByteWriter, { kind, value }: Field): void {
  if (kind === "varint") writer.varint(value);
  else if (kind === "uint64") writer.uint64(value);
  else if (kind === "int64") writer.int64(value);
  else if (kind === "uint32") writer.uint32(value);
  else if (kind === "amount") writer.amount(value);
  else if (kind === "integer") writer.integer(value);
  else if (kind === "text") writer.text(value);
  else if (kind === "bytes") writer.bytes(value);
  else writer.id(value);
}

test("every primitive form is read back as it was written, whatever its neighbours and the capacity", () => {
  const property = fc.property(fc.array(FIELD), fc.integer({ min: 1, max: 64 }), (fields, capacity) => {
    const writer = new ByteWriter(capacity);
    for (const written of fields) write(writer, written);
    const reader = new ByteReader(writer.copy(), "row");
    for (const { kind, value } of fields) {
      const read = kind === "bytes" ? Uint8Array.from(reader.bytes()) : reader[kind]();
      assert.deepEqual(read, kind === "text" ? Buffer.from(value).toString() : value);
    }
    reader.end();
  });
  fc.assert(property, { numRuns: 1000 });
});

test("bytes that end early, run on or say nonsense are corruption, never a half-read row", () => {
  const isCorrupt = (error: unknown) => error instanceof StorageFault && error.code === "corrupt";
  const reader = (...bytes: number[]) => new ByteReader(Uint8Array.from(bytes), "row");
  assert.throws(() => reader().byte(), isCorrupt);
  assert.throws(() => reader(5, 65).text(), isCorrupt);
  assert.throws(() => reader(255, 255, 255, 255, 255, 255, 255, 255, 1).varint(), isCorrupt);
  assert.throws(() => reader(255, 255, 255, 255, 255, 255, 255, 127).varint(), isCorrupt);
  assert.throws(() => reader(200, 1).list(() => 0), isCorrupt);
  assert.throws(() => reader(1, 2).end(), isCorrupt);
  assert.throws(() => reader(2).version(1), isCorrupt);
  assert.throws(() => reader(9).choice(["a"]), isCorrupt);
  assert.throws(() => reader(2, 45, 45).integer(), isCorrupt);
  assert.throws(() => reader(1, 2, 3).int64(), isCorrupt);
});

test("a view stays what it is while the writer grows", () => {
  const writer = new ByteWriter(4);
  writer.text("abc");
  const view = writer.view();
  writer.text("a long text that does not fit into what is there");
  assert.equal(view.subarray(1).toString(), "abc");
});
