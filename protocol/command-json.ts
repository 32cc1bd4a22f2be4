// Commands as JSON: what services publish. Decoding is total: whatever the bytes, they give commands or
// refused shapes, one for each element of the message, and one for the whole when it cannot be taken apart.
//
// Plain transfers are read the short way (plain-json); everything else by way of JSON.parse, here.
//
// Owns the JSON spelling of values and the order message -> element -> fields. Shape rules: command-shape.

import { canonicalJsonOf, isJsonObject, parseJsonMessage } from "./canonical-json.ts";
import type { Command } from "./command.ts";
import { encodeCommand } from "./command-content.ts";
import { parseCommandId } from "./command-id.ts";
import { checkUnknownFields, impliedOwner, impliesOwner, isOp, shapeCommand } from "./command-shape.ts";
import { parseDecimal } from "./decimal.ts";
import type { DecodeContext, DecodedCommandOrRefusal, RefusedShape } from "./decoded-command.ts";
import type { JsonFault } from "./json-scan.ts";
import {
  COMMANDS_PER_MESSAGE_MAX,
  ECHOED_ID_CHARS_MAX,
  JSON_DEPTH_MAX,
  MESSAGE_BYTES_MAX,
} from "./limits.ts";
import type { Bound } from "./money.ts";
import { boundText, parseAmount, parseInt64 } from "./money.ts";
import type { OwnerName } from "./names.ts";
import type { RefusalCode } from "./outcome.ts";
import { refusal } from "./outcome.ts";
import { PlainJsonReader } from "./plain-json.ts";
import type { FieldForms } from "./shape-check.ts";
import { detailText, ShapeCheck } from "./shape-check.ts";
import { shardOf } from "./shard-map.ts";

const plain = new PlainJsonReader();

/** How JSON spells values. */
export const JSON_FORMS: FieldForms = {
  id: parseCommandId,
  amount: parseAmount,
  bound: (value) => (value === "unlimited" ? value : parseInt64(value)),
  version: parseDecimal,
  versionPairs: (value) => (isJsonObject(value) ? Object.entries(value) : undefined),
  meta: (value) => (isJsonObject(value) ? canonicalJsonOf(value, JSON_DEPTH_MAX - 1) : undefined),
};

/**
 * Decodes one command or an array of them.
 * @returns one element each, in order; a message that fails as a whole gives one refused element without id.
 * Never throws.
 */
export function decodeCommandMessage(bytes: Uint8Array, context: DecodeContext): DecodedCommandOrRefusal[] {
  if (bytes.length > MESSAGE_BYTES_MAX) return [refusedMessage("too_large", "message")];
  const transfers = plain.read(bytes, context);
  if (!transfers) return decodeMessageTheLongWay(bytes, context);
  return transfers.map((command) => ({ command, content: encodeCommand(command), shard: context.shard }));
}

/** {@link decodeCommandMessage} of a message of any size by way of JSON.parse: what the short way is held against. */
export function decodeMessageTheLongWay(
  bytes: Uint8Array,
  context: DecodeContext,
): DecodedCommandOrRefusal[] {
  const message = parseJsonMessage(bytes);
  if (!message.ok) return [refusedMessage("malformed", message.error)];
  const { value, faults } = message.value;
  const elements: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (elements.length > COMMANDS_PER_MESSAGE_MAX) return [refusedMessage("too_large", "commands")];
  return elements.map((element, index) => {
    const fault = faults.get(index);
    return fault ? refusedElement(element, fault) : decodeCommandValue(element, context);
  });
}

/**
 * Decodes one parsed object. Without an owner in the context the command's own first wallet names it.
 * @param value of any origin
 * @returns the command or why it was refused. Never throws.
 */
export function decodeCommandValue(value: unknown, context: DecodeContext): DecodedCommandOrRefusal {
  if (!isJsonObject(value)) return refusedMessage("malformed", "not an object");
  const { op } = value;
  const echo = { id: echoedId(value["id"]), op: echoedText(op) };
  if (!isOp(op)) return { ...echo, shape: refusal("unknown_op", "op") };
  const check = new ShapeCheck(JSON_FORMS);
  checkUnknownFields(op, value, check);
  const id = check.id(value["id"], "id");
  const owner = context.owner ?? impliedOwner(op, value);
  if (owner === undefined && !impliesOwner(op)) check.refuse("wrong_owner", "owner");
  checkShard(owner, context, check);
  const command = shapeCommand(op, value, { id, owner }, check);
  if (!command) return { ...echo, shape: check.refusal ?? refusal("malformed", null) };
  return { command, content: encodeCommand(command), shard: context.shard };
}

