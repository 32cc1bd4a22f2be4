// The canonical content of a command: what "same id, same content" compares, and what the shard keeps of it.
// A MessagePack array `[version, op, …fields]` with every field in its place, defaults filled in, ids and
// owner left out (they are the scope). Equal commands have equal bytes whatever form they came in, and the
// bytes are stored for ever, so version 1 is never edited.
//
//   [1,0, wallet, asset, min, max, meta]                     open
//   [1,1, [[from,to,amount]…], ttlMs, code, ref, meta, [[wallet,version]…]]   transfer
//   [1,2, hold, amount, final] [1,3, hold] [1,4, transfer, amount]            capture release reverse
//   [1,5..7, wallet, reason] [1,8, wallet, min, max]                          freeze unfreeze close limit
//
// Absent = nil; no bound = "unlimited"; ids are 16 bytes of bin.

import { canonicalJsonOf, isJsonObject, parseJson } from "./canonical-json.ts";
import type { Command, Op } from "./command.ts";
import { OPS } from "./command.ts";
import type { CommandId } from "./command-id.ts";
import { commandIdFromBytes } from "./command-id.ts";
import type { Addressed, RawFields } from "./command-shape.ts";
import { shapeCommand } from "./command-shape.ts";
import { JSON_DEPTH_MAX, META_BYTES_MAX } from "./limits.ts";
import type { Bound } from "./money.ts";
import { INT64_MAX, isInt64 } from "./money.ts";
import type { OwnerName } from "./names.ts";
import type { PackValue } from "./pack-reader.ts";
import { readPacked } from "./pack-reader.ts";
import { PackWriter } from "./pack-writer.ts";
import { failed, ok, type Result } from "./result.ts";
import type { FieldForms } from "./shape-check.ts";
import { ShapeCheck } from "./shape-check.ts";

/** Version of the canonical content. */
export const CONTENT_VERSION = 1;

const writer = new PackWriter();

/** The fields of each operation by place, after version and op. */
const PLACES: Readonly<Record<Op, readonly string[]>> = {
  open: ["wallet", "asset", "min", "max", "meta"],
  transfer: ["legs", "hold", "code", "ref", "meta", "ifVersion"],
  capture: ["hold", "amount", "final"],
  release: ["hold"],
  reverse: ["transfer", "amount"],
  freeze: ["wallet", "reason"],
  unfreeze: ["wallet", "reason"],
  close: ["wallet", "reason"],
  limit: ["wallet", "min", "max"],
};

/** Fields whose default is always written out: nil there is a value of the wrong type, not an absent field. */
const ALWAYS_WRITTEN: Readonly<Partial<Record<Op, readonly string[]>>> = {
  open: ["min", "max"],
  capture: ["final"],
};

/** How contents and frames spell values. */
export const PACK_FORMS: FieldForms = {
  id: (value) => (value instanceof Uint8Array ? commandIdFromBytes(value) : undefined),
  amount: packedAmount,
  bound: packedBound,
  version: (value) => (typeof value === "number" && value >= 0 ? value : undefined),
  versionPairs: packedPairs,
  meta: packedMeta,
};

/** The canonical content, in bytes of its own. Never throws for a valid command; about 0.5 µs. */
export function encodeCommand(command: Command): Uint8Array {
  writer.begin();
  writeContent(writer, command);
  return writer.finish();
}

/**
 * The command that a content and its scope make.
 * @returns the command, or what is wrong with the content in a few words. Never throws.
 */
export function decodeContent(
  bytes: Uint8Array,
  to: { readonly id: CommandId; readonly owner: OwnerName },
): Result<Command, string> {
  const unpacked = readPacked(bytes, (reader) => reader.value());
  if (!unpacked.ok) return failed(unpacked.error);
  const check = new ShapeCheck(PACK_FORMS);
  const command = shapeContent(unpacked.value, to, check);
  if (command) return ok(command);
  return failed(check.refusal ? `${check.refusal.code} ${check.refusal.detail ?? ""}`.trim() : "malformed");
}

/**
 * Judges an unpacked content.
 * @returns the command, or null when `check` holds a refusal. Never throws.
 */
export function shapeContent(content: PackValue, to: Addressed, check: ShapeCheck): Command | null {
  const op = contentOp(content);
  if (op === undefined || !Array.isArray(content)) {
    check.refuse(opRefusal(content), "op");
    return null;
  }
  if (content.length !== PLACES[op].length + 2) {
    check.refuse("malformed", "content");
    return null;
  }
  return shapeCommand(op, rawFields(op, content), to, check);
}

/** The operation of an unpacked content, or `undefined`. */
export function contentOp(content: PackValue): Op | undefined {
  if (!Array.isArray(content) || content[0] !== CONTENT_VERSION) return undefined;
  const number: unknown = content[1];
  return typeof number === "number" ? OPS[number] : undefined;
}

/**
 * The JSON name of the first field in which two contents differ; `op` when the operations do.
 * @returns null when they are equal or one does not decode. Never throws.
 */
export function differingField(left: Uint8Array, right: Uint8Array): string | null {
  const one = readPacked(left, (reader) => reader.value());
  const other = readPacked(right, (reader) => reader.value());
  if (!one.ok || !other.ok) return null;
  const op = contentOp(one.value);
  const otherOp = contentOp(other.value);
  if (!op || !otherOp || !Array.isArray(one.value) || !Array.isArray(other.value)) return null;
  if (op !== otherOp) return "op";
  for (const [index, field] of PLACES[op].entries()) {
    const ours: PackValue = one.value[index + 2] ?? null;
    const theirs: PackValue = other.value[index + 2] ?? null;
    if (!samePacked(ours, theirs)) return field === "legs" ? differingLeg(ours, theirs) : field;
  }
  return null;
}

