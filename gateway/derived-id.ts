// Ids that are derived from what they stand for, so that they work for ever and need no memory of their own.
// Invariant: the same domain and parts give the same id, on every gateway; anything else another one.

import { assert } from "../protocol/assert.ts";
import { type CommandId, commandIdFromBytes } from "../protocol/command-id.ts";
import { hash16 } from "../protocol/digest.ts";

/**
 * The id of some parts: a UUIDv8. About 2 µs.
 * @param domain keeps these ids apart from everything else that is ever hashed; part of the outside contract
 */
export function derivedId(domain: string, parts: readonly string[]): CommandId {
  const texts = [domain, ...parts].map((part) => `${Buffer.byteLength(part)}:${part}`);
  const bytes = hash16(Buffer.from(texts.join("")));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint8(6, (view.getUint8(6) & 0x0f) | 0x80);
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  const id = commandIdFromBytes(bytes);
  assert(id !== undefined, "16 bytes are an id");
  return id;
}
