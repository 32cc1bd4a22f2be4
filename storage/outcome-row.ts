// The stored form of an outcome. Id, shard and `replayed` are left out: the command's row and the file say
// them. Refusal codes are stored as text, because their table is ordered by precedence and grows in the middle.

import { assert } from "../protocol/assert.ts";
import { OPS } from "../protocol/command.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { WalletName } from "../protocol/names.ts";
import { type Balances, isRefusalCode, type Outcome, type Refusal, STATUSES } from "../protocol/outcome.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

const VERSION = 1;

/** Operations by their stored numbers. */
const OP_NUMBERS: ReadonlyMap<string | null, number> = new Map(OPS.map((op, number) => [op, number]));

/** What an outcome's balances hold beyond the name. */
const HAS = { posted: 1, held: 2, incoming: 4, available: 8, unlimited: 16 } as const;

/** Writes an outcome. */
export function writeOutcome(writer: ByteWriter, outcome: Outcome): void {
  const op = OP_NUMBERS.get(outcome.op);
  assert(op !== undefined, "a recorded outcome has an operation");
  writer.byte(VERSION);
  writer.byte(op);
  writer.byte(STATUSES.indexOf(outcome.status));
  writeRefusal(writer, outcome.refusal);
  writer.varint(outcome.position);
  writer.varint(outcome.timeMs);
  writer.optionalVarint(outcome.balances === null ? null : outcome.balances.length);
  for (const balances of outcome.balances ?? []) writeBalances(writer, balances);
}

/** Writes a refusal or null. */
export function writeRefusal(writer: ByteWriter, refusal: Refusal | null): void {
  writer.optionalText(refusal === null ? null : refusal.code);
  if (refusal !== null) writer.optionalText(refusal.detail);
}

/** Reads a refusal or null. */
export function readRefusal(reader: ByteReader): Refusal | null {
  const code = reader.optionalText();
  if (code === null) return null;
  if (!isRefusalCode(code)) throw reader.fault(`has the unknown refusal ${code}`);
  return { code, detail: reader.optionalText() };
}

function writeBalances(writer: ByteWriter, balances: Balances): void {
  const { posted, held, incoming, available } = balances;
  let flags = 0;
  if (posted !== 0n) flags |= HAS.posted;
  if (held !== 0n) flags |= HAS.held;
  if (incoming !== 0n) flags |= HAS.incoming;
  if (available === "unlimited") flags |= HAS.unlimited;
  else if (available !== 0n) flags |= HAS.available;
  writer.text(balances.wallet);
  writer.byte(flags);
  if (flags & HAS.posted) writer.int64(posted);
  if (flags & HAS.held) writer.int64(held);
  if (flags & HAS.incoming) writer.int64(incoming);
  // posted - held - min may lie beyond int64, so it is text.
  if (available !== "unlimited" && flags & HAS.available) writer.integer(available);
  writer.varint(balances.version);
}

/** Reads a stored outcome. Errors: `StorageFault("corrupt")`. */
export function readOutcome(body: Uint8Array, { id, shard }: { id: CommandId; shard: number }): Outcome {
  const reader = new ByteReader(body, `outcome of ${id}`);
  reader.version(VERSION);
  const op = reader.choice(OPS);
  const status = reader.choice(STATUSES);
  const refusal = readRefusal(reader);
  const position = reader.varint();
  const timeMs = reader.varint();
  const count = reader.optionalVarint();
  const balances = count === null ? null : readAllBalances(reader, count);
  reader.end();
  return { id, op, status, refusal, replayed: false, shard, position, timeMs, balances };
}

function readAllBalances(reader: ByteReader, count: number): Balances[] {
  const all: Balances[] = [];
  for (let index = 0; index < count; index += 1) all.push(readBalances(reader));
  return all;
}

function readBalances(reader: ByteReader): Balances {
  const wallet = reader.name<WalletName>();
  const flags = reader.byte();
  const posted = flags & HAS.posted ? reader.int64() : 0n;
  const held = flags & HAS.held ? reader.int64() : 0n;
  const incoming = flags & HAS.incoming ? reader.int64() : 0n;
  const finite = flags & HAS.available ? reader.integer() : 0n;
  const available = flags & HAS.unlimited ? "unlimited" : finite;
  return { wallet, posted, held, incoming, available, version: reader.varint() };
}
