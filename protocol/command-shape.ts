// The shape rules of the contract, one function an operation: which fields there are, which may be absent,
// and what they must be on their own, without any state. Both wire forms come through here, so a command
// means the same however it was encoded. Whatever passes is a Command; nothing after it checks shape again.

import type {
  CaptureCommand,
  Command,
  Leg,
  LimitCommand,
  Op,
  OpenCommand,
  ReleaseCommand,
  ReverseCommand,
  StatusCommand,
  TransferCommand,
} from "./command.ts";
import { OPS } from "./command.ts";
import type { CommandId } from "./command-id.ts";
import {
  CODE_BYTES_MAX,
  HOLD_TTL_MS_MAX,
  LEGS_MAX,
  META_BYTES_MAX,
  REASON_BYTES_MAX,
  REF_BYTES_MAX,
} from "./limits.ts";
import type { OwnerName, WalletName } from "./names.ts";
import { isOwnedBy, ownerOf, parseWallet } from "./names.ts";
import type { ShapeCheck } from "./shape-check.ts";

/** A command's fields by their JSON names, values in the spelling of their wire form; absent ones undefined. */
export type RawFields = Readonly<Record<string, unknown>>;

/** Whom a command is for; undefined parts were refused already. */
export interface Addressed {
  readonly id: CommandId | undefined;
  readonly owner: OwnerName | undefined;
}

/** The known fields of each operation, `op` and `id` left out. */
export const OP_FIELDS: Readonly<Record<Op, readonly string[]>> = {
  open: ["wallet", "asset", "min", "max", "meta"],
  transfer: ["from", "to", "amount", "legs", "hold", "code", "ref", "meta", "ifVersion"],
  capture: ["hold", "amount", "final"],
  release: ["hold"],
  reverse: ["transfer", "amount"],
  freeze: ["wallet", "reason"],
  unfreeze: ["wallet", "reason"],
  close: ["wallet", "reason"],
  limit: ["wallet", "min", "max"],
};

/** Whether a value names an operation. */
export function isOp(value: unknown): value is Op {
  return OPS.some((op) => op === value);
}

/** Notes fields that the operation does not have. */
export function checkUnknownFields(op: Op, raw: RawFields, check: ShapeCheck): void {
  for (const field of Object.keys(raw)) {
    if (field !== "op" && field !== "id" && !OP_FIELDS[op].includes(field)) check.refuse("malformed", field);
  }
}

/**
 * Judges the fields of one operation.
 * @returns the command, or null when `check` holds a refusal. Never throws.
 */
export function shapeCommand(op: Op, raw: RawFields, to: Addressed, check: ShapeCheck): Command | null {
  switch (op) {
    case "open":
      return shapeOpen(raw, to, check);
    case "transfer":
      return shapeTransfer(raw, to, check);
    case "capture":
      return shapeCapture(raw, to, check);
    case "release":
      return shapeRelease(raw, to, check);
    case "reverse":
      return shapeReverse(raw, to, check);
    case "freeze":
    case "unfreeze":
    case "close":
      return shapeStatus(op, raw, to, check);
    case "limit":
      return shapeLimit(raw, to, check);
  }
}

/** Whether an operation names a wallet of the owner it is addressed to. */
export function impliesOwner(op: Op): boolean {
  return op === "transfer" || OP_FIELDS[op].includes("wallet");
}

/**
 * The owner that a command implies: of the first leg's `from`, or of its wallet.
 * @returns `undefined` when it names no valid wallet there. Never throws.
 */
export function impliedOwner(op: Op, raw: RawFields): OwnerName | undefined {
  const wallet = parseWallet(op === "transfer" ? firstSource(raw) : raw["wallet"]);
  return wallet === undefined ? undefined : ownerOf(wallet);
}

function firstSource(raw: RawFields): unknown {
  const legs = raw["legs"];
  if (legs === undefined) return raw["from"];
  const first: unknown = Array.isArray(legs) ? legs[0] : undefined;
  return isRawFields(first) ? first["from"] : undefined;
}

