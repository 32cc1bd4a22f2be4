// The stored form of a claimed command: owner's number, id and canonical content. Owns the layout; the run that
// holds it (row-run.ts) has the version and the checksum, and says which record claimed it. The content is what a
// repeated id is compared with, so it is kept as it came, for ever.

import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { RowRun } from "./row-run.ts";

/** Parts of a command's row: the claim, and the outcome of one that settled in its own record. */
export const CLAIM_PART = 0;
/** See {@link CLAIM_PART}. */
export const OUTCOME_PART = 1;

/** A claim as it is stored. */
export interface ClaimRow {
  /** The addressed owner's number. */
  readonly owner: number;
  readonly id: CommandId;
  readonly content: Uint8Array;
}

/** Writes a claim. */
export function writeClaim(writer: ByteWriter, { owner, id, content }: ClaimRow): void {
  writer.varint(owner);
  writer.id(id);
  writer.raw(content);
}

/** Reads a claim. Errors: `StorageFault("corrupt")`. */
export function readClaim(number: number, body: Uint8Array): ClaimRow {
  const reader = new ByteReader(body, `command ${number}`);
  const owner = reader.varint();
  const id = reader.id();
  return { owner, id, content: reader.rest() };
}

/** What the commands of a run claimed, behind a number. Errors: `StorageFault("corrupt")`. */
export function* claimsOf(run: RowRun, after = 0): Generator<ClaimRow & { readonly number: number }> {
  for (let number = Math.max(run.first, after + 1); run.has(number); number += 1) {
    const body = run.part(number, CLAIM_PART);
    assert(body !== null, "a command has a claim");
    yield { number, ...readClaim(number, body) };
  }
}
