// The stored form of an outcome: the number of the step that tells it, or all of it. Id, shard, `replayed`, position
// and time are left out: the command's row, the file and the record that settled it say them. Refusal codes are stored
// as text, because their table is ordered by precedence and grows in the middle.

import { assert } from "../protocol/assert.ts";
import { OPS } from "../protocol/command.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { WalletName } from "../protocol/names.ts";
import { type Balances, isRefusalCode, type Outcome, type Refusal, STATUSES } from "../protocol/outcome.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { StepOutcome } from "./step-outcome.ts";

/** First byte: a step tells the outcome, or it is written out. */
const FORMS = ["step", "whole"] as const;

/** Operations by their stored numbers. */
const OP_NUMBERS: ReadonlyMap<string | null, number> = new Map(OPS.map((op, number) => [op, number]));

/** What an outcome's balances hold beyond the name. */
const HAS = { posted: 1, held: 2, incoming: 4, available: 8, unlimited: 16 } as const;

/** Writes that a step tells the outcome. */
export function writeOutcomeStep(writer: ByteWriter, step: number): void {
  writer.byte(FORMS.indexOf("step"));
  writer.varint(step);
}

/** Writes an outcome as a whole. */
export function writeOutcome(writer: ByteWriter, outcome: Outcome): void {
  const op = OP_NUMBERS.get(outcome.op);
  assert(op !== undefined, "a recorded outcome has an operation");
  writer.byte(FORMS.indexOf("whole"));
  writer.byte(op);
  writer.byte(STATUSES.indexOf(outcome.status));
  writeRefusal(writer, outcome.refusal);
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
  if (flags & HAS.posted) writer.amount(posted);
  if (flags & HAS.held) writer.amount(held);
  if (flags & HAS.incoming) writer.amount(incoming);
  // posted - held - min may lie beyond int64, so it is text.
  if (available !== "unlimited" && flags & HAS.available) writer.integer(available);
  writer.varint(balances.version);
}

/** What an outcome's bytes leave out. */
export interface OutcomeAt {
  readonly id: CommandId;
  readonly shard: number;
  /** The record that settled it. */
  readonly position: number;
  /** That record's shard time, in ms. */
  readonly timeMs: number;
}

/**
 * Reads a stored outcome. Errors: `StorageFault("corrupt")`.
 * @param told what a step tells; undefined when it is missing or settled nothing
 */
export function readOutcome(
  body: Uint8Array,
  { id, shard, position, timeMs }: OutcomeAt,
  told: (step: number) => StepOutcome | undefined,
): Outcome {
  const reader = new ByteReader(body, `outcome of ${id}`);
  const form = reader.choice(FORMS);
  const { op, status, refusal, balances } =
    form === "step" ? readToldOutcome(reader, told) : readWholeOutcome(reader);
  reader.end();
  return { id, op, status, refusal, replayed: false, shard, position, timeMs, balances };
}

type OutcomeBody = Pick<Outcome, "op" | "status" | "refusal" | "balances">;

function readToldOutcome(reader: ByteReader, told: (step: number) => StepOutcome | undefined): OutcomeBody {
  const number = reader.varint();
  const outcome = told(number);
  if (!outcome) throw reader.fault(`is told by step ${number}, which tells none`);
  return { ...outcome, refusal: null };
}

function readWholeOutcome(reader: ByteReader): OutcomeBody {
  const op = reader.choice(OPS);
  const status = reader.choice(STATUSES);
  const refusal = readRefusal(reader);
  const count = reader.optionalVarint();
  return { op, status, refusal, balances: count === null ? null : readAllBalances(reader, count) };
}

function readAllBalances(reader: ByteReader, count: number): Balances[] {
  const all: Balances[] = [];
  for (let index = 0; index < count; index += 1) all.push(readBalances(reader));
  return all;
}

function readBalances(reader: ByteReader): Balances {
  const wallet = reader.name<WalletName>();
  const flags = reader.byte();
  const posted = flags & HAS.posted ? reader.amount() : 0n;
  const held = flags & HAS.held ? reader.amount() : 0n;
  const incoming = flags & HAS.incoming ? reader.amount() : 0n;
  const finite = flags & HAS.available ? reader.integer() : 0n;
  const available = flags & HAS.unlimited ? "unlimited" : finite;
  return { wallet, posted, held, incoming, available, version: reader.varint() };
}
