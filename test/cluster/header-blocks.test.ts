// Header blocks that are found again: equal bytes give the same array, and nothing else ever does.
// What a block decodes to is in log-record.test.ts.
// Guards against: a record that is hashed with, or answered by, the headers of another one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderBlocks } from "../../cluster/header-blocks.ts";
import { decodeHeaders } from "../../cluster/log-record.ts";
import { hashBytes } from "../../protocol/shard-map.ts";

function blockOf(value: string): Buffer {
  return Buffer.from(`NATS/1.0\r\nCoffer-Reply: ${value}\r\n\r\n`);
}

/** Another value of four digits whose block has the same hash as far as the table looks. */
function sharingThePlaceOf(value: string): string {
  const placeOf = (candidate: string): number =>
    hashBytes(blockOf(candidate), 0, blockOf(candidate).length) & 255;
  for (let number = 0; number < 10_000; number += 1) {
    const other = String(number).padStart(4, "0");
    if (other !== value && placeOf(other) === placeOf(value)) return other;
  }
  return assert.fail("of ten thousand blocks some share a place of 256");
}

test("equal blocks share one array, and the body behind a block does not count", () => {
  const blocks = new HeaderBlocks(decodeHeaders);
  const block = blockOf("coffer.res.demo.a");
  const first = blocks.decoded(Buffer.concat([block, Buffer.from("one")]), block.length);
  assert.equal(blocks.decoded(Buffer.concat([block, Buffer.from("two")]), block.length), first);
  assert.deepEqual(first, [["Coffer-Reply", "coffer.res.demo.a"]]);
});

test("a thousand different blocks, many of them in one place, each give their own headers", () => {
  const blocks = new HeaderBlocks(decodeHeaders);
  for (let round = 0; round < 2; round += 1) {
    for (let number = 0; number < 1_000; number += 1) {
      const block = blockOf(String(number).padStart(4, "0"));
      assert.deepEqual(blocks.decoded(block, block.length), decodeHeaders(block));
    }
  }
});

test("a block is kept as a copy: the buffer that it came in may be used again", () => {
  const blocks = new HeaderBlocks(decodeHeaders);
  const buffer = blockOf("0000");
  const other = blockOf(sharingThePlaceOf("0000"));
  blocks.decoded(buffer, buffer.length);
  buffer.set(other);
  assert.deepEqual(blocks.decoded(other, other.length), decodeHeaders(other));
});

test("a block too long to be kept is decoded each time", () => {
  const blocks = new HeaderBlocks(decodeHeaders);
  const block = blockOf("x".repeat(1_000));
  const first = blocks.decoded(block, block.length);
  assert.notEqual(blocks.decoded(block, block.length), first);
  assert.deepEqual(blocks.decoded(block, block.length), first);
});
