// The stored form of a claimed command: owner's number, id, content hash and canonical content. Owns the
// layout and its version.

import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

const VERSION = 1;
/** Bytes of a content hash. */
const HASH_BYTES = 16;

/** A claim as it is stored. */
export interface ClaimRow {
  /** The addressed owner's number. */
  readonly owner: number;
  readonly id: CommandId;
  /** 16 bytes. */
  readonly hash: Uint8Array;
  readonly content: Uint8Array;
}

/** Writes a claim. */
export function writeClaim(writer: ByteWriter, { owner, id, hash, content }: ClaimRow): void {
  assert(hash.length === HASH_BYTES, "a content hash is 16 bytes");
  writer.byte(VERSION);
  writer.varint(owner);
  writer.id(id);
  writer.raw(hash);
  writer.raw(content);
}

/** Reads a claim. Errors: `StorageFault("corrupt")`. */
export function readClaim(number: number, body: Uint8Array): ClaimRow {
  const reader = new ByteReader(body, `command ${number}`);
  reader.version(VERSION);
  const owner = reader.varint();
  const id = reader.id();
  const hash = reader.raw(HASH_BYTES);
  return { owner, id, hash, content: reader.rest() };
}
