// Items in MessagePack. The bytes are numbered, kept in the outbox, sent and hashed into the pair as they are,
// so one item has one encoding.
//
//   [version, 0|1|2, saga, move, tenant, owner, command, transfer, code, ref, legs, ifVersion]   apply check prepare
//   [version, 3, saga, of, code, detail, leg, assets]                                            result
//   [version, 4|5, saga]                                                                         commit abort

import type { DecisionItem, Item, ItemLeg, MoveItem, MoveKind, ResultItem } from "./item.ts";
import { CODE_BYTES_MAX, LEGS_MAX, REF_BYTES_MAX } from "./limits.ts";
import type { AssetName, WalletName } from "./names.ts";
import { readRefusal } from "./outcome-codec.ts";
import { decodeVersioned, type PackFields } from "./pack-fields.ts";
import { type CodecFailure, mismatch } from "./pack-reader.ts";
import { PackWriter } from "./pack-writer.ts";
import type { Result } from "./result.ts";

/** Version of the item format. */
export const ITEM_VERSION = 1;

/** Kinds by their numbers; append only. */
const KINDS = ["apply", "check", "prepare", "result", "commit", "abort"] as const;
const MOVES: readonly MoveKind[] = ["transfer", "capture", "reverse"];
/** What a result may answer, by the number of its kind. */
const ANSWERED: readonly ResultItem["of"][] = ["apply", "check", "prepare", "commit"];
/** Both wallets of every leg. */
const WALLETS_MAX = 2 * LEGS_MAX;

const writer = new PackWriter();

/** One item, in bytes of its own. Never throws for a valid item; about 0.6 µs. */
export function encodeItem(item: Item): Uint8Array {
  switch (item.kind) {
    case "apply":
    case "check":
    case "prepare":
      writeMove(item);
      break;
    case "result":
      writeResult(item);
      break;
    case "commit":
    case "abort":
      begin(3, item.kind).int(item.saga);
  }
  return writer.finish();
}

/** Reads what {@link encodeItem} gave. Never throws. */
export function decodeItem(bytes: Uint8Array): Result<Item, CodecFailure> {
  return decodeVersioned(bytes, ITEM_VERSION, readItem);
}

function begin(length: number, kind: Item["kind"]): PackWriter {
  return writer.begin().array(length).int(ITEM_VERSION).int(KINDS.indexOf(kind));
}

function writeMove(item: MoveItem): void {
  begin(12, item.kind).int(item.saga).int(MOVES.indexOf(item.move)).text(item.tenant).text(item.owner);
  writer.id(item.command).idOrNil(item.transfer).textOrNil(item.code).textOrNil(item.ref);
  writer.array(item.legs.length);
  for (const { leg, from, to, amount, asset } of item.legs) {
    writer.array(5).int(leg).text(from).text(to).bigint(amount).textOrNil(asset);
  }
  writer.array(item.ifVersion.length);
  for (const [wallet, version] of item.ifVersion) writer.array(2).text(wallet).int(version);
}

function writeResult(item: ResultItem): void {
  begin(8, "result").int(item.saga).int(ANSWERED.indexOf(item.of));
  writer.textOrNil(item.refusal?.code ?? null).textOrNil(item.refusal?.detail ?? null);
  writer.int(item.leg).array(item.assets.length);
  for (const [wallet, asset] of item.assets) writer.array(2).text(wallet).text(asset);
}

function readItem(fields: PackFields): Item {
  const kind = fields.oneOf(KINDS);
  const saga = fields.int(1);
  switch (kind) {
    case "apply":
    case "check":
    case "prepare":
      return readMove(kind, saga, fields);
    case "result":
      return readResult(saga, fields);
    case "commit":
    case "abort":
      return { kind, saga } satisfies DecisionItem;
  }
}

function readMove(kind: MoveItem["kind"], saga: number, fields: PackFields): MoveItem {
  return {
    kind,
    saga,
    move: fields.oneOf(MOVES),
    tenant: fields.tenant(),
    owner: fields.owner(),
    command: fields.id(),
    transfer: fields.idOrNull(),
    code: fields.textOrNull(CODE_BYTES_MAX),
    ref: fields.textOrNull(REF_BYTES_MAX),
    legs: readLegs(fields),
    ifVersion: fields.list(WALLETS_MAX, (pair): readonly [WalletName, number] => [pair.wallet(), pair.int()]),
  };
}

function readLegs(fields: PackFields): ItemLeg[] {
  const legs = fields.list(LEGS_MAX, (leg) => ({
    leg: leg.int(0, LEGS_MAX - 1),
    from: leg.wallet(),
    to: leg.wallet(),
    amount: leg.money(1n),
    asset: leg.assetOrNull(),
  }));
  return legs.length > 0 ? legs : mismatch();
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
