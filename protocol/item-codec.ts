// Items in MessagePack, and groups of them: `[item…]`, the consecutive items for one peer that one record caused.
// A group's bytes are kept in the outbox, sent and hashed into the pair as they are, so a group has one encoding.
//
//   [version, 0|1|2, saga, move, tenant, owner, command, transfer, code, ref, legs, ifVersion]   apply check prepare
//   [version, 3, saga, of, code, detail, leg, assets]                                            result
//   [version, 4|5, saga]                                                                         commit abort
//
// The tenant is nil where it is that of the move before in the group, the owner where it is that of the first leg's
// `from`: both are so in nearly every item.

import type { DecisionItem, Item, ItemLeg, MoveItem, MoveKind, ResultItem } from "./item.ts";
import { CODE_BYTES_MAX, ITEM_GROUP_MAX, LEGS_MAX, REF_BYTES_MAX } from "./limits.ts";
import { type AssetName, isOwnedBy, ownerOf, type TenantName, type WalletName } from "./names.ts";
import { readRefusal } from "./outcome-codec.ts";
import { PackFields } from "./pack-fields.ts";
import {
  type CodecFailure,
  catchMismatch,
  mismatch,
  PackReader,
  type PackValue,
  readPacked,
} from "./pack-reader.ts";
import { PackWriter } from "./pack-writer.ts";
import { readPlainItems } from "./plain-items.ts";
import { failed, ok, type Result } from "./result.ts";

/** Version of the item format. */
export const ITEM_VERSION = 1;

/** Kinds by their numbers; append only. */
const KINDS = ["apply", "check", "prepare", "result", "commit", "abort"] as const;
const MOVES: readonly MoveKind[] = ["transfer", "capture", "reverse"];
/** What a result may answer, by the number of its kind. */
const ANSWERED: readonly ResultItem["of"][] = ["apply", "check", "prepare", "commit"];
/** Both wallets of every leg. */
const WALLETS_MAX = 2 * LEGS_MAX;

const scratch = new PackWriter();

/** Puts the items of one group together; used again for the next. Never throws for valid items. */
export class ItemGroupWriter {
  readonly #items = new PackWriter();
  #count = 0;
  /** Of the last move. */
  #tenant: TenantName | null = null;

  /** Items since the last {@link take}. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of those items. */
  get length(): number {
    return this.#items.length;
  }

