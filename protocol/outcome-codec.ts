// Outcomes in MessagePack: what the shard stores and what answers to frames carry.
//
//   one   [version, fields]      many  [version, [fields…]]
//   fields = [id, op, status, code, detail, replayed, shard, position, time, balances]
//   balances = [[wallet, posted, held, incoming, available, version]…] or nil when refused
//
// An id that is a lower-case UUID is 16 bytes of bin, other echoed text is str. Operations and statuses are
// numbers (their tables are append-only), codes are text (their table is ordered by precedence and may grow
// in the middle).

import { OPS } from "./command.ts";
import { COMMANDS_PER_MESSAGE_MAX, ECHOED_ID_CHARS_MAX, LEGS_MAX } from "./limits.ts";
import type { Balances, Outcome, Refusal } from "./outcome.ts";
import { isRefusalCode, STATUSES } from "./outcome.ts";
import { decodeVersioned, type PackFields } from "./pack-fields.ts";
import type { CodecFailure } from "./pack-reader.ts";
import { mismatch } from "./pack-reader.ts";
import { PackWriter } from "./pack-writer.ts";
import type { Result } from "./result.ts";
import { TIME_MS_MAX } from "./time-text.ts";

/** Version of both forms. */
export const OUTCOME_VERSION = 1;

/** Characters of a detail that are read back. */
const DETAIL_CHARS_MAX = 1024;
const CODE_CHARS_MAX = 64;
const BALANCES_MAX = 2 * LEGS_MAX;
/** Answers of several frames may share one message. */
const OUTCOMES_MAX = 16 * COMMANDS_PER_MESSAGE_MAX;

const OP_NAMES: readonly (string | null)[] = OPS;

const writer = new PackWriter();

/** One outcome, in bytes of its own. Never throws for a valid outcome. */
export function encodeOutcome(outcome: Outcome): Uint8Array {
  writer.begin().array(2).int(OUTCOME_VERSION);
  writeOutcome(outcome);
  return writer.finish();
}

/** Reads what {@link encodeOutcome} gave. Never throws. */
export function decodeOutcome(bytes: Uint8Array): Result<Outcome, CodecFailure> {
  return decodeVersioned(bytes, OUTCOME_VERSION, (fields) => fields.group(readOutcome));
}

/** Outcomes as one answer. The caller keeps it within the size of a message. */
export function encodeOutcomes(outcomes: readonly Outcome[]): Uint8Array {
  writer.begin().array(2).int(OUTCOME_VERSION).array(outcomes.length);
  for (let index = 0; index < outcomes.length; index += 1) {
    const outcome = outcomes[index];
    if (outcome) writeOutcome(outcome);
  }
  return writer.finish();
}

/** Reads what {@link encodeOutcomes} gave. Never throws. */
export function decodeOutcomes(bytes: Uint8Array): Result<Outcome[], CodecFailure> {
  return decodeVersioned(bytes, OUTCOME_VERSION, (fields) => fields.list(OUTCOMES_MAX, readOutcome));
}

function writeOutcome(outcome: Outcome): void {
  writer.array(10);
  writeId(outcome.id);
  writeOp(outcome.op);
  writer.int(STATUSES.indexOf(outcome.status));
  writer.textOrNil(outcome.refusal?.code ?? null).textOrNil(outcome.refusal?.detail ?? null);
  writer.bool(outcome.replayed).int(outcome.shard).int(outcome.position).int(outcome.timeMs);
  if (outcome.balances === null) {
    writer.nil();
    return;
  }
  writer.array(outcome.balances.length);
  for (const balances of outcome.balances) writeBalances(balances);
}

function writeId(id: string | null): void {
  if (id === null || !writer.idText(id)) writer.textOrNil(id);
}

function writeOp(op: string | null): void {
  const number = OP_NAMES.indexOf(op);
  if (number >= 0) writer.int(number);
  else writer.textOrNil(op);
}

function writeBalances(balances: Balances): void {
  writer
    .array(6)
    .text(balances.wallet)
    .bigint(balances.posted)
    .bigint(balances.held)
    .bigint(balances.incoming);
  if (balances.available === "unlimited") writer.text(balances.available);
  else writer.bigint(balances.available);
  writer.int(balances.version);
}

function readOutcome(fields: PackFields): Outcome {
  return {
    id: fields.isBytes() ? fields.id() : fields.textOrNull(ECHOED_ID_CHARS_MAX),
    op: fields.isNumber() ? fields.oneOf(OPS) : fields.textOrNull(ECHOED_ID_CHARS_MAX),
    status: fields.oneOf(STATUSES),
    refusal: readRefusal(fields),
    replayed: fields.bool(),
    shard: fields.int(),
    position: fields.int(),
    timeMs: fields.int(0, TIME_MS_MAX),
    balances: fields.isNil() ? null : fields.list(BALANCES_MAX, readBalances),
  };
}

/** Code and detail, as outcomes and items carry them. */
export function readRefusal(fields: PackFields): Refusal | null {
  const code = fields.textOrNull(CODE_CHARS_MAX);
  const detail = fields.textOrNull(DETAIL_CHARS_MAX);
  if (code === null) return detail === null ? null : mismatch();
  return isRefusalCode(code) ? { code, detail } : mismatch();
}

function readBalances(fields: PackFields): Balances {
  return {
    wallet: fields.wallet(),
    posted: fields.money(),
    held: fields.money(),
    incoming: fields.money(),
    available: fields.available(),
    version: fields.int(),
  };
}