function shapeOpen(raw: RawFields, { id, owner }: Addressed, check: ShapeCheck): OpenCommand | null {
  const wallet = check.ownWallet(raw["wallet"], "wallet", owner);
  const asset = check.asset(raw["asset"], "asset");
  const min = raw["min"] === undefined ? 0n : check.min(raw["min"], "min");
  const max = raw["max"] === undefined ? "unlimited" : check.max(raw["max"], "max");
  const meta = check.metaOrNull(raw["meta"], "meta", META_BYTES_MAX);
  if (check.refusal || !id || !owner || !wallet || !asset) return null;
  if (min === undefined || max === undefined || meta === undefined) return null;
  return { op: "open", id, owner, wallet, asset, min, max, meta };
}

function shapeTransfer(raw: RawFields, { id, owner }: Addressed, check: ShapeCheck): TransferCommand | null {
  const legs = shapeLegs(raw, owner, check);
  const holdTtlMs = raw["hold"] === undefined ? null : shapeHold(raw["hold"], check);
  const code = check.textOrNull(raw["code"], "code", CODE_BYTES_MAX);
  const ref = check.textOrNull(raw["ref"], "ref", REF_BYTES_MAX);
  const meta = check.metaOrNull(raw["meta"], "meta", META_BYTES_MAX);
  const ifVersion = raw["ifVersion"] === undefined ? null : shapeVersions(raw["ifVersion"], legs, check);
  if (holdTtlMs !== null && owner !== undefined) checkSources(legs, owner, check);
  if (check.refusal || !id || !owner) return null;
  if (holdTtlMs === undefined || code === undefined || ref === undefined) return null;
  if (meta === undefined || ifVersion === undefined) return null;
  return { op: "transfer", id, owner, legs, holdTtlMs, code, ref, meta, ifVersion };
}

/** The legs that are valid; what is wrong with others is noted. */
function shapeLegs(raw: RawFields, owner: OwnerName | undefined, check: ShapeCheck): Leg[] {
  const legs: Leg[] = [];
  const list = raw["legs"];
  if (list === undefined) {
    shapeLeg(raw, null, owner, { legs, check });
    return legs;
  }
  checkShortForm(raw, check);
  if (!Array.isArray(list) || list.length === 0 || list.length > LEGS_MAX)
    check.refuse("legs_invalid", "legs");
  if (!Array.isArray(list)) return legs;
  for (let index = 0; index < list.length; index += 1) {
    const element: unknown = list[index];
    if (isRawFields(element)) {
      checkLegFields(element, index, check);
      shapeLeg(element, index, index === 0 ? owner : undefined, { legs, check });
    } else check.refuse("legs_invalid", `legs[${index}]`);
  }
  return legs;
}

/** `from`, `to` and `amount` beside `legs` are one form too many; they are judged all the same. */
function checkShortForm({ from, to, amount }: RawFields, check: ShapeCheck): void {
  if (from === undefined && to === undefined && amount === undefined) return;
  check.refuse("legs_invalid", "legs");
  if (from !== undefined) check.wallet(from, "from");
  if (to !== undefined) check.wallet(to, "to");
  if (amount !== undefined) check.amount(amount, "amount");
}

function checkLegFields(leg: RawFields, index: number, check: ShapeCheck): void {
  for (const field in leg) {
    const known = field === "from" || field === "to" || field === "amount";
    if (!known && Object.hasOwn(leg, field)) check.refuse("malformed", legPath(index, field));
  }
}

/** Judges one leg; `index` is null for the short form. */
function shapeLeg(
  raw: RawFields,
  index: number | null,
  owner: OwnerName | undefined,
  { legs, check }: { readonly legs: Leg[]; readonly check: ShapeCheck },
): void {
  const from = parseWallet(raw["from"]) ?? check.refuse("wallet_invalid", legPath(index, "from"));
  const to = parseWallet(raw["to"]) ?? check.refuse("wallet_invalid", legPath(index, "to"));
  const amount =
    check.forms.amount(raw["amount"]) ?? check.refuse("amount_invalid", legPath(index, "amount"));
  if (from !== undefined && owner !== undefined && !isOwnedBy(from, owner)) {
    check.refuse("wrong_owner", legPath(index, "from"));
  }
  if (from !== undefined && from === to) check.refuse("same_wallet", legPath(index, "to"));
  if (from !== undefined && to !== undefined && amount !== undefined) legs.push({ from, to, amount });
}