  /** Adds an item; about 0.4 µs. */
  add(item: Item): void {
    if (this.#count === 0) this.#items.begin();
    this.#count += 1;
    writeItem(this.#items, item, this.#tenant);
    if ("legs" in item) this.#tenant = item.tenant;
  }

  /** The group, in bytes of its own; the next one begins. */
  take(): Uint8Array {
    const bytes = scratch.begin().array(this.#count).raw(this.#items.view()).finish();
    this.drop();
    return bytes;
  }

  /** Forgets what was added: a rollback. */
  drop(): void {
    this.#count = 0;
    this.#tenant = null;
  }
}

/** A group of these items, in bytes of its own. */
export function encodeItems(items: readonly Item[]): Uint8Array {
  const group = new ItemGroupWriter();
  for (const item of items) group.add(item);
  return group.take();
}

/** How many items a group holds, from its head alone. `malformed` when it holds none or is no group. Never throws. */
export function countItems(group: Uint8Array): Result<number, "malformed"> {
  return catchMismatch(() => {
    const count = new PackReader(group).arrayLength();
    return count >= 1 && count <= ITEM_GROUP_MAX ? count : mismatch();
  });
}

/** Reads the items of a group. Errors: `unknown_version` of any item, else `malformed`. Never throws. */
export function decodeItems(group: Uint8Array): Result<Item[], CodecFailure> {
  const plain = readPlainItems(group);
  return plain === undefined ? decodeItemsTheLongWay(group) : ok(plain);
}

/** {@link decodeItems} the long way: what the short way is held against. */
export function decodeItemsTheLongWay(group: Uint8Array): Result<Item[], CodecFailure> {
  const unpacked = readPacked(group, (reader) => reader.value());
  if (!unpacked.ok) return unpacked;
  const { value } = unpacked;
  if (!Array.isArray(value) || value.length === 0 || value.length > ITEM_GROUP_MAX)
    return failed("malformed");
  for (const item of value) {
    if (!Array.isArray(item) || typeof item[0] !== "number") return failed("malformed");
    if (item[0] !== ITEM_VERSION) return failed("unknown_version");
  }
  return catchMismatch(() => readPackedItems(value));
}

function readPackedItems(values: readonly PackValue[]): Item[] {
  let tenant: TenantName | null = null;
  return values.map((value) => {
    if (!Array.isArray(value)) return mismatch();
    const fields = new PackFields(value, 1);
    const item = readItem(fields, tenant);
    fields.end();
    if ("legs" in item) tenant = item.tenant;
    return item;
  });
}

/** @param tenant that of the move before in the group */
function writeItem(writer: PackWriter, item: Item, tenant: TenantName | null): void {
  switch (item.kind) {
    case "apply":
    case "check":
    case "prepare":
      writeMove(writer, item, tenant);
      break;
    case "result":
      writeResult(writer, item);
      break;
    case "commit":
    case "abort":
      begin(writer, 3, item.kind).int(item.saga);
  }
}

function begin(writer: PackWriter, length: number, kind: Item["kind"]): PackWriter {
  return writer.array(length).int(ITEM_VERSION).int(KINDS.indexOf(kind));
}

function writeMove(writer: PackWriter, item: MoveItem, tenant: TenantName | null): void {
  const [leg] = item.legs;
  const isPayer = leg !== undefined && isOwnedBy(leg.from, item.owner);
  begin(writer, 12, item.kind)
    .int(item.saga)
    .int(MOVES.indexOf(item.move))
    .textOrNil(item.tenant === tenant ? null : item.tenant)
    .textOrNil(isPayer ? null : item.owner);
  writer.id(item.command).idOrNil(item.transfer).textOrNil(item.code).textOrNil(item.ref);
  writer.array(item.legs.length);
  for (const { leg, from, to, amount, asset } of item.legs) {
    writer.array(5).int(leg).text(from).text(to).bigint(amount).textOrNil(asset);
  }
  writer.array(item.ifVersion.length);
  for (const [wallet, version] of item.ifVersion) writer.array(2).text(wallet).int(version);
}

function writeResult(writer: PackWriter, item: ResultItem): void {
  begin(writer, 8, "result").int(item.saga).int(ANSWERED.indexOf(item.of));
  writer.textOrNil(item.refusal?.code ?? null).textOrNil(item.refusal?.detail ?? null);
  writer.int(item.leg).array(item.assets.length);
  for (const [wallet, asset] of item.assets) writer.array(2).text(wallet).text(asset);
}

function readItem(fields: PackFields, tenant: TenantName | null): Item {
  const kind = fields.oneOf(KINDS);
  const saga = fields.int(1);
  switch (kind) {
    case "apply":
    case "check":
    case "prepare":
      return readMove({ kind, saga, tenant }, fields);
    case "result":
      return readResult(saga, fields);
    case "commit":
    case "abort":
      return { kind, saga } satisfies DecisionItem;
  }
}

function readMove(
  { kind, saga, tenant }: { kind: MoveItem["kind"]; saga: number; tenant: TenantName | null },
  fields: PackFields,
): MoveItem {
  const move = fields.oneOf(MOVES);
  const named = { tenant: fields.tenantOrNull() ?? tenant, owner: fields.ownerOrNull() };
  const about = {
    command: fields.id(),
    transfer: fields.idOrNull(),
    code: fields.textOrNull(CODE_BYTES_MAX),
    ref: fields.textOrNull(REF_BYTES_MAX),
  };
  const legs = readLegs(fields);
  const scope = { tenant: named.tenant ?? mismatch(), owner: named.owner ?? ownerOf(legs[0].from) };
  const ifVersion = fields.list(WALLETS_MAX, (pair): readonly [WalletName, number] => [
    pair.wallet(),
    pair.int(),
  ]);
  return { kind, saga, move, ...scope, ...about, legs, ifVersion };
}

function readLegs(fields: PackFields): [ItemLeg, ...ItemLeg[]] {
  const legs = fields.list(LEGS_MAX, (leg) => ({
    leg: leg.int(0, LEGS_MAX - 1),
    from: leg.wallet(),
    to: leg.wallet(),
    amount: leg.money(1n),
    asset: leg.assetOrNull(),
  }));
  const [first, ...others] = legs;
  return first === undefined ? mismatch() : [first, ...others];
}

function readResult(saga: number, fields: PackFields): ResultItem {
  return {
    kind: "result",
    saga,
    of: fields.oneOf(ANSWERED),
    refusal: readRefusal(fields),
    leg: fields.int(0, LEGS_MAX - 1),
    assets: fields.list(WALLETS_MAX, (pair): readonly [WalletName, AssetName] => [
      pair.wallet(),
      pair.asset(),
    ]),
  };
}