/** Notes `wrong_shard` when the owner lives elsewhere than where the message arrived. */
export function checkShard(owner: OwnerName | undefined, context: DecodeContext, check: ShapeCheck): void {
  if (context.shard === null || owner === undefined) return;
  if (shardOf(context.tenant, owner, context.shards) !== context.shard) check.refuse("wrong_shard", "owner");
}

/** A message that was refused as a whole. */
export function refusedMessage(code: RefusalCode, detail: string): RefusedShape {
  return { id: null, op: null, shape: refusal(code, detail) };
}

/** A command whose text holds a fault: its fields cannot be trusted, so only what is unambiguous is echoed. */
function refusedElement(element: unknown, fault: JsonFault): RefusedShape {
  if (!isJsonObject(element)) return refusedMessage("malformed", fault.reason);
  const op = fault.key === "op" ? null : echoedText(element["op"]);
  const id = fault.key === "id" ? null : echoedId(element["id"]);
  if (fault.key !== "op" && !isOp(element["op"])) return { id, op, shape: refusal("unknown_op", "op") };
  return { id, op, shape: refusal("malformed", detailText(fault.key ?? fault.reason)) };
}

function echoedId(value: unknown): string | null {
  return parseCommandId(value) ?? echoedText(value);
}

/** Text of at most 64 characters as it came, else null. */
export function echoedText(value: unknown): string | null {
  if (typeof value !== "string" || value.length > ECHOED_ID_CHARS_MAX) return null;
  return value.isWellFormed() ? value : null;
}

/** The JSON form of a command, defaults and absent fields left out, a single leg in the short form. */
export function commandToJson(command: Command): Record<string, unknown> {
  const { op, id } = command;
  return { op, id, ...fieldsToJson(command) };
}

function fieldsToJson(command: Command): Record<string, unknown> {
  switch (command.op) {
    case "open":
      return {
        wallet: command.wallet,
        asset: command.asset,
        ...(command.min === 0n ? {} : boundField("min", command.min)),
        ...(command.max === "unlimited" ? {} : boundField("max", command.max)),
        ...metaField(command.meta),
      };
    case "transfer":
      return {
        ...legFields(command.legs),
        ...(command.holdTtlMs === null ? {} : { hold: { ttlMs: command.holdTtlMs } }),
        ...(command.code === null ? {} : { code: command.code }),
        ...(command.ref === null ? {} : { ref: command.ref }),
        ...metaField(command.meta),
        ...(command.ifVersion === null ? {} : { ifVersion: versionsToJson(command.ifVersion) }),
      };
    case "capture":
      return {
        hold: command.hold,
        ...amountField(command.amount),
        ...(command.final ? {} : { final: false }),
      };
    case "release":
      return { hold: command.hold };
    case "reverse":
      return { transfer: command.transfer, ...amountField(command.amount) };
    case "freeze":
    case "unfreeze":
    case "close":
      return { wallet: command.wallet, reason: command.reason };
    case "limit":
      return { wallet: command.wallet, ...boundField("min", command.min), ...boundField("max", command.max) };
  }
}

function legFields(legs: Extract<Command, { op: "transfer" }>["legs"]): Record<string, unknown> {
  const json = legs.map(({ from, to, amount }) => ({ from, to, amount: amount.toString() }));
  const [only] = json;
  return json.length === 1 && only ? { ...only } : { legs: json };
}

function versionsToJson(versions: readonly (readonly [string, number])[]): Record<string, string> {
  return Object.fromEntries(versions.map(([wallet, version]) => [wallet, version.toString()]));
}

function amountField(amount: bigint | null): Record<string, unknown> {
  return amount === null ? {} : { amount: amount.toString() };
}

function boundField(name: "min" | "max", bound: Bound | null): Record<string, unknown> {
  return bound === null ? {} : { [name]: boundText(bound) };
}

function metaField(meta: string | null): Record<string, unknown> {
  return meta === null ? {} : { meta: JSON.parse(meta) };
}