function legPath(index: number | null, field: string): string {
  return index === null ? field : `legs[${index}].${field}`;
}

function shapeHold(hold: unknown, check: ShapeCheck): number | undefined {
  if (!isRawFields(hold)) return check.refuse("ttl_invalid", "hold");
  for (const field of Object.keys(hold)) {
    if (field !== "ttlMs") check.refuse("malformed", `hold.${field}`);
  }
  const ttlMs = hold["ttlMs"];
  const fits = typeof ttlMs === "number" && Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= HOLD_TTL_MS_MAX;
  return fits ? ttlMs : check.refuse("ttl_invalid", "hold.ttlMs");
}

function checkSources(legs: readonly Leg[], owner: OwnerName, check: ShapeCheck): void {
  for (const { from } of legs) {
    if (!isOwnedBy(from, owner)) check.refuse("legs_invalid", "legs");
  }
}

function shapeVersions(
  value: unknown,
  legs: readonly Leg[],
  check: ShapeCheck,
): (readonly [WalletName, number])[] | null | undefined {
  const pairs = check.forms.versionPairs(value);
  if (!pairs) return check.refuse("malformed", "ifVersion");
  const wallets = new Set(legs.flatMap(({ from, to }) => [from, to]));
  const versions = new Map<WalletName, number>();
  for (const [name, number] of pairs) {
    const path = typeof name === "string" ? `ifVersion.${name}` : "ifVersion";
    const wallet = check.wallet(name, path);
    const version = check.forms.version(number) ?? check.refuse("malformed", path);
    if (wallet === undefined || version === undefined) continue;
    if (!wallets.has(wallet)) check.refuse("legs_invalid", path);
    if (versions.has(wallet)) check.refuse("malformed", path);
    versions.set(wallet, version);
  }
  if (versions.size === 0) return null;
  return [...versions].sort(([left], [right]) => (left < right ? -1 : 1));
}

function shapeCapture(raw: RawFields, { id, owner }: Addressed, check: ShapeCheck): CaptureCommand | null {
  const hold = check.id(raw["hold"], "hold");
  const amount = check.amountOrNull(raw["amount"], "amount");
  const final = raw["final"] === undefined ? true : raw["final"];
  if (typeof final !== "boolean") check.refuse("malformed", "final");
  if (check.refusal || !id || !owner || !hold || amount === undefined) return null;
  return { op: "capture", id, owner, hold, amount, final: final === true };
}

function shapeRelease(raw: RawFields, { id, owner }: Addressed, check: ShapeCheck): ReleaseCommand | null {
  const hold = check.id(raw["hold"], "hold");
  if (check.refusal || !id || !owner || !hold) return null;
  return { op: "release", id, owner, hold };
}

function shapeReverse(raw: RawFields, { id, owner }: Addressed, check: ShapeCheck): ReverseCommand | null {
  const transfer = check.id(raw["transfer"], "transfer");
  const amount = check.amountOrNull(raw["amount"], "amount");
  if (check.refusal || !id || !owner || !transfer || amount === undefined) return null;
  return { op: "reverse", id, owner, transfer, amount };
}

function shapeStatus(
  op: StatusCommand["op"],
  raw: RawFields,
  { id, owner }: Addressed,
  check: ShapeCheck,
): StatusCommand | null {
  const wallet = check.ownWallet(raw["wallet"], "wallet", owner);
  const reason = check.text(raw["reason"], "reason", REASON_BYTES_MAX);
  if (check.refusal || !id || !owner || !wallet || !reason) return null;
  return { op, id, owner, wallet, reason };
}

function shapeLimit(raw: RawFields, { id, owner }: Addressed, check: ShapeCheck): LimitCommand | null {
  const wallet = check.ownWallet(raw["wallet"], "wallet", owner);
  const min = raw["min"] === undefined ? null : check.min(raw["min"], "min");
  const max = raw["max"] === undefined ? null : check.max(raw["max"], "max");
  if (min === null && max === null) check.refuse("malformed", "min");
  if (check.refusal || !id || !owner || !wallet || min === undefined || max === undefined) return null;
  return { op: "limit", id, owner, wallet, min, max };
}

function isRawFields(value: unknown): value is RawFields {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}
