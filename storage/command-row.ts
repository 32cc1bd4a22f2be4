// The stored form of a claimed command: owner's number, id and canonical content. Owns the layout and its
// version.

import type { CommandId } from "../protocol/command-id.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

const VERSION = 1;

/** A claim as it is stored. */
export interface ClaimRow {
  /** The addressed owner's number. */
  readonly owner: number;
  readonly id: CommandId;
  readonly content: Uint8Array;
}

/** Writes a claim. */
export function writeClaim(writer: ByteWriter, { owner, id, content }: ClaimRow): void {
  writer.byte(VERSION);
  writer.varint(owner);
  writer.id(id);
  writer.raw(content);
}

/** Reads a claim. Errors: `StorageFault("corrupt")`. */
export function readClaim(number: number, body: Uint8Array): ClaimRow {
  const reader = new ByteReader(body, `command ${number}`);
  reader.version(VERSION);
  const owner = reader.varint();
  const id = reader.id();
  return { owner, id, content: reader.rest() };
}