/** Writes the canonical content of a command. */
export function writeContent(target: PackWriter, command: Command): void {
  target
    .array(PLACES[command.op].length + 2)
    .int(CONTENT_VERSION)
    .int(OPS.indexOf(command.op));
  switch (command.op) {
    case "open":
      target.text(command.wallet).text(command.asset);
      writeBound(target, command.min);
      writeBound(target, command.max);
      target.textOrNil(command.meta);
      return;
    case "transfer":
      writeTransfer(target, command);
      return;
    case "capture":
      writeAmount(target.id(command.hold), command.amount);
      target.bool(command.final);
      return;
    case "release":
      target.id(command.hold);
      return;
    case "reverse":
      writeAmount(target.id(command.transfer), command.amount);
      return;
    case "freeze":
    case "unfreeze":
    case "close":
      target.text(command.wallet).text(command.reason);
      return;
    case "limit":
      target.text(command.wallet);
      writeBound(target, command.min);
      writeBound(target, command.max);
  }
}

function writeTransfer(target: PackWriter, command: Extract<Command, { op: "transfer" }>): void {
  target.array(command.legs.length);
  for (const { from, to, amount } of command.legs) target.array(3).text(from).text(to).bigint(amount);
  if (command.holdTtlMs === null) target.nil();
  else target.int(command.holdTtlMs);
  target.textOrNil(command.code).textOrNil(command.ref).textOrNil(command.meta);
  if (command.ifVersion === null) {
    target.nil();
    return;
  }
  target.array(command.ifVersion.length);
  for (const [wallet, version] of command.ifVersion) target.array(2).text(wallet).int(version);
}

function writeAmount(target: PackWriter, amount: bigint | null): void {
  if (amount === null) target.nil();
  else target.bigint(amount);
}

function writeBound(target: PackWriter, bound: Bound | null): void {
  if (bound === null) target.nil();
  else if (bound === "unlimited") target.text(bound);
  else target.bigint(bound);
}

/** Version and operation are judged together: an unknown operation is told apart from damage. */
function opRefusal(content: PackValue): "malformed" | "unknown_op" {
  return Array.isArray(content) && content[0] === CONTENT_VERSION ? "unknown_op" : "malformed";
}

function rawFields(op: Op, content: readonly PackValue[]): RawFields {
  if (op === "transfer") return rawTransfer(content);
  const raw: Record<string, unknown> = {};
  for (const [index, field] of PLACES[op].entries()) {
    const value = content[index + 2];
    if (value !== null || ALWAYS_WRITTEN[op]?.includes(field)) raw[field] = value;
  }
  return raw;
}

/** The hot path: transfers are most of what a shard decodes. */
function rawTransfer(content: readonly PackValue[]): RawFields {
  const [, , legs, ttlMs, code, ref, meta, ifVersion] = content;
  return {
    legs: rawLegs(legs),
    hold: ttlMs === null ? undefined : { ttlMs },
    code: code ?? undefined,
    ref: ref ?? undefined,
    meta: meta ?? undefined,
    ifVersion: ifVersion ?? undefined,
  };
}

function rawLegs(legs: PackValue | undefined): unknown {
  if (!Array.isArray(legs)) return legs;
  const raw: unknown[] = [];
  for (const leg of legs) {
    raw.push(Array.isArray(leg) && leg.length === 3 ? { from: leg[0], to: leg[1], amount: leg[2] } : leg);
  }
  return raw;
}

function packedAmount(value: unknown): bigint | undefined {
  if (typeof value === "number") return value >= 1 ? BigInt(value) : undefined;
  return typeof value === "bigint" && value >= 1n && value <= INT64_MAX ? value : undefined;
}

function packedBound(value: unknown): Bound | undefined {
  if (value === "unlimited") return value;
  if (typeof value === "number") return BigInt(value);
  return typeof value === "bigint" && isInt64(value) ? value : undefined;
}

function packedPairs(value: unknown): (readonly [unknown, unknown])[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const pairs: (readonly [unknown, unknown])[] = [];
  for (const pair of value) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    pairs.push([pair[0], pair[1]]);
  }
  return pairs;
}

function packedMeta(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length > META_BYTES_MAX * 16) return undefined;
  const parsed = parseJson(Buffer.from(value, "utf8"));
  return parsed.ok && isJsonObject(parsed.value)
    ? canonicalJsonOf(parsed.value, JSON_DEPTH_MAX - 1)
    : undefined;
}

function differingLeg(left: PackValue, right: PackValue): string {
  const one = onlyLeg(left);
  const other = onlyLeg(right);
  if (!one || !other) return "legs";
  const place = ["from", "to", "amount"].findIndex(
    (_, index) => !samePacked(one[index] ?? null, other[index] ?? null),
  );
  return ["from", "to", "amount"][place] ?? "legs";
}

function onlyLeg(legs: PackValue): readonly PackValue[] | undefined {
  if (!Array.isArray(legs) || legs.length !== 1) return undefined;
  const leg: PackValue = legs[0] ?? null;
  return Array.isArray(leg) ? leg : undefined;
}

function samePacked(left: PackValue, right: PackValue): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  if (!Array.isArray(left) || !Array.isArray(right)) return left === right;
  return (
    left.length === right.length && left.every((value, index) => samePacked(value, right[index] ?? null))
  );
}
