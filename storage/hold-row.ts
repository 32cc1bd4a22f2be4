// The stored form of a hold. Owns the layout and its version; number and owner are columns of the row.
// Does not own which holds exist or are listed (hold-table). Numbers of statuses are never given anew, so that
// a row of an older program never reads as another status.

import type { Hold } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { Leg } from "../protocol/command.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

const VERSION = 1;

/** Hold statuses in the order of their stored numbers; only grows. */
const HOLD_STATUSES = [
  "placing",
  "open",
  "captured",
  "released",
  "expired",
  "refused",
] as const satisfies readonly Hold["status"][];

/** Whether listings show a hold: it was placed. */
export function isListed({ status }: Hold): boolean {
  return status !== "placing" && status !== "refused";
}

/** What the checksum of a hold's row is over, beside its body, in the order of the columns. */
export function holdNumbers(number: number, owner: number, listed: number) {
  return [number, owner, listed] as const;
}

/** Writes a hold. */
export function writeHold(writer: ByteWriter, hold: Hold): void {
  assert(hold.assets.length === hold.legs.length, "a hold has the asset of each leg");
  writer.byte(VERSION);
  writer.byte(HOLD_STATUSES.indexOf(hold.status));
  writer.id(hold.id);
  writer.varint(hold.legs.length);
  for (const { from, to, amount } of hold.legs) {
    writer.text(from);
    writer.text(to);
    writer.int64(amount);
  }
  writer.varint(hold.assets.length);
  for (const asset of hold.assets) writer.text(asset);
  writer.optionalText(hold.code);
  writer.optionalText(hold.ref);
  writer.optionalText(hold.meta);
  writer.varint(hold.ttlMs);
  writer.varint(hold.expiresMs);
  writer.int64(hold.left);
  writer.int64(hold.captured);
  writer.int64(hold.reversed);
}

/** Reads a stored hold. Errors: `StorageFault("corrupt")`. */
export function readHold(
  body: Uint8Array,
  { number, tenant, owner }: { number: number; tenant: TenantName; owner: OwnerName },
): Hold {
  const reader = new ByteReader(body, `hold ${number}`);
  reader.version(VERSION);
  const status = reader.choice(HOLD_STATUSES);
  const hold: Hold = {
    number,
    tenant,
    owner,
    id: reader.id(),
    legs: reader.list(() => readLeg(reader)),
    assets: reader.list(() => reader.name<AssetName>()),
    code: reader.optionalText(),
    ref: reader.optionalText(),
    meta: reader.optionalText(),
    ttlMs: reader.varint(),
    status,
    expiresMs: reader.varint(),
    left: reader.int64(),
    captured: reader.int64(),
    reversed: reader.int64(),
  };
  reader.end();
  return hold;
}

function readLeg(reader: ByteReader): Leg {
  return { from: reader.name<WalletName>(), to: reader.name<WalletName>(), amount: reader.int64() };
}
